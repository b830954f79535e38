"""Experiments on the Train page: built networks, sweeps and links."""

import json

import numpy as np
import pytest

from digitcore.jobs.job import JobStatus
from digitcore.jobs.tasks import TrainTask
from digitcore.models.network_spec import Block, NetworkSpec
from digitcore.samples import SampleSet
from digitcore.sweeps.plan import SweepPlan
from digitcore.sweeps.runner import Sweep
from digitcore.sweeps.space import Range
from digitcore.sweeps.trial import SCORES
from digitcore.training.settings import TrainSettings
from pages.session.training_state import Start
from tests.support.app import (
    EVALUATE,
    TRAIN,
    add_samples,
    go,
    new_app,
    session_of,
    set_network_rows,
    shown_link,
    table_with,
    texts,
    until,
    until_answered,
    until_trained,
)
from tests.support.networks import HOSTILE

LINKED = [text for name, (text, _) in HOSTILE.items() if name != "very long text"][:10]


def add_sweep(session, start, samples, space, **options):
    """Give the session a sweep that has ended. No trial is trained, and a later trial has a higher score."""
    training = session.training
    training.sweep = Sweep(start, samples, SweepPlan(space, training.settings, training.swept_network, **options))
    for n, trial in enumerate(training.sweep.trials):
        trial.status, trial.scores = JobStatus.DONE, dict.fromkeys(SCORES, n / 100)


def test_the_best_of_a_sweep_is_applied(app, few, genius):
    grid = {"sample_weight": [1.0, 5.0], "mnist_samples": [200, 1000], "learning_rate": [1e-3], "batch_size": [128]}
    session = session_of(app)
    add_samples(app, few)
    go(app, TRAIN)
    app.toggle(key="sweeping").set_value(True).run()
    add_sweep(session, genius, few, grid)
    app.run()
    app.button(key="sweep_apply").click().run()
    best = session.training.settings
    assert (best.sample_weight, best.mnist_samples, best.learning_rate, best.batch_size) == (5.0, 1000, 1e-3, 128)
    widgets = [app.select_slider(key=name).value for name in ("sample_weight", "mnist_samples", "learning_rate", "batch_size")]
    assert widgets == [5.0, 1000, 1e-3, 128]
    settings = {"sample_weight": "5", "mnist_samples": "1000", "learning_rate": "0.001", "batch_size": "128"}
    assert shown_link(app) == settings | {"start": "genius"}
    assert session.models.runs == (), "no training is started"
    assert not app.error


def network_box(at):
    return next(box for box in at.selectbox if box.label == "Network")


def sweep_parameters(at):
    return next(box for box in at.multiselect if box.label == "Parameters to try")


def test_the_best_network_of_a_sweep_replaces_the_rows(few):
    network = NetworkSpec((Block("dense", 4),))
    at = go(new_app(network=network.to_json(), start="untrained", mnist_samples="100", epochs="1"), TRAIN)
    at.toggle(key="sweeping").set_value(True).run()
    training = session_of(at).training
    add_sweep(session_of(at), session_of(at).initial_model, few.take([]), {"blocks.1.size": [2, 6]})
    at.radio(key="start_from").set_value("genius").run()
    at.button(key="sweep_apply").click().run()
    at.run()
    best = NetworkSpec((Block("dense", 6),)).to_json()
    assert training.network == best
    assert training.start == Start.UNTRAINED
    assert at.radio(key="start_from").value == "untrained"
    assert shown_link(at)["network"] == best
    assert any("6 units" in str(frame.value) for frame in at.dataframe)
    assert not at.error


def test_a_sweep_that_cannot_start_shows_its_error_beside_the_button(app):
    go(app, TRAIN)
    app.toggle(key="sweeping").set_value(True).run()
    sweep_parameters(app).set_value(["sample_weight", "mnist_samples", "epochs"]).run()
    for name, values in (("sample_weight", "1 5 20 50 100"), ("mnist_samples", "0 200 500 1000 5000")):
        app.multiselect(key=f"sweep_{name}").set_value(values.split()).run()
    app.multiselect(key="sweep_epochs").set_value(["1", "2", "4", "8"]).run()
    app.slider(key="sweep_seeds").set_value(5).run()
    assert [error.value for error in app.error] == [
        "A sweep has 1 to 100 trials, and this sweep has 500. Choose fewer values or seeds."
    ]
    assert app.button(key="sweep").disabled
    assert session_of(app).work.notice(TrainTask) is None
    app.multiselect(key="sweep_sample_weight").set_value(["1"]).run()
    app.multiselect(key="sweep_mnist_samples").set_value(["0"]).run()
    assert not app.error
    assert not app.button(key="sweep").disabled


