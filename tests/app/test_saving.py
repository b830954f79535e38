"""A lab is saved after each change, and its address opens it again."""

import contextlib
import threading

import pytest
import sqlalchemy as sql

from digitcore.config import load_config
from digitcore.jobs.job import Job, JobStatus
from digitcore.jobs.tasks import TrainTask
from digitcore.storage import database
from digitcore.sweeps.plan import SweepPlan
from digitcore.sweeps.runner import Sweep
from digitcore.sweeps.trial import SCORES
from digitcore.training.settings import TrainSettings
from pages.components import known_labs, layout
from pages.session import persistence, resources, saving_state, state
from pages.session.training_state import Start
from tests.support.app import (
    DRAW,
    EVALUATE,
    MY_LAB,
    TRAIN,
    add_run,
    add_samples,
    draw,
    go,
    html,
    label,
    new_app,
    session_of,
    texts,
    until_answered,
)


def reopen(at):
    """Return another session with the same address, after the lab is saved."""
    resources.saver().wait()
    return new_app(lab=at.query_params["lab"])


def test_the_address_of_a_lab_opens_it_again(app, data, genius):
    assert "lab" not in app.query_params, "an empty lab is not saved"
    draw(app, data.test_images[0])
    label(app, 7)
    add_run(app, genius, genius)
    app.run()
    again = reopen(app)
    assert session_of(again).samples.current.labels.tolist() == [7]
    assert session_of(again).models.active_name == "run 1"
    assert "Saved" in html(again)
    resources.saver().wait()
    assert session_of(again).saving.state.version == session_of(app).saving.state.version, "opening changes nothing"


def test_a_read_only_link_opens_a_copy(app, few, data):
    add_samples(app, few)
    app.run()
    resources.saver().wait()
    token = app.query_params["lab"]
    copy = new_app(view=database.view_token(token))
    assert len(session_of(copy).samples) == 20
    assert "copy of a lab" in texts(copy)
    assert "Copy" in html(copy)
    for page in (TRAIN, EVALUATE, MY_LAB, DRAW):
        go(copy, page)
    assert "lab" not in copy.query_params, "looking saves nothing"
    assert session_of(copy).saving.state is None, "looking saves nothing"
    draw(copy, data.test_images[0])
    label(copy, 7)
    assert copy.query_params["lab"] != token
    assert "view" not in copy.query_params
    assert "Saved" in html(copy)
    assert len(session_of(reopen(copy)).samples) == 21
    assert len(session_of(reopen(app)).samples) == 20


def test_an_unknown_read_only_link_gives_a_message(app):
    lost = new_app(view="nothing")
    assert persistence.UNKNOWN_TOKEN in texts(lost)
    assert session_of(lost).saving.state is None
    assert session_of(lost).saving.view_token == ""


def test_a_change_without_a_new_count_is_saved(app, few):
    add_samples(app, few)
    app.run()
    session_of(app).replace_samples(few.relabel([0], 9), "1 drawing labelled 9.")
    app.run()
    assert session_of(reopen(app)).samples.current.labels[0] == 9


WIDGETS = {  # kind of widget and a value that differs from the default, by key
    "start_from": ("radio", "untrained"),
    "sample_weight": ("select_slider", 5.0),
    "mnist_samples": ("select_slider", 1000),
    "epochs": ("slider", 9),
    "learning_rate": ("select_slider", 1e-3),
    "batch_size": ("select_slider", 64),
    "weight_interpolation": ("select_slider", 0.5),
    "corrupted_share": ("select_slider", 0.3),
    "redraws": ("select_slider", 4),
    "seed": ("number_input", 3),
    "hold_out": ("toggle", False),
    "train_after_label": ("toggle", True),
}


ONE_OF_EACH_KIND = {kind: [name] for name, (kind, _) in WIDGETS.items()}


@pytest.mark.parametrize("names", [*ONE_OF_EACH_KIND.values(), list(WIDGETS)], ids=[*ONE_OF_EACH_KIND, "all"])
def test_the_last_change_of_the_form_survives_a_reload(app, few, names):
    add_samples(app, few)
    go(app, TRAIN)
    for name in names:
        kind, value = WIDGETS[name]
        getattr(app, kind)(key=name).set_value(value)
    app.run()
    assert not app.exception
    again = go(reopen(app), TRAIN)
    assert all(getattr(again, WIDGETS[name][0])(key=name).value == WIDGETS[name][1] for name in names)
    preferences = session_of(again).snapshot().preferences
    assert preferences == session_of(app).snapshot().preferences
    assert preferences == session_of(reopen(again)).snapshot().preferences, "opening Train stores no defaults"


