"""A class: a teacher and pupils, each with a session."""

import datetime
import json
from dataclasses import replace

import numpy as np
import pytest
import sqlalchemy as sql

from digitcore.classroom import rules
from digitcore.classroom.leave_out import Predictions
from digitcore.classroom.rules import ClassOptions
from digitcore.data.sample_files import ImportResult
from digitcore.jobs.job import Job
from digitcore.jobs.tasks import ReadSamplesTask
from digitcore.storage import archive
from digitcore.training.run import Run
from pages.session import class_actions, resources
from pages.session.classroom import TOO_FAST, hide
from pages.session.guess_limit import GuessLimit
from pages.views.classroom import after
from tests.support.app import (
    DRAW,
    MY_LAB,
    add_samples,
    draw,
    go,
    html,
    keep_open,
    label,
    label_buttons,
    new_app,
    session_of,
    texts,
)

EXPANDER = "Start or join a class"


class RecordingJobs:
    """A job service that records the jobs."""

    def submit(self, task, *, owner=""):
        return Job(task, owner=owner)

    def warm_up(self):
        pass


@pytest.fixture(autouse=True)
def many_guesses(monkeypatch):
    """Count the wrong codes of each test for itself."""
    guesses = GuessLimit(per_server=3, minutes=60)  # AppTest has another address in each run.
    monkeypatch.setattr(resources, "code_guesses", lambda: guesses)


@pytest.fixture
def jobs(monkeypatch):
    """Return a job service whose jobs the test finishes. Name it before all sessions."""
    service = RecordingJobs()
    monkeypatch.setattr(resources, "jobs", lambda: service)
    return service


@pytest.fixture
def teacher(app):
    """Return the session of a teacher who has started a class."""
    session_of(app).activate("untrained")
    keep_open(app, EXPANDER)
    go(app, MY_LAB)
    keep_open(app, EXPANDER).text_input(key="class_name").set_value("Class 4b")
    keep_open(app, EXPANDER).button(key="class_start").click().run()
    assert not app.exception
    return app


def room_of(at):
    return session_of(at).classroom.room


def view(at, slug):
    at.segmented_control(key="class_view").set_value(slug).run()
    assert not at.exception
    return at


def joined(code, nickname):
    """Return the session of a pupil who has joined a class by its address."""
    at = new_app(**{"class": code})
    at.text_input(key="class_nickname").set_value(nickname)
    at.button(key="class_join_button").click().run()
    assert not at.exception
    return go(at, DRAW)


def press(at, key):
    at.button(key=key).click().run()
    assert not at.exception
    return at


def grey_labels(at):
    """Return the digits of the grey label buttons, whose names tell the reason."""
    names, are_refused = (label_buttons(at)[key] for key in ("names", "refused"))
    assert ["This class draws 1, 7." in name for name in names] == are_refused
    return np.flatnonzero(are_refused).tolist()


def save(at):
    """Let a session save its lab, and wait."""
    at.run()
    resources.saver().wait()


