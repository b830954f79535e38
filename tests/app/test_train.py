"""The Train page: the form, trainings, their results, the runs, and links to settings."""

import pytest

from digitcore import mnist
from digitcore.evaluation.score import Score
from digitcore.jobs.limits import Limits
from digitcore.samples import SampleSet
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings
from pages.components.training_form import FORM_SPECS
from pages.session import resources
from pages.session.lab_session import LabSession
from pages.session.training_state import Start
from tests.support.app import (
    DRAW,
    EVALUATE,
    MY_LAB,
    TRAIN,
    active_name,
    add_run,
    add_samples,
    go,
    new_app,
    session_of,
    shown_link,
    table_with,
    texts,
    until,
    until_answered,
    until_trained,
)


def test_an_empty_training_set_disables_the_button(app):
    go(app, TRAIN)
    assert "uses MNIST digits only" in texts(app)
    app.select_slider(key="mnist_samples").set_value(0).run()
    assert "The training set is empty" in texts(app)
    assert app.button(key="train").disabled


def place(at, *labels):
    """Return the indices that lead from the top of the page to the expander or popover with each label."""

    def walk(block, path):
        label = block.proto.popover.label if block.type == "popover" else getattr(block, "label", "")
        if label in labels:
            found[label] = path
        for index, child in getattr(block, "children", {}).items():
            walk(child, (*path, index))

    found = {}
    walk(at.main, ())
    return found


def test_what_is_open_stays_open_when_the_time_of_an_epoch_appears(app):
    """A browser closes a popover and an expander whose place among the elements changes."""
    go(app, TRAIN)
    app.radio(key="start_from").set_value("untrained").run()
    next(box for box in app.selectbox if box.label == "Network").set_value("mlp").run()
    before = place(app, "Link to these settings", "Advanced")
    until_answered(app)
    assert "An epoch takes" in texts(app)
    assert len(before) == 2
    assert place(app, *before) == before


def test_the_form_has_every_setting_and_starts_with_its_default(app):
    go(app, TRAIN)
    assert session_of(app).training.settings == TrainSettings()
    widgets = {element.key for kind in ("select_slider", "slider", "toggle", "number_input") for element in app.get(kind)}
    widgets |= {element.key for kind in ("button_group", "pills", "segmented_control") for element in app.get(kind)}
    assert set(FORM_SPECS) <= widgets


def test_the_values_of_the_form_are_also_the_defaults_of_its_widgets(app):
    """A browser that has not drawn the first run when the second begins knows only the defaults."""
    go(app, TRAIN)
    session_of(app).training.set_settings(TrainSettings(epochs=7, mnist_samples=2000))
    app.run().run()
    epochs, digits = app.slider(key="epochs"), app.select_slider(key="mnist_samples")
    assert not epochs.proto.set_value, "Streamlit sends the value itself only in the first run"
    assert epochs.proto.default == [7]
    assert digits.proto.options[int(digits.proto.default[0])] == "2,000"
    assert app.toggle(key="hold_out").proto.default == session_of(app).samples.hold_out


def test_a_training_and_its_outcome(app, few, untrained):
    add_samples(app, few)
    go(app, TRAIN)
    app.radio(key="start_from").set_value("untrained").run()
    app.slider(key="epochs").set_value(1).run()
    app.button(key="train").click().run()
    assert session_of(app).training_job is not None
    assert app.button(key="train").disabled
    go(app, MY_LAB)
    go(app, TRAIN)
    assert app.slider(key="epochs").value == 1
    assert app.radio(key="start_from").value == "untrained"
    until_trained(app)
    said = texts(app)
    assert "Trained on your 20 drawings and 500 MNIST digits." in said
    assert "Started from untrained" in said
    assert "Your handwriting" in said
    assert "20 drawings used for training" in said
    before = f"MNIST {100 * untrained.card.metrics['mnist_accuracy']:.2f} % → "
    assert before in said
    until(app, lambda: session_of(app).models.active_run.run.mnist_after is not None)
    assert session_of(app).models.active_run.run.mnist_after.n == 10_000
    assert f"{before}**" in texts(app)
    go(app, DRAW)
    assert active_name(app) == "run 1"
    assert not app.error


def test_the_better_model_is_chosen_with_a_reason(app, few, genius, untrained):
    add_samples(app, few)
    add_run(app, untrained, genius)
    go(app, TRAIN)
    app.radio(key="start_from").set_value("better").run()
    assert "“genius”: 20 of 20 drawings are correct" in texts(app)
    assert "“run 1”" not in texts(app)