def test_the_network_survives_a_reload(app, few):
    add_samples(app, few)
    go(app, TRAIN)
    app.radio(key="start_from").set_value("untrained").run()
    next(box for box in app.selectbox if box.label == "Network").set_value("mlp").run()
    until_answered(app)
    again = go(reopen(app), TRAIN)
    assert next(box.value for box in again.selectbox if box.label == "Network") == session_of(again).training.network == "mlp"


def test_the_restored_settings_are_used_for_training(app, few):
    add_samples(app, few)
    go(app, TRAIN)
    app.radio(key="start_from").set_value("untrained").run()
    app.toggle(key="hold_out").set_value(False).run()
    again = go(reopen(app), TRAIN)
    assert session_of(again).start_model()[0].name == "untrained"
    assert not session_of(again).samples.hold_out
    assert session_of(again).training.start == Start.UNTRAINED


def test_a_sweep_s_results_survive_a_reload(app, few, genius):
    add_samples(app, few)
    go(app, TRAIN)
    session = session_of(app)
    session.training.sweep = Sweep(genius, few, SweepPlan({"epochs": [1, 2]}, session.training.settings))
    for trial in session.training.sweep.trials:
        trial.status, trial.scores = JobStatus.DONE, dict.fromkeys(SCORES, 0.5)
    app.run()
    again = go(reopen(app), TRAIN)
    table = session_of(again).training.sweep.table()
    assert table["status"].tolist() == ["done", "done"]
    assert table["validation"].tolist() == [0.5, 0.5]
    assert again.toggle(key="sweeping").value
    assert "2 of 2 trials done" in again.get("progress")[0].proto.text


@pytest.mark.parametrize("token", ["nobody's", "1", "%00", "../x", "a" * 21])
def test_an_unknown_address_opens_a_new_lab(token):
    at = new_app(lab=token)
    assert persistence.UNKNOWN_TOKEN in texts(at)
    assert session_of(at).saving.state is None


def test_two_devices_add_to_one_lab(app, data, genius):
    draw(app, data.test_images[0])
    label(app, 7)
    other = reopen(app)
    for number, at in enumerate((app, other, app, other), 1):
        draw(at, data.test_images[number])
        label(at, number)
        assert "Saved as" in texts(at)
    add_run(other, genius, genius)
    other.run()
    resources.saver().wait()
    for at in (app, other):
        session_of(at).saving.state.polled_at = 0.0
        persistence.poll(session_of(at))
        at.run()
    assert "1 drawing and 1 run came from another device." in [toast.value for toast in app.toast]
    for at in (app, other):
        assert session_of(at).saving.state.token == app.query_params["lab"]
        assert sorted(session_of(at).samples.current.labels.tolist()) == [1, 2, 3, 4, 7]
        assert [run.name for run in session_of(at).models.runs] == ["run 1"]
    app.run()
    assert not app.toast, "it is said once"
    app.button(key="undo_label").click().run()
    assert sorted(session_of(reopen(app)).samples.current.labels.tolist()) == [1, 2, 4, 7], "each device undoes its own label"


def test_after_a_reload_the_trainings_of_two_devices_continue(app, few, genius, monkeypatch):
    add_samples(app, few)
    app.run()
    monkeypatch.setattr(resources, "is_connected", lambda owner: True)
    other = reopen(app)
    for at, owner in ((app, "ann"), (other, "bob")):
        session_of(at).owner = owner
        session_of(at).work.jobs = (Job(TrainTask(genius, few, TrainSettings()), owner=owner),)
        at.run()
    monkeypatch.setattr(resources, "is_connected", lambda owner: False)
    adopted = [session_of(reopen(app)).work.running(TrainTask) for _ in range(2)]
    assert adopted == [list(session_of(at).work.jobs) for at in (app, other)]


def test_a_renewed_link_opens_the_lab_and_the_former_link_does_not(app, few):
    add_samples(app, few)
    app.run()
    former = app.query_params["lab"]
    go(app, MY_LAB)
    app.button(key="lab_renew").click().run()
    assert not app.error
    assert app.query_params["lab"] != former
    assert len(session_of(reopen(app)).samples) == 20
    for parameters in ({"lab": former}, {"view": database.view_token(former)}):
        assert persistence.UNKNOWN_TOKEN in texts(new_app(**parameters))


def test_the_background_survives_a_reload(app, data):
    draw(app, data.test_images[0])
    label(app, 7)
    app.toggle(key="paper").set_value(True).run()
    app.run()
    again = reopen(app)
    assert session_of(again).canvas.white_background
    assert go(again, DRAW).toggle(key="paper").value


