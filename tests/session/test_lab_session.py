import datetime
import json
from dataclasses import replace

import numpy as np
import pytest

from digitcore.data import sample_files
from digitcore.data.sample_files import ImportResult
from digitcore.errors import WorkerDiedError
from digitcore.evaluation.score import Score
from digitcore.jobs.tasks import ImportModelTask, OpenLabTask, ReadSamplesTask, TrainTask
from digitcore.samples import SampleSet
from digitcore.storage import archive, learnt
from digitcore.storage.archive import OpenedLab
from digitcore.storage.classes import Membership, StoredClass
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings
from pages.session.lab_session import LabSession
from pages.session.training_state import Start
from tests.session.test_canvas_state import rgba, sent


@pytest.fixture
def drawn(session, data):
    session.canvas.sync_from_widget(session.canvas.key, sent(rgba(data.test_images[0])))
    return session


def test_a_label_stores_the_drawing_and_clears_the_canvas(drawn):
    digit, key = drawn.canvas.digit, drawn.canvas.key
    assert drawn.label(3)
    samples = drawn.samples.current
    assert samples.labels.tolist() == [3]
    assert np.array_equal(samples.digits[0], digit)
    assert samples.strokes[0]
    assert samples.dates[0]
    assert drawn.canvas.digit is None
    assert drawn.canvas.key != key
    assert not drawn.label(4), "nothing is drawn"
    assert len(drawn.samples) == 1, "nothing is drawn"


def test_a_full_lab_takes_no_label_and_keeps_the_drawing(drawn):
    n = sample_files.MAX_SAMPLES
    full = SampleSet.from_arrays(np.zeros((n, 28, 28), np.uint8), np.zeros(n, int))
    drawn.samples.replace(full)
    assert not drawn.label(3)
    assert drawn.samples.current is full
    assert drawn.canvas.digit is not None
    assert drawn.is_flash_error
    assert drawn.flash.startswith("A lab holds at most 5,000 drawings")
    drawn.samples.replace(full.drop([len(full) - 1]))
    assert drawn.label(3)


def test_a_label_on_an_example_is_not_handwriting(session, data):
    session.canvas.load_digit(data.validation[0][0], is_example=True)
    session.label(int(data.validation[1][0]))
    assert (len(session.samples), session.samples.n_drawings) == (1, 0)
    assert session.samples.current.is_example.all()
    assert not session.unseen([]).any(), "an example does not test the user's handwriting"
    session.canvas.load_digit(data.validation[0][1], is_example=True)
    session.canvas.sync_from_widget(session.canvas.key, sent(rgba(data.test_images[0])))
    session.label(7)
    assert session.samples.current.is_example.tolist() == [True, False], "the first stroke replaces the example"


def test_the_prediction_before_the_label_is_kept_with_the_sample(drawn, genius):
    drawn.label(3)
    first = drawn.samples.current.first_predictions[0]
    assert (first.model, first.digit) == (genius.hash, 7)
    assert first.confidence > 0.9
    assert drawn.snapshot().samples.first_predictions == (first,)


def test_the_first_prediction_is_by_the_model_that_the_person_has_seen(drawn, genius, untrained, finish_training):
    """A training may start or end while the page still shows the prediction of another model."""
    drawn.show_prediction_of(genius)
    drawn.training.choose_start(Start.UNTRAINED)
    assert drawn.active_model is untrained
    drawn.train(untrained, TrainSettings())
    finish_training(untrained.rename("trained"), untrained)
    drawn.label(7)
    assert drawn.samples.current.first_predictions[0].model == genius.hash
    assert drawn.shown_model is drawn.active_model, "the next drawing has no prediction yet"


def test_a_model_trained_on_a_drawing_gives_no_first_prediction(drawn, untrained, genius):
    drawn.label(3)
    add_run(drawn, untrained, genius)
    drawn.undo_label()
    drawn.label(7)
    assert drawn.samples.current.first_predictions == (None,), "the model was trained on the digit with another label"