@pytest.mark.parametrize("page", [DRAW, TRAIN])
def test_a_much_worse_model_is_reported_and_replaced_with_one_click(app, genius, untrained, page):
    scores = {"mnist_before": Score.from_counts(9970, 10_000), "mnist_after": Score.from_counts(1030, 10_000)}
    add_run(app, untrained, genius, scores | {"mnist_p_value": 0.0})
    go(app, page)
    said = texts(app)
    if page == DRAW:
        assert "**Much worse: MNIST 99.7 % → 10.3 %**" in said
    else:
        assert "run 1 · **Much worse: MNIST 99.7 % → 10.3 %**" in said
    app.button(key="undo_training").click().run()
    assert session_of(app).active_model.hash == genius.hash
    assert active_name(app) == "genius"
    assert not app.error
    assert len(session_of(app).models.runs) == 1
    assert "No training yet" not in texts(app)


def test_a_click_is_kept_if_a_result_arrives_at_the_same_moment(app, genius, untrained, monkeypatch):
    add_run(app, untrained, genius)
    session = session_of(app)
    go(app, TRAIN)
    session.score(session.models.active_run)
    app.run()
    [job] = session.work.jobs
    job.wait(60)
    collect, looks = LabSession.collect, []

    def collect_later(session):
        """Collect the result only when the page looks for the second time, after the click."""
        looks.append(session)
        return len(looks) > 1 and collect(session)

    monkeypatch.setattr(LabSession, "collect", collect_later)
    app.button(key="undo_training").click().run()
    assert session.active_model.hash == genius.hash
    assert session.models.runs[0].run.mnist_after is not None


def test_drawings_made_after_a_training_are_counted_with_an_interval(app, few, genius, untrained):
    add_samples(app, few.take(range(17)))
    score = Score.from_counts(17, 17)
    learnt = {"sample_hashes": frozenset(few.take(range(17)).digit_hashes)}
    add_run(app, genius, untrained, learnt | {"personal_before": score, "personal_after": score})
    go(app, TRAIN)
    assert "unseen" not in texts(app)
    assert app.dataframe[0].value["Handwriting"].tolist() == ["17 → 17 of 17 training"], "not ranked with held-out drawings"
    add_samples(app, few)
    go(app, TRAIN)
    assert "run 1 predicts **3 of 3** unseen drawings correctly (95 % interval 44–100 %; untrained: " in texts(app)
    go(app, EVALUATE)
    assert "**3 of 3** unseen drawings are predicted correctly (95 % interval 44–100 %; before: " in texts(app)
    scores = table_with(app, "Trained on")
    assert scores["Handwriting"][1] == "3 of 3 (44–100 %, unseen)"
    app.segmented_control(key="view").set_value("drawings").run()
    assert "The comparison leaves out 17 drawings that may have been used for training." in texts(app)


def test_runs_in_the_table(app, genius, untrained):
    add_run(app, untrained, genius, epochs=3)
    add_run(app, genius, untrained, epochs=7)
    go(app, TRAIN)
    table = app.dataframe[0].value
    assert table["Run"].tolist() == ["run 2 (active)", "run 1"]
    assert table["Started from"].tolist() == ["untrained", "genius"]
    assert table["Epochs"].tolist() == ["7", "3"], "a parameter that differs has a column"
    assert "Seed" not in table
    assert "Seconds" not in table
    app.toggle(key="run_columns").set_value(True).run()
    assert app.dataframe[0].value["Seconds"].tolist() == [1.0, 1.0]
    session_of(app).models.activate("run 1")
    go(app, TRAIN)
    assert active_name(app) == "run 1"


def test_ticked_runs_have_curves_in_their_colors_and_one_run_is_described(app, genius, untrained):
    for model in (untrained, genius, genius):
        add_run(app, model, untrained)
    go(app, TRAIN)
    table = app.dataframe[0]
    assert len(app.get("vega_lite_chart")) == 2, "the curves of the active run"
    assert "run_notes" not in [element.key for element in app.text_input]
    app.session_state[table.key] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    app.run()
    first, second = session_of(app).models.runs[:2]
    app.text_input(key=f"run_note_{second.id}").set_value("my best one").run()
    record = session_of(app).models.runs[1]
    assert record.note == "my best one"
    assert app.dataframe[0].value["Note"].tolist() == ["", "my best one", ""]
    session_of(app).models.annotate(record, record.note, ["baseline", "baseline", " "])
    app.run()
    assert app.dataframe[0].value["Tags"].tolist() == ["", "baseline", ""]
    again = new_app(lab=app.query_params["lab"]) if "lab" in app.query_params else None
    assert again is None or session_of(again).models.runs[1].tags == ("baseline",)
    assert first.number == 1


def test_deleting_a_run_can_be_undone(app, genius, untrained):
    add_run(app, untrained, genius)
    add_run(app, genius, untrained)
    session_of(app).models.delete_run("run 2")
    go(app, TRAIN)
    assert "Deleted “run 2”. Active model: run 1." in texts(app)
    assert app.dataframe[0].value["Run"].tolist() == ["run 1 (active)"]
    app.button(key="run_undelete").click().run()
    assert app.dataframe[0].value["Run"].tolist() == ["run 2 (active)", "run 1"]
    assert "Deleted" not in texts(app)