def test_a_typed_value_is_checked_immediately(app):
    go(app, TRAIN)
    app.toggle(key="sweeping").set_value(True).run()
    for texts_of, sentence in (
        (["5", "many"], "sample_weight=many: sample_weight must lie between 0.1 and 1,000, not 'many'."),
        (["5000"], "sample_weight=5000.0: sample_weight must lie between 0.1 and 1,000, not 5000.0."),
        ([], "Choose at least one value, or remove the parameter."),
    ):
        app.multiselect(key="sweep_sample_weight").set_value(texts_of).run()
        assert [error.value for error in app.error] == [sentence]
        assert app.button(key="sweep").disabled
    app.multiselect(key="sweep_sample_weight").set_value(["5", "7"]).run()
    assert not app.error
    assert not app.button(key="sweep").disabled
    assert not app.exception


def test_trials_are_ranked_by_held_out_drawings_on_request(app, few):
    add_samples(app, few)
    go(app, TRAIN)
    app.toggle(key="sweeping").set_value(True).run()
    assert "No drawing is held out. The trials are ranked by MNIST's 5,000 validation digits." in texts(app)
    add_samples(app, SampleSet.from_arrays(few.digits, few.labels, np.arange(20) % 2 == 0))
    app.run()
    assert app.segmented_control(key="sweep_ranked_by").value == "validation"
    app.segmented_control(key="sweep_ranked_by").set_value("held_out").run()
    app.button(key="sweep").click().run()
    assert session_of(app).training.sweep.plan.ranked_by == "held_out"
    assert "No drawing is held out." not in texts(app)
    assert not app.exception
    session_of(app).training.sweep.stop()


def test_a_built_network_is_trained_and_linked():
    text = '{"blocks":[{"kind":"conv","size":4,"pooling":true},{"kind":"dense","size":8}]}'
    at = new_app(network=text, start="untrained", mnist_samples="1000", epochs="1")
    go(at, TRAIN)
    session = session_of(at)
    network = NetworkSpec.from_json(text).to_json()
    assert session.link_error == ""
    assert session.training.network == network
    until_answered(at)
    assert "An epoch takes " in texts(at)
    at.button(key="train").click().run()
    until_trained(at)
    (record,) = session.models.runs
    assert record.start.card.network == record.model.card.network == network
    assert record.run.parent == "untrained custom"
    assert shown_link(at)["network"] == network
    go(at, EVALUATE)
    assert list(table_with(at, "Trained on")["Model"]) == ["untrained custom", "run 1"]
    at.segmented_control(key="view").set_value("epochs").run()
    assert [slider.options for slider in at.select_slider] == [["0", "1"]]
    assert "of 1,000 validation digits are predicted correctly" in texts(at)
    at.select_slider[0].set_value(0).run()
    assert len(at.get("vega_lite_chart")) == 1
    assert not at.exception
    at.segmented_control(key="view").set_value("trainings").run()
    assert len(at.get("vega_lite_chart")) == 2
    assert "1 training in 1 group" in texts(at)
    assert not at.exception


@pytest.mark.parametrize("name", ["nobody", "{", *LINKED])
def test_an_invalid_network_in_a_link_gives_an_error_message(name):
    at = go(new_app(network=name, start="untrained"), TRAIN)
    assert session_of(at).training.network == ""
    assert not at.exception
    assert bool(name) == ("is not valid" in texts(at))


def test_invalid_rows_of_a_network_give_one_error_message(app):
    """The table checks each number. One message reports rows that do not fit together and too many rows."""
    go(app, TRAIN)
    app.radio(key="start_from").set_value("untrained").run()
    network_box(app).set_value("Build my own").run()
    session = session_of(app)
    before = session.training.network
    for rows in (
        [{"kind": "conv", "size": 0}],
        [{"kind": "dense", "size": 8}, {"kind": "conv", "size": 8}],
        [{"kind": "dense", "size": 1024}] * 12,
        [{"kind": "conv", "size": 8, "kernel_size": 28, "pooling": True}, {"kind": "conv", "size": 8, "kernel_size": 28}],
        [{"kind": "dense", "size": 8}] * 13,
    ):
        set_network_rows(app, rows)
        assert len(app.error) == 1
        assert app.error[0].value.endswith(".")
        assert not app.exception
        assert session.training.network == before
        assert app.button(key="train").disabled
    set_network_rows(app, [{"kind": "dense", "size": 8}])
    until_answered(app)
    assert not app.error
    assert not app.button(key="train").disabled