@contextlib.contextmanager
def outage():
    """Make the database of labs fail within the block."""
    engine = sql.create_engine(load_config().store)
    with engine.begin() as db:
        db.execute(sql.text("ALTER TABLE labs RENAME TO away"))
    try:
        yield
    finally:
        with engine.begin() as db:
            db.execute(sql.text("ALTER TABLE away RENAME TO labs"))


@pytest.fixture
def impatient(monkeypatch):
    """Make sessions request their lab at every run."""
    monkeypatch.setattr(saving_state, "RETRY_INTERVAL", 0)


@pytest.fixture
def lab_address(app, data, genius):
    """Return the address of a lab with one drawing and one run."""
    draw(app, data.test_images[0])
    label(app, 7)
    add_run(app, genius, genius)
    app.run()
    resources.saver().wait()
    return app.query_params["lab"]


def test_changes_during_an_outage_are_added_to_the_lab(lab_address, data, genius, impatient):
    with outage():
        at = new_app(lab=lab_address)
        assert persistence.AWAITED in [warning.value for warning in at.warning]
        go(at, TRAIN)
        assert at.query_params["lab"] == lab_address, "another page keeps the address too"
        go(at, DRAW)
        draw(at, data.test_images[1])
        label(at, 2)
        add_run(at, genius, genius)
        at.run()
        assert at.query_params["lab"] == lab_address
        assert persistence.AWAITED in [warning.value for warning in at.warning]
        assert "Saved" not in html(at)
        assert "Labelled **2**" in texts(at)
    at.run()
    session = session_of(at)
    assert session.samples.current.labels.tolist() == [7, 2]
    assert [run.name for run in session.models.runs] == ["run 1", "run 2"]
    assert not at.warning
    assert at.query_params["lab"] == lab_address
    resources.saver().wait()
    at.run()
    assert "Saved" in html(at)
    assert session_of(new_app(lab=lab_address)).samples.current.labels.tolist() == [7, 2]


def test_a_lab_opens_unchanged_after_an_outage(lab_address, impatient):
    with outage():
        at = new_app(lab=lab_address)
        at.run()
    at.run()
    assert session_of(at).samples.current.labels.tolist() == [7]
    assert not at.warning
    assert session_of(at).saving.state.version == resources.saver().store.load(lab_address).version


def test_an_unsaved_label_is_not_reported_as_saved(app, data):
    draw(app, data.test_images[0])
    with outage():
        label(app, 7)
        app.run()
        assert "Saved as" not in texts(app)
        assert "Labelled **7**" in texts(app)
        assert "cannot be reached" in app.warning[0].value
    resources.saver().retry()
    app.run()
    assert "Saved as **7**" in texts(app)
    assert not app.warning
    assert session_of(reopen(app)).samples.current.labels.tolist() == [7]


def test_a_lab_that_is_saved_while_the_page_is_drawn_is_reported_as_saved(app, data, monkeypatch):
    """The bar is drawn before the polling fragment."""
    shown, may_write = known_labs.known_labs, threading.Event()
    write = resources.saver().store.save

    def hold(*arguments):
        assert may_write.wait(60)
        return write(*arguments)

    def release(session):
        shown(session)
        may_write.set()
        resources.saver().wait()

    monkeypatch.setattr(persistence, "WRITE_SECONDS", 0)
    monkeypatch.setattr(layout, "known_labs", release)
    monkeypatch.setattr(resources.saver().store, "save", hold)
    draw(app, data.test_images[0])
    may_write.clear()
    label(app, 7)
    assert "Saving" in html(app)
    monkeypatch.setattr(state, "is_fragment_run", lambda: True)
    draw(app, data.test_images[1])
    may_write.clear()
    label(app, 2)
    assert "Saved" in html(app) and "Saving" not in html(app), "the poll draws the page again"


def test_damaged_parts_of_a_lab_are_named(lab_address):
    with sql.create_engine(load_config().store).begin() as db:
        db.execute(sql.text("UPDATE runs SET record = '{' WHERE lab = :lab"), {"lab": database.token_hash(lab_address)})
    at = new_app(lab=lab_address)
    assert at.warning[0].value == "Run 1 was skipped: it is damaged."
    assert session_of(at).samples.current.labels.tolist() == [7]


def test_a_device_is_told_that_it_edits_the_lab_of_another_device(app, lab_address):
    """AppTest runs no JavaScript, so the value of the component is set here."""
    at = new_app(lab=lab_address)
    assert [session_of(one).saving.is_opened_by_link for one in (app, at)] == [False, True]
    at.session_state[known_labs.KEY] = {"is_new": True}
    at.run()
    assert known_labs.NEW_HERE in [toast.value for toast in at.toast]