def test_a_class_from_its_start_to_its_end(teacher, data, few, genius):
    assert session_of(teacher).start_model()[0].name == "genius", "a class does not begin with random weights"
    code = room_of(teacher).code
    assert f"Join code: {code}" in texts(teacher).replace("*", "")
    token = teacher.query_params["lab"]
    ada, bo = joined(code, "Ada"), joined(code, "Bo <3".replace("<3", "x"))
    assert "class" not in ada.query_params and token != ada.query_params["lab"]
    assert "Draw each digit as you usually write it." in texts(ada)
    draw(ada, data.test_images[0])
    label(ada, 7)
    assert "1 of 100 drawings in Class 4b" in html(ada)
    add_samples(bo, few)
    save(bo)
    teacher.run()
    assert "2 pupils, 21 drawings" in texts(teacher)
    assert "Ada" in html(teacher) and "Bo x" in html(teacher)
    assert code not in html(ada) and token not in json.dumps([str(ada.main), texts(bo)])

    # A drawing and a pupil are removed, and both come back.
    (pupil,) = (pupil for pupil in session_of(teacher).classroom.drawings.pupils if pupil.nickname == "Ada")
    (choice,) = (box for box in teacher.selectbox if str(box.key).startswith("class_pupil_"))
    press(choice.set_value(pupil.id).run(), "class_remove")
    assert "1 pupil, 20 drawings" in texts(teacher)
    ada.run()
    assert "Removed from Class 4b" in html(ada), "the page Draw says so"
    assert "visible to the class" not in texts(go(ada, MY_LAB))
    assert "The teacher has removed you" in texts(ada)
    press(teacher, "class_undo")
    assert "2 pupils, 21 drawings" in texts(teacher)
    press(view(teacher, "after"), "class_round")
    assert "2 pupils, 0 drawings" in texts(teacher) and "Round 1: 21 drawings" in texts(teacher)
    ada.run()
    assert "0 of 100 drawings in Class 4b" in html(ada)
    press(teacher, "class_undo")

    # A pupil leaves, and keeps the lab.
    go(bo, MY_LAB)
    press(bo, "class_leave")
    teacher.run()
    assert "1 pupil, 1 drawing." in texts(teacher)
    assert len(session_of(bo).samples) == 20
    assert "You have left **Class 4b**" in texts(bo), "the page says what has happened"
    press(view(teacher, "after"), "class_delete")
    assert room_of(teacher) is None
    assert resources.saver().store.load(ada.query_params["lab"]) is None
    assert not ada.run().exception


def test_every_view_of_the_teacher(teacher, few):
    for number, name in enumerate(("Ada", "Bo")):
        pupil = joined(room_of(teacher).code, name)
        add_samples(pupil, few.take(range(number, 20, 2)).relabel([0], 9))
        save(pupil)
    for slug in ("pupils", "wall", "labels", "train", "leave_out", "handwriting", "after"):
        assert not view(teacher, slug).error, slug
    pupil = joined(room_of(teacher).code, "Cy")
    add_samples(pupil, few.take([3]))
    save(pupil)
    view(teacher, "labels")
    assert "Show 1 more" in [button.label for button in teacher.button], "new drawings do not change the selection"
    assert "genius is sure of another digit" in texts(teacher)
    wrong = session_of(teacher).classroom.drawings.samples.labels.tolist().index(9)
    teacher.session_state[f"class_labels_20_{False}"] = {"selected": [str(wrong)]}
    press(teacher.run(), "class_remove_drawings")
    assert "3 pupils, 20 drawings" in texts(teacher)


def test_nothing_of_a_pupil_who_leaves_stays_in_the_review_or_in_the_table(jobs, teacher, few):
    pupils = [joined(room_of(teacher).code, name) for name in ("Ada", "Bo", "Cy")]
    for number, pupil in enumerate(pupils):
        add_samples(pupil, few.take(range(number, 18, 3)))
        save(pupil)
    view(teacher.run(), "labels")
    reviewed = session_of(teacher).classroom.reviewed
    press(view(teacher, "leave_out"), "class_leave_out")
    (job,) = session_of(teacher).work.jobs
    labels = job.task.samples.labels.astype(int)
    job.finish(Predictions(labels, labels, labels))
    assert "reads every pupil equally well" in texts(teacher.run()), "no pupil is named if all are read equally well"
    press(go(pupils[1], MY_LAB), "class_leave")
    tables = teacher.run().dataframe
    assert not [table for table in tables if "Pupil" in table.value]
    assert "is not in the class any more" in texts(teacher)
    view(teacher, "labels")
    kept = session_of(teacher).classroom.reviewed
    assert [pupil.nickname for pupil in reviewed.pupils] == ["Ada", "Bo", "Cy"]
    assert [pupil.nickname for pupil in kept.pupils] == ["Ada", "Cy"]
    assert len(kept) == 12