def kinds_of(session):
    return [block.kind for block in NetworkSpec.from_json(session.training.network).blocks]


def test_rows_are_moved_and_a_new_row_has_the_kind_of_the_row_above(app):
    go(app, TRAIN)
    app.radio(key="start_from").set_value("untrained").run()
    network_box(app).set_value("Build my own").run()
    session = session_of(app)
    assert kinds_of(session) == ["conv", "conv", "dense"]
    assert new_kind(app) == "dense"
    app.selectbox(key="network_row_3").set_value(1).run()
    app.button(key="network_up").click().run()
    sizes = [block.size for block in NetworkSpec.from_json(session.training.network).blocks]
    assert sizes == [32, 16, 64]
    assert app.selectbox(key="network_row_3").value == 0
    assert app.button(key="network_up").disabled
    app.selectbox(key="network_row_3").set_value(1).run()
    app.button(key="network_down").click().run()
    assert "Row 3: a convolution cannot follow a dense layer. Move the convolution up." in texts(app)
    assert new_kind(app) == "conv"
    app.button(key="network_up").click().run()
    assert not app.error
    assert kinds_of(session) == ["conv", "conv", "dense"]
    assert new_kind(app) == "dense"
    assert not app.exception


def new_kind(app):
    """Return the kind that the table gives a new row."""
    table = next(frame for frame in app.dataframe if "network_table" in (frame.key or ""))
    return json.loads(table.proto.columns)["kind"]["default"]


def test_the_form_shows_the_plan_of_the_current_sweep(app, few, genius):
    training, space = session_of(app).training, {"batch_size": Range(16, 48, True), "learning_rate": Range(5e-4, 2e-3)}
    training.set_settings(TrainSettings(epochs=4))
    options = {"n_seeds": 3, "n_combinations": 7, "pruner": "halving"}
    add_sweep(session_of(app), genius, few, space, **options)
    plan = training.sweep.plan
    go(app, TRAIN)
    app.button(key="sweep").click().run()
    assert not app.error
    assert not app.exception
    assert training.sweep.plan == plan
    training.sweep.stop()


@pytest.mark.parametrize(
    ("show", "view", "link"), [("errors", "errors", {"show": "errors"}), ("nowhere", "map", {})], ids=["valid", "unknown"]
)
def test_a_link_selects_the_view(show, view, link):
    at = go(new_app(show=show), EVALUATE)
    assert at.segmented_control(key="view").value == view
    assert not at.error
    assert "is not valid" not in texts(at)
    assert shown_link(go(at, TRAIN)) == link


def test_a_network_s_numbers_and_typed_values_are_swept(app):
    at = go(
        new_app(network=NetworkSpec((Block("dense", 4),)).to_json(), start="untrained", mnist_samples="100", epochs="1"), TRAIN
    )
    at.toggle(key="sweeping").set_value(True).run()
    sweep_parameters(at).set_value(["blocks.1.size", "activation"]).run()
    at.multiselect(key="sweep_blocks.1.size").set_value(["2", "6"]).run()
    at.button(key="sweep").click().run()
    sweep = session_of(at).training.sweep
    assert [trial.values["blocks.1.size"] for trial in sweep.trials] == [2, 2, 6, 6]
    assert not at.error
    sweep.stop()
    at.multiselect(key="sweep_blocks.1.size").set_value(["many"]).run()
    until(at, lambda: sweep.is_idle, sweep.poll)
    at.run()
    assert at.button(key="sweep").disabled
    assert "Row 1: the number of units must be a whole number" in texts(at)
    assert not at.exception


def test_a_registered_network_is_chosen(app):
    go(app, TRAIN)
    app.radio(key="start_from").set_value("untrained").run()
    network_box(app).set_value("fast").run()
    assert app.button(key="train").disabled
    until_answered(app)
    assert session_of(app).start_model()[0].card.network == "fast"
    assert not app.button(key="train").disabled
    network_box(app).set_value("genius").run()
    assert session_of(app).start_model()[0].name == "untrained"
    assert not app.error