def test_a_drawing_tests_a_run_if_it_is_labelled_after_the_result_and_the_run_has_not_learnt_it(
    session, data, genius, untrained, finish_training
):
    def draw(number):
        session.canvas.sync_from_widget(session.canvas.key, sent(rgba(data.test_images[number])))
        session.show_prediction_of(session.active_model)

    def draw_and_label(number):
        draw(number)
        session.label(int(data.test_labels[number]))

    draw_and_label(0)
    session.train(untrained, TrainSettings())
    draw_and_label(1)
    draw(2)  # The drawing is begun during the training, so that its first prediction is by the initial model.
    hashes = frozenset(session.samples.current.take([0]).digit_hashes)
    run = Run(genius.rename("trained"), [], TrainSettings(), "untrained", 1.0, sample_hashes=hashes)
    session.training_job.finish(run)
    session.collect()
    session.label(int(data.test_labels[2]))
    draw_and_label(3)
    draw_and_label(0)
    record = session.models.runs[-1]
    assert learnt.labelled_after(session.samples.current, record).tolist() == [2, 3], (
        "drawings 0 and 4 were learnt, drawing 1 is older"
    )


def add_run(session, model, start, samples=None):
    """Finish a training of a model on all samples of the session, or on the given samples."""
    learnt = frozenset((session.samples.for_training() if samples is None else samples).training_part().digit_hashes)
    session.train(start, TrainSettings())
    held_out = bool(session.samples.for_training().held_out.any())
    run = Run(model, [], TrainSettings(), start.name, 1.0, sample_hashes=learnt, personal_is_held_out=held_out)
    session.training_job.finish(run)
    session.collect()
    return session.models.runs[-1]


def test_drawings_made_after_a_training_are_unseen(session, few, genius, untrained):
    session.samples.current = few
    record = add_run(session, genius.rename("trained"), untrained)
    assert session.tested_drawings([untrained, record.model]) == (few, False)
    assert session.unseen_scores(record) is None
    assert session.has_learnt(record.model)
    assert not session.has_learnt(untrained)
    rotated = np.rot90(few.digits, axes=(1, 2))[:3]
    session.samples.current = few.concatenate(SampleSet.from_arrays(rotated, [1, 2, 3]))
    samples, is_unseen = session.tested_drawings([untrained, record.model])
    assert is_unseen
    assert np.array_equal(samples.digits, rotated)
    before, after = session.unseen_scores(record)
    assert before.n == after.n == 3
    assert after.interval == Score.from_counts(after.correct, 3).interval
    session.samples.current = session.samples.current.relabel([0], 9)
    assert session.unseen_scores(record)[1].n == 3, "a corrected label does not make a drawing unseen"


def test_the_training_drawings_of_a_run_include_those_of_its_initial_model(session, few, genius, untrained):
    session.samples.hold_out, session.samples.current = False, few.concatenate(few.take(range(4)))
    first = add_run(session, with_other_hash(genius), untrained, few.take([0, 1]))
    second = add_run(session, untrained, first.model, few.take([2, 3]))
    assert second.run.sample_hashes == frozenset(few.take(range(4)).digit_hashes)
    session.models.delete_run(first.name)
    assert session.models.learnt_from(first.model) == frozenset(few.take([0, 1]).digit_hashes)
    session.models.deleted = None
    assert session.models.learnt_from(first.model) == second.run.sample_hashes, "at most the training drawings of the second run"
    again = LabSession(session.resources)
    again.restore(session.snapshot())
    assert again.unseen([again.models.trained]).sum() == session.unseen([session.models.trained]).sum() == 16


def test_held_out_drawings_that_the_initial_model_was_trained_on_are_not_unseen(session, few, genius, untrained):
    doubled = few.concatenate(few)
    session.samples.current = SampleSet.from_arrays(doubled.digits, doubled.labels)
    session.samples.hold_out = False
    first = add_run(session, genius.rename("trained"), untrained)
    session.samples.hold_out = True
    second = add_run(session, untrained, first.model)
    assert not first.run.personal_is_held_out
    assert not second.run.personal_is_held_out