def test_the_table_shows_the_present_nicknames(jobs, teacher, few):
    for number, name in enumerate(("Ada", "Bo")):
        pupil = joined(room_of(teacher).code, name)
        add_samples(pupil, few.take(range(number, 14, 2)))
        save(pupil)
    press(view(teacher.run(), "leave_out"), "class_leave_out")
    (job,) = session_of(teacher).work.jobs
    labels = job.task.samples.labels.astype(int)
    job.finish(Predictions(labels, labels, labels))
    teacher.run()
    ada = session_of(teacher).classroom.drawings.pupils[0]
    class_actions.decide(session_of(teacher), hide(ada.id, True))
    names = set(teacher.run().dataframe[0].value["Pupil"])
    assert "Ada" not in names, "a hidden nickname is hidden everywhere"
    assert names & {"Pupil 01", "Pupil 02"}


def test_the_lab_file_of_a_class_has_all_drawings_and_no_nickname(teacher, few):
    for number, name in enumerate(("Ada", "Bo")):
        pupil = joined(room_of(teacher).code, name)
        add_samples(pupil, few.take(range(number, 20, 2)))
        save(pupil)
    teacher.run()
    session = session_of(teacher)
    content = after.lab_file(session, session.classroom.drawings)
    opened = archive.read(content)
    assert sorted(opened.snapshot.samples.identities()) == sorted(few.identities())
    assert opened.skipped == []
    assert b"Ada" not in content


def test_settings_and_models_reach_the_pupils(jobs, teacher, few, genius, untrained):
    ada = joined(room_of(teacher).code, "Ada")
    add_samples(ada, few)
    save(ada)
    view(teacher.run(), "train")
    session = session_of(teacher)
    session.training.set_settings(session.training.settings.replace(epochs=3))
    press(teacher.run(), "class_send")
    press(teacher, "class_train")
    task = session.training_job.task
    assert (task.n_pupils, len(task.samples), task.settings.epochs) == (1, 20, 3)
    data = replace(genius.card.training_data, drawings=15, pupils=1)
    model = untrained.with_card(replace(untrained.card, trained=True, training_data=data))
    learnt = frozenset(few.training_part().digit_hashes)
    run = Run(model, genius.card.history, task.settings, "genius", 1.0, sample_hashes=learnt)
    session.training_job.finish(run)
    teacher.run()
    assert "15 drawings of 1 pupil" in texts(teacher)
    press(teacher, "class_publish")
    assert "class model 1 predicts correctly. Its training drawings do not count." in html(view(teacher, "pupils"))
    view(teacher, "after")
    assert "Write report" in [button.label for button in teacher.button]
    view(teacher, "train")
    ada.run()
    assert session_of(ada).training.settings.epochs == 3
    assert session_of(ada).active_model.name == "class model 1"
    assert session_of(ada).unseen([session_of(ada).active_model]).tolist() == few.held_out.tolist()
    save(ada)
    again = new_app(lab=ada.query_params["lab"])
    assert session_of(again).models.uploads[0].name == "class model 1"
    assert "Your teacher" not in texts(again), "known news are not told again"

    view(teacher.run(), "train")
    assert "not in the class any more" not in texts(teacher)
    press(go(ada, MY_LAB), "class_leave")
    assert "It has learnt from drawings that are not in the class any more." in texts(teacher.run())


