"""Lessons on the Train page."""

from dataclasses import asdict, replace

import pytest

from digitcore import models
from digitcore.lessons import LESSONS
from digitcore.samples import SampleSet
from digitcore.training.history import START
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings
from tests.support.app import TRAIN, add_run, add_samples, go, new_app, session_of, table_with, texts


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.title)
def test_the_link_of_a_lesson_opens_it(lesson):
    at = go(new_app(lesson=str(LESSONS.index(lesson) + 1)), TRAIN)
    session = session_of(at)
    assert session.link_error == ""
    assert lesson.question in texts(at)
    for number, trial in enumerate(lesson.trials):
        at.button(key=f"lesson_trial_{number}").click().run()
        assert (session.training.settings, session.training.network) == lesson.training(trial)
        assert session.chosen_trial == trial
        assert not at.error
    assert lesson.answer not in texts(at), "the answer is shown at the end"
    at.button(key="lesson_close").click().run()
    assert session.training.settings == TrainSettings()
    assert lesson.question not in texts(at)
    assert not at.exception


def test_a_lesson_shows_the_curves_and_the_answer_after_the_last_training(app):
    lesson = LESSONS[0]
    go(app, TRAIN)
    app.menu_button(key="lessons").click(1).run()
    app.text_input(key="lesson_guess_1").set_value("0.01 learns *best*").run()
    mlp = models.load("mlp")
    start = mlp.with_card(replace(mlp.card, name="untrained mlp", trained=False))
    for trial in lesson.trials[1:]:
        add_run(app, mlp, start, **asdict(lesson.training(trial)[0]))
    app.run()
    assert [app.button(key=f"lesson_trial_{number}").icon for number in range(4)] == ["", *[":material/check:"] * 3]
    assert "3 of 4 trainings done." in texts(app)
    assert app.button(key="lesson_train").label == "Train with 0.1"
    assert lesson.answer not in texts(app)
    failed = Run.failed(start, SampleSet(), lesson.training(lesson.trials[0])[0], [START], "The units are dead.")
    session_of(app).models.add_run(failed, start)
    app.run()
    assert lesson.answer in texts(app)
    assert r"0.01 learns \*best\*" in texts(app)
    table = table_with(app, "Your run")
    assert table["Training"].tolist() == [trial.label for trial in lesson.trials]
    assert table["Your run"].tolist()[0] == "failed"
    assert table["MNIST, 5 seeds"].tolist() == ["all failed", "92.2 % to 93.4 %", "92.1 % to 93.1 %", "88.2 % to 89.3 %"]
    assert [error.value for error in app.error] == ["**run 4** failed. The units are dead. Active model: run 3."]


def test_a_lesson_about_a_digit_trains_with_the_drawings_of_this_digit(app, few):
    add_samples(app, few)
    go(app, TRAIN)
    app.menu_button(key="lessons").click(2).run()
    assert "You have 2 of 10 drawings of a 7." in texts(app)
    assert app.button(key="lesson_train").disabled
    app.menu_button(key="lessons").click(1).run()
    assert len(session_of(app).training_samples()) == 0, "the answers of the other lessons were measured without drawings"
    assert "use MNIST digits only" in texts(app)
    app.menu_button(key="lessons").click(2).run()
    assert session_of(app).training_samples().labels.tolist() == [7, 7]
    assert "2 drawings, no MNIST digits" in texts(app)
    app.slider(key="epochs").set_value(3).run()
    assert len(session_of(app).training_samples()) == 20, "the form describes no training of the lesson"