def test_only_held_out_drawings_are_unseen_by_a_model_with_unknown_training_data(session, few, genius, untrained):
    doubled = few.concatenate(few)
    session.samples.current = SampleSet.from_arrays(doubled.digits, doubled.labels)
    name = session.models.add_upload(with_other_hash(untrained))
    assert session.models.learnt_from(session.models.own[name]) is None
    assert session.unseen([session.models.own[name]]).tolist() == session.samples.current.held_out.tolist()
    assert session.unseen([genius, untrained]).all()


def with_other_hash(model):
    """Return a trained model with the same predictions and another hash."""
    return replace(model.with_card(replace(model.card, name="mine", trained=True)), tflite_bytes=model.tflite_bytes + b"\0")


def test_a_contradiction_that_a_training_has_resolved_is_not_shown_again(drawn, untrained, genius):
    drawn.label(3)
    assert drawn.samples.contradiction.digit == 7
    add_run(drawn, genius.rename("trained"), untrained)
    assert drawn.samples.contradiction.digit == 7, "the new model contradicts the label too"
    add_run(drawn, untrained, genius)
    assert drawn.samples.contradiction is None, "the confidence of an untrained network is low"


def test_undoing_a_label_restores_the_drawing(drawn, data):
    digit = drawn.canvas.digit
    drawn.label(3)
    drawn.undo_label()
    assert len(drawn.samples) == 0
    assert drawn.canvas.digit is digit
    drawn.label(3)
    drawn.canvas.load_digit(data.test_images[5])
    drawn.undo_label()
    assert np.array_equal(drawn.canvas.digit, data.test_images[5]), "a new drawing is kept"


def test_a_drawing_is_not_labelled_before_its_new_image_arrives(drawn):
    drawn.canvas.remount()
    drawn.canvas.drawing = replace(drawn.canvas.drawing, strokes={"objects": [{"path": []}, {"path": []}]})
    drawn.canvas.undo()
    assert not drawn.label(3)


def test_a_label_starts_a_training_if_the_setting_is_on(drawn, data, jobs, finish_training):
    drawn.training.train_after_label = True
    drawn.label(7)
    assert [type(job.task) for job in jobs.submitted] == [TrainTask]
    drawn.canvas.load_digit(data.test_images[1])
    drawn.label(2)
    assert len(jobs.submitted) == 1, "a training is running"
    assert finish_training(drawn.resources.shipped("untrained"), drawn.resources.shipped("genius"))
    trainings = [job.task for job in jobs.submitted if isinstance(job.task, TrainTask)]
    assert [len(task.samples) for task in trainings] == [1, 2]


def test_every_choice_gives_its_initial_model(session, genius, untrained, few, finish_training):
    def start():
        return session.start_model()[0].name

    assert start() == "genius"
    session.training.choose_start(Start.UNTRAINED)
    assert start() == "untrained"
    assert session.initial_model is untrained
    session.training.choose_start(Start.TRAINED)
    assert start() == "genius", "no model is trained yet"
    session.train(genius, TrainSettings())
    finish_training(untrained, genius)
    assert start() == "run 1"
    session.samples.current = few
    session.training.choose_start(Start.BETTER)
    model, reason = session.start_model()
    assert model is genius
    assert "20 of 20 drawings are correct" in reason
    session.training.choose_start(Start.RUN, "run 1")
    assert start() == "run 1"
    session.rename_run(session.models.runs[0], "mine")
    assert start() == "mine"
    assert session.training.start_model == "mine"


def test_a_failed_training_adds_no_run(session, genius):
    session.train(genius, TrainSettings())
    session.training_job.fail(WorkerDiedError())
    assert session.collect()
    assert session.models.runs == ()
    assert not session.collect()


def test_the_first_suggestion_is_zero(session):
    assert session.suggestion().digit == 0


def test_the_suggestion_is_cached(session):
    assert session.suggestion() is session.suggestion()