def test_pupils_are_left_out(jobs, teacher, few):
    for number, name in enumerate(("Ada", "Bo")):
        pupil = joined(room_of(teacher).code, name)
        add_samples(pupil, few.take(range(number, 20, 2)))
        save(pupil)
    view(teacher, "leave_out")
    press(teacher, "class_leave_out")
    (job,) = session_of(teacher).work.jobs
    assert job.task.n_trainings == 6
    labels = job.task.samples.labels.astype(int)
    job.finish(Predictions(labels, np.where(np.arange(20) < 10, labels, 0), labels))
    teacher.run()
    table = teacher.dataframe[0].value
    assert table["Pupil"].tolist() == ["Bo", "Ada", "All 2"]
    assert table["Drawings"].tolist() == [10, 10, 20]
    assert list(table)[2:] == ["Read by genius", "By the class without them", "By the class with them"]
    assert table.iloc[0, 3].startswith("10 %") and table.iloc[0, 4].startswith("100 %")


def test_pupils_do_not_train_and_draw_other_digits_if_the_class_does_not_allow_it(teacher, data):
    view(teacher, "after")
    teacher.toggle(key="class_may_train").set_value(False).run()
    press(teacher, "class_apply")
    assert not room_of(teacher).options.may_train
    resources.classes().set_options(room_of(teacher).id, ClassOptions(1, (1, 7), False))
    ada = joined(room_of(teacher).code, "Ada")
    assert grey_labels(ada) == [0, 2, 3, 4, 5, 6, 8, 9]
    draw(ada, data.test_images[0])
    label(ada, 3)
    assert len(session_of(ada).samples) == 0 and "This class draws 1, 7" in texts(ada)
    label(ada, 7)
    assert len(session_of(ada).samples) == 1
    draw(ada, data.test_images[0])
    label(ada, 7)
    assert len(session_of(ada).samples) == 1 and "the maximum in this class" in texts(ada)
    assert ada.button(key="train").disabled
    session_of(ada).train(session_of(ada).active_model, session_of(ada).training.settings)
    assert session_of(ada).training_job is None


def test_a_pupil_is_not_faster_than_a_hand_and_imports_nothing(jobs, teacher, data, few, monkeypatch):
    monkeypatch.setattr("pages.session.classroom.MAX_PER_MINUTE", len(few))
    ada = joined(room_of(teacher).code, "Ada")
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    add_samples(ada, replace(few, dates=(now,) * len(few)))
    draw(ada, data.test_images[0])
    label(ada, 7)
    session = session_of(ada)
    assert len(session.samples) == len(few)
    assert f":red[**{TOO_FAST}**]" in texts(ada), "the reason is beside the label buttons"
    assert not ada.error
    session.work.submit(ReadSamplesTask(b""))
    (job,) = session.work.running(ReadSamplesTask)
    job.finish(ImportResult(few, []))
    keep_open(ada, "files").run()
    assert len(session.samples) == len(few) and "Nothing was imported" in texts(ada)


def test_the_teacher_renames_hides_and_closes(teacher):
    code = room_of(teacher).code
    ada = joined(code, "Ada")
    teacher.run()
    (pupil,) = session_of(teacher).classroom.drawings.pupils
    (choice,) = (box for box in teacher.selectbox if str(box.key).startswith("class_pupil_"))
    choice.set_value(pupil.id).run()
    teacher.text_input(key=f"class_rename_{pupil.id}").set_value("Zoë")
    press(teacher, "class_rename")
    assert "Zoë" in html(teacher) and "You are **Zoë**" in texts(go(ada, MY_LAB))
    press(teacher, "class_hide")
    assert "Zoë" not in html(teacher) and "Pupil 01" in html(teacher)
    press(teacher, "class_open")
    assert "Joining is closed" in texts(teacher)
    assert "Joining this class is closed" in texts(new_app(**{"class": code}))