def test_a_link_carries_the_settings():
    at = go(new_app(epochs="7", sample_weight="5", learning_rate="0.0007"), TRAIN)
    settings = session_of(at).training.settings
    assert (settings.epochs, settings.sample_weight, settings.learning_rate) == (7, 5.0, 7e-4)
    assert at.slider(key="epochs").value == 7
    assert at.select_slider(key="learning_rate").value == 7e-4
    at.slider(key="epochs").set_value(9).run()
    assert shown_link(at) == {"epochs": "9", "sample_weight": "5", "learning_rate": "0.0007"}
    again = go(new_app(**shown_link(at)), TRAIN)
    assert session_of(again).training.settings == session_of(at).training.settings
    assert not again.error


def test_a_link_with_settings_carries_no_lab(app, few):
    add_samples(app, few)
    go(app, TRAIN)
    app.slider(key="epochs").set_value(9).run()
    assert list(app.query_params) == ["lab"]
    assert shown_link(app) == {"epochs": "9", "start": "genius"}


def test_a_link_carries_the_start(app):
    go(app, TRAIN)
    assert shown_link(app) == {"start": "genius"}
    app.radio(key="start_from").set_value("untrained").run()
    assert shown_link(app) == {}, "untrained is the default initial model"
    assert go(new_app(start="genius"), TRAIN).radio(key="start_from").value == "genius"
    at = go(new_app(start="run"), TRAIN)
    assert "start must be one of" in texts(at)
    assert at.radio(key="start_from").value == "untrained"


def test_a_browser_that_sends_an_older_address_moves_no_slider(app):
    go(app, TRAIN)
    app.slider(key="epochs").set_value(7).run()
    app.query_params["epochs"] = "5"
    app.slider(key="epochs").set_value(9).run()
    assert app.slider(key="epochs").value == 9
    assert session_of(app).training.settings.epochs == 9


@pytest.mark.parametrize(("name", "value"), [("epochs", "many"), ("epochs", "0"), ("seed", "Infinity"), ("noise", "rain")])
def test_a_link_with_a_wrong_setting_says_so_and_keeps_the_others(name, value):
    at = go(new_app(**{name: value, "sample_weight": "5"}), TRAIN)
    assert f"is not valid: {name}" in texts(at)
    assert session_of(at).training.settings == TrainSettings(sample_weight=5.0)


def test_a_link_with_a_setting_twice_takes_the_last():
    at = go(new_app(epochs=["5", "7"]), TRAIN)
    assert session_of(at).training.settings.epochs == 7
    assert "is not valid" not in texts(at)


def test_a_limit_of_the_server_gives_a_message(app, monkeypatch):
    monkeypatch.setattr(resources.jobs(), "limits", Limits(epochs=1))
    go(app, TRAIN)
    app.button(key="train").click().run()
    assert not app.exception
    assert "This server allows 1 epochs, but there would be 2" in texts(app)


def test_without_mnist_every_page_opens(app, tmp_path, monkeypatch):
    monkeypatch.setenv("DIGITLAB_CACHE", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    resources.has_mnist.clear()
    mnist.load.cache_clear()
    try:
        for page in (TRAIN, EVALUATE):
            go(app, page)
            assert "digitlab data" in texts(app)
        go(app, DRAW)
    finally:
        resources.has_mnist.clear()


def test_a_run_is_the_initial_model_of_the_next_training(app, genius, untrained):
    add_run(app, untrained, genius)
    add_run(app, genius, untrained)
    session_of(app).training.choose_start(Start.RUN, "run 1")
    go(app, TRAIN)
    assert app.radio(key="start_from").value == Start.RUN
    assert app.selectbox(key="start_run").value == "run 1"
    assert session_of(app).start_model()[0].name == "run 1"


def test_a_failed_training_stays_in_the_table_with_its_reason(app, genius, untrained):
    add_run(app, untrained, genius)
    point = {"epoch": 0.5, "samples_seen": 250.0, "seconds": 1.0, "loss": 9.0}
    run = Run.failed(genius, SampleSet(), TrainSettings(), [point], "The loss is not a finite number.")
    session_of(app).models.add_run(run, genius)
    go(app, TRAIN)
    table = app.dataframe[0].value
    assert table["Run"].tolist() == ["run 2 (failed)", "run 1 (active)"]
    app.toggle(key="run_columns").set_value(True).run()
    assert app.dataframe[0].value["Epochs done"].tolist() == ["0.5 of 2", "2"]
    assert table["Error"].tolist() == ["The loss is not a finite number.", ""]
    assert not app.exception
    go(app, EVALUATE)
    assert not app.exception
    assert "run 2" not in table_with(app, "Trained on")["Model"].tolist()