def test_the_suggestion_changes_with_the_samples_and_the_model(session, few):
    first = session.suggestion()
    session.samples.current = few.take(range(2, 20))
    second = session.suggestion()
    assert second is not first
    assert second.digit == 0
    session.training.choose_start(Start.UNTRAINED)
    assert session.suggestion() is not second
    assert session.suggestion().sentence == "Draw a 0 next: you have no 0 yet.", "random weights misclassify nearly all digits"


def test_the_message_and_undo_belong_to_the_last_change(session, few):
    session.samples.current = few
    session.replace_samples(few.drop([0]), "1 drawing deleted.")
    assert session.samples.can_undo
    assert session.flash == "1 drawing deleted."
    session.show_error("This is no picture.")
    assert session.is_flash_error
    assert not session.samples.can_undo
    session.replace_samples(few.drop([0]), "1 drawing deleted.")
    session.undo_samples()
    assert len(session.samples) == 19
    assert session.flash == ""


@pytest.fixture
def everything(session, few, genius, untrained, finish_training):
    """Return a session in which every preference differs from its default."""
    session.samples.current = few
    session.train(untrained, TrainSettings())
    finish_training(genius, untrained)
    session.models.add_upload(untrained.rename("mine"))
    session.models.activate("mine")
    session.models.compared()
    session.models.set_compared(["run 1"])
    session.models.has_compared = True
    session.samples.hold_out = False
    session.samples.keep([0])
    session.open_lesson(2)
    session.lessons.guess("The accuracy falls.")
    session.canvas.set_white_background(True)
    session.training.choose_start(Start.PRETRAINED, "run 1")
    session.training.train_after_label = True
    session.training.set_settings(TrainSettings(epochs=9, sample_weight=5.0))
    session.training.begin_sweep(genius, few, "ann", {"epochs": [1, 2]}, {})
    session.training.choose_network("mlp")
    return session


def test_every_preference_survives_a_snapshot(everything, resources, few):
    snapshot = everything.snapshot()
    default = LabSession(resources).snapshot().preferences
    assert [name for name, value in snapshot.preferences.items() if value == default[name]] == []
    restored = LabSession(resources, "bob")
    restored.restore(replace(snapshot, preferences=json.loads(json.dumps(snapshot.preferences))))
    assert restored.snapshot().preferences == snapshot.preferences
    assert restored.snapshot().sweep == snapshot.sweep | {"is_running": False}, "a restored sweep waits until it is resumed"
    assert restored.samples.is_kept()[:2].tolist() == [True, False]
    assert restored.samples.current is few
    assert restored.models.trained.name == "mine"


def test_an_unchanged_session_has_an_unchanged_snapshot(everything):
    assert everything.snapshot().is_unchanged(everything.snapshot())


def test_opening_another_lab_removes_everything_of_this_lab(everything, few, genius):
    session = everything
    session.train(genius, TrainSettings())
    job, sweep, revision = session.training_job, session.training.sweep, session.canvas.revision
    session.replace_samples(few.drop([0]), "1 drawing deleted.")
    session.saving.state = object()
    other = LabSession(session.resources).snapshot()
    session.replace_with(other)
    assert job.is_stopping
    assert sweep.is_stopping
    assert session.saving.state is None
    assert session.saving.is_begun
    assert not session.samples.can_undo
    assert session.flash == ""
    assert session.canvas.revision > revision
    assert session.snapshot().preferences == other.preferences
    assert session.snapshot().is_empty
    assert session.snapshot().sweep is None
    assert session.owner == "ann"


def test_the_message_of_an_opened_lab_names_the_skipped_parts(session, lab, jobs):
    session.work.submit(OpenLabTask(archive.write(lab)))
    assert not session.collect()
    jobs.submitted[0].finish(OpenedLab(lab, ["Run 3 was skipped: it is damaged."]))
    assert session.collect()
    assert len(session.models.runs) == 2
    sentence = "Opened: 21 drawings, 1 example, 2 runs. Run 3 was skipped: it is damaged."
    assert session.work.notice(OpenLabTask).sentence == sentence