def test_codes_and_nicknames_that_are_refused(teacher, monkeypatch):
    code = room_of(teacher).code
    wrong = "BBBBBB" if code != "BBBBBB" else "CCCCCC"
    at = new_app(**{"class": wrong})
    assert "No class has this code" in texts(at)
    for text in ("<b>", wrong, code):
        at.text_input(key="class_code").set_value(text)
        press(at, "class_continue")
    assert "Too many wrong codes" in texts(at), "a right code is refused too"
    monkeypatch.setattr(resources, "code_guesses", GuessLimit)
    at = new_app(**{"class": code.lower()})
    for nickname, message in (("", "Type a nickname"), ("<script>", "has only letters")):
        at.text_input(key="class_nickname").set_value(nickname)
        press(at, "class_join_button")
        assert message in texts(at)
    assert room_of(at) is None and "lab" not in at.query_params
    press(at, "class_decline")
    assert at.title[0].value == "My lab"


def test_a_pupil_joins_with_a_new_lab(teacher, data):
    at = new_app()
    draw(at, data.test_images[0])
    label(at, 7)
    before = at.query_params["lab"]
    session_of(at).classroom.invite(room_of(teacher).code, "Class 4b")
    go(at, MY_LAB)
    at.text_input(key="class_nickname").set_value("Ada")
    press(at, "class_join_button")
    assert at.query_params["lab"] != before and len(session_of(at).samples) == 0
    assert len(resources.saver().store.load(before).snapshot.samples) == 1
    again = new_app(lab=at.query_params["lab"])
    assert session_of(again).classroom.membership.nickname == "Ada"


def test_a_projector_shows_the_class_and_changes_nothing(teacher, few):
    ada = joined(room_of(teacher).code, "Ada")
    add_samples(ada, few)
    save(ada)
    token = class_actions.database.view_token(teacher.query_params["lab"])
    at = new_app(project=token)
    shown = html(at)
    assert "Ada" in shown and room_of(teacher).code in shown and "20 drawings" in shown
    assert not at.button and not session_of(at).classroom.is_teacher
    assert at.query_params["project"] == token
    assert "shows no class" in texts(new_app(project="x"))
    go(at, DRAW)
    assert "Ada" in html(at) and not at.button, "the projector's address shows the class on every page"


def test_the_page_of_a_teacher_shows_the_class_after_a_reload(teacher, data):
    assert new_app(lab=teacher.query_params["lab"]).segmented_control(key="class_view")
    ada = joined(room_of(teacher).code, "Ada")
    assert not new_app(lab=ada.query_params["lab"]).title, "a pupil draws"


def test_nicknames_that_nobody_uses_are_removed_at_once(teacher, few, monkeypatch):
    """A person can join again and again with other nicknames."""
    monkeypatch.setattr(rules, "MAX_PUPILS", 3)
    code = room_of(teacher).code
    ada = joined(code, "Ada")
    add_samples(ada, few)
    save(ada)
    assert "not drawn yet" not in texts(teacher.run())
    for nickname in ("x1", "x2"):
        joined(code, nickname)
    assert "2 pupils have not drawn yet." in texts(teacher.run())
    assert "The class is full" in texts(teacher)
    press(teacher, "class_remove_idle")
    assert "1 pupil, 20 drawings" in texts(teacher) and "The class is full" not in texts(teacher)
    joined(code, "Bo")
    press(teacher, "class_undo")
    assert "4 pupils, 20 drawings" in texts(teacher)
    press(view(teacher, "after"), "class_round")
    assert "3 pupils have not drawn yet." in texts(view(teacher, "pupils")), "Ada drew in the round before"


def test_a_lab_without_a_class_costs_no_query(app, data):
    """A page without a class sends the statements that it sent before there were classes."""
    queries = []
    listener = lambda *arguments: queries.append(arguments[2])  # noqa: E731
    sql.event.listen(sql.Engine, "before_cursor_execute", listener)
    try:
        for _ in range(2):
            draw(app, data.test_images[0])
            label(app, 7)
            save(app)
        again = new_app(lab=app.query_params["lab"])
        for page in (DRAW, MY_LAB, DRAW):
            go(again, page)
        assert len(queries) > 5 and not [query for query in queries if "JOIN classes" in query]
    finally:
        sql.event.remove(sql.Engine, "before_cursor_execute", listener)