def test_an_imported_model_is_listed(session, jobs, untrained):
    session.work.submit(ImportModelTask(b"", "mine"))
    jobs.submitted[0].finish(untrained.rename("mine"))
    assert session.collect()
    assert session.work.notice(ImportModelTask).sentence == "Imported as “mine”. The model is listed with your models."
    assert [model.name for model in session.models.uploads] == ["mine"]


def dated(minutes):
    """Return thirty drawings that were labelled some minutes ago."""
    date = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=minutes)
    return SampleSet.from_arrays(np.zeros((30, 28, 28), np.uint8), [7] * 30, dates=[date.isoformat(timespec="seconds")] * 30)


def test_a_pupil_of_a_class_imports_no_drawings_and_labels_slowly(session, jobs, few):
    room = StoredClass("room", "BCDFGH", "Class 4b")
    session.classroom.attach("token", Membership(room, "lab", "Ada"))
    session.work.submit(ReadSamplesTask(b""))
    jobs.submitted[0].finish(ImportResult(few, {}))
    session.collect()
    assert len(session.samples) == 0
    assert "Nothing was imported" in session.work.notice(ReadSamplesTask).sentence
    now, before = dated(0), dated(2)  # Another tab may have labelled them.
    reasons = [session.classroom.refuse_label(7, samples) for samples in (now, now.drop([0]), before.concatenate(now.drop([0])))]
    assert "Wait a moment" in reasons[0] and reasons[1:] == ["", ""]


def test_imported_samples_are_added_and_the_import_can_be_undone(session, jobs, few):
    session.samples.current = few.take([0, 1])
    for result, n, sentence in (
        (
            ImportResult(few.take([1, 2, 3]), ["a.png: The image is blank."]),
            4,
            "3 samples imported, 1 rejected. a.png: The image is blank.",
        ),
        (ImportResult(few.take([0, 1]), ["b.png: The image is blank."]), 4, ""),
    ):
        session.work.submit(ReadSamplesTask(b""))
        jobs.submitted[-1].finish(result)
        assert session.collect()
        assert len(session.samples) == n
        if sentence:
            assert session.flash.startswith(sentence)
            assert "You have 1 of these samples already" in session.flash
    assert session.work.notice(ReadSamplesTask).sentence == (
        "You have all of these samples already. 1 rejected. b.png: The image is blank."
    )
    session.undo_samples()
    assert len(session.samples) == 2


@pytest.mark.parametrize("is_accepted", [True, False])
def test_doubtful_samples_wait_for_a_confirmation(session, jobs, few, is_accepted):
    session.work.submit(ReadSamplesTask(b""))
    jobs.submitted[-1].finish(ImportResult(few, doubt="The labels do not fit the pictures: 21 % agree with the prediction."))
    assert session.collect()
    assert len(session.samples) == 0
    assert session.work.notice(ReadSamplesTask).is_error
    assert "21 % agree" in session.work.notice(ReadSamplesTask).sentence
    session.confirm_import(is_accepted)
    assert session.doubtful_import is None
    assert len(session.samples) == 20 * is_accepted
    assert not session.work.notice(ReadSamplesTask).is_error


def test_labels_that_are_one_too_high_are_found_in_the_review(session, few):
    for digit, label in zip(few.digits, few.labels, strict=True):
        session.canvas.load_digit(digit)
        session.label(int(label + 1) % 10)
        if session.samples.contradiction is not None:
            assert session.samples.contradiction.digit == label
    found = session.contradicted_samples()
    assert len(found) >= 19, "the confidence of a digit can be too low"
    assert len(few) == 20, "the confidence of a digit can be too low"
    samples, genius = session.samples.current.take(found), session.resources.shipped("genius")
    likelihood = session.resources.probabilities(genius, samples.digits)[np.arange(len(found)), samples.labels]
    assert (np.diff(likelihood) >= 0).all(), "the most doubtful label comes first"
    session.canvas.load_digit(few.digits[0])
    session.label(int(few.labels[0]))
    assert session.samples.contradiction is None
    assert len(session.contradicted_samples()) == len(found)
