import json

import pytest

from digitcore.errors import TrainingError
from digitcore.jobs.job import JobStatus
from digitcore.jobs.tasks import Progress
from digitcore.storage.snapshot import RunRecord
from digitcore.sweeps.trial import SCORES, TrialResult
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings
from pages.session.training_state import Start, TrainingState


@pytest.fixture
def training(resources):
    """Return a state in which the expert is taught."""
    made = TrainingState(resources)
    made.choose_start(Start.PRETRAINED)
    return made


def test_a_label_during_a_training_is_remembered(training):
    assert not training.request_retraining(is_training=False), "the setting is off"
    training.train_after_label = True
    assert training.request_retraining(is_training=False)
    assert not training.request_retraining(is_training=True)
    assert training.take_retraining_request()
    assert not training.take_retraining_request()


def test_the_form_offers_values_of_links_and_sweeps(training):
    assert 7e-4 not in training.options("learning_rate")
    training.set_settings(TrainSettings(learning_rate=7e-4, epochs=30))
    assert training.options("learning_rate")[0] is None
    assert training.options("learning_rate")[4:6] == [7e-4, 1e-3]
    assert training.options("epochs")[-1] == 30
    assert training.revision == 1


def test_preferences_are_restored(training, resources):
    training.choose_start(Start.RUN, "run 3")
    training.train_after_label = True
    training.set_settings(TrainSettings(epochs=9, learning_rate=7e-4, oversample="79", noise="gaussian"))
    restored = TrainingState(resources)
    restored.restore(json.loads(json.dumps(training.preferences())))
    assert restored.preferences() == training.preferences()
    assert 7e-4 in restored.options("learning_rate")


@pytest.mark.parametrize("preferences", [{}, {"start": "nowhere", "settings": {"epochs": 0}}, {"settings": 3, "start_model": 1}])
def test_damaged_preferences_are_ignored(training, preferences):
    training.restore(preferences)
    assert training.start == Start.PRETRAINED
    assert training.settings == TrainSettings()
    assert training.start_model == ""


def finish_trials(training, personal=0.5):
    for trial in training.sweep.trials:
        trial.status, trial.job = JobStatus.DONE, None
        trial.scores = dict.fromkeys(SCORES, personal * trial.settings.epochs)


def test_the_best_of_a_sweep_becomes_the_form_s_values(training, genius, few):
    grid = {"sample_weight": [5.0], "epochs": [1, 2], "learning_rate": [1e-3], "batch_size": [16], "weight_interpolation": [0.6]}
    training.begin_sweep(genius, few, "ann", grid, {"n_seeds": 1})
    assert [job.owner for job in training.sweep.jobs()] == ["ann"] * 2
    finish_trials(training)
    training.set_settings(TrainSettings(epochs=5, ema_momentum=0.9))  # settings of another experiment
    training.choose_start(Start.UNTRAINED)
    training.apply_best()
    best = training.settings
    assert (best.epochs, best.learning_rate, best.batch_size, best.weight_interpolation) == (2, 1e-3, 16, 0.6)
    assert training.revision == 2
    assert best.ema_momentum == 0
    assert training.start == Start.PRETRAINED


def test_a_sweep_that_cannot_start_has_an_error_message(training, genius, few):
    training.begin_sweep(genius, few, "ann", {"epochs": list(range(1, 12))}, {"n_seeds": 10})
    assert training.sweep is None
    assert "1 to 100 trials" in training.sweep_error


@pytest.fixture
def restored(training, resources, jobs, genius, few):
    """Return a state with the sweep of another session, of which one trial is done and one trial was running."""
    training.begin_sweep(genius, few, "ann", {"epochs": [1, 2]}, {"n_seeds": 1})
    first, second = jobs.submitted
    second.on_start()
    first.finish(TrialResult(dict.fromkeys(SCORES, 0.5), []))
    training.sweep.poll()
    state = TrainingState(resources)
    state.restore_sweep(training.sweep.to_dict(), genius, few)
    return state


def test_a_restored_sweep_waits(restored):
    assert restored.sweep.n_done == 1
    assert restored.sweep.is_idle


def test_a_resumed_sweep_submits_only_the_trials_that_are_not_done(restored, jobs):
    n_before = len(jobs.submitted)
    restored.resume_sweep("bob")
    (job,) = jobs.submitted[n_before:]
    assert job.owner == "bob"
    assert job.task.settings.epochs == 2


def test_a_damaged_sweep_is_not_restored(training, genius, few):
    training.restore_sweep({"trials": []}, genius, few)
    assert training.sweep is None


POINTS = [{"epoch": epoch, "samples_seen": 250 * epoch, "seconds": epoch, "loss": epoch} for epoch in (0.0, 0.5, 1.0)]


def failed_training(session, few, points=POINTS, resume_from=None):
    """Start a training of the session, and end it with an error."""
    session.samples.replace(few)
    session.train(session.start_model()[0], TrainSettings(epochs=3, learning_rate=0.1), resume_from)
    job = session.training_job
    for point in points:
        job.on_progress(Progress(0.1, point))
    job.fail(TrainingError("The loss is not a finite number in epoch 2."))
    assert session.collect()


def test_a_failed_training_is_kept_as_a_run_with_its_curve_and_error(session, few, finish_training, genius):
    session.train(genius, TrainSettings())
    finish_training(genius, genius)
    failed_training(session, few, [*POINTS, {"epoch": 1.1, "samples_seen": 275.0, "seconds": 2.0, "loss": float("nan")}])
    good, failed = session.models.runs
    assert failed.run.error == "The loss is not a finite number in epoch 2."
    assert failed.name == "run 2"
    assert failed.run.history[:3] == POINTS
    assert failed.run.history[3] == {"epoch": 1.1, "samples_seen": 275.0, "seconds": 2.0}
    assert failed.run.settings.learning_rate == 0.1
    assert failed.run.model.card.training_data.drawings == len(few)
    assert session.models.active_run.id == good.id, "the model of a failed training is not used"
    assert list(session.models.own) == ["run 1"], "the model of a failed training is not used"
    assert not session.is_scoring(failed)
    assert not session.models.is_free_name("run 2")
    (_, restored) = (
        RunRecord.from_dict(json.loads(json.dumps(record.to_dict())), (b"", b""), (b"", b"")) for record in session.models.runs
    )
    assert restored.run.error == failed.run.error
    assert restored.run.history == failed.run.history
    session.models.delete_run("run 1")
    assert session.models.active_run is None
    assert session.active_model.name == "genius"


def test_a_resumed_training_that_fails_keeps_the_whole_curve(session, few, genius):
    stopped = Run(genius, POINTS[:2], TrainSettings(epochs=3), "genius", 1.0, stopped=True)
    failed_training(session, few, POINTS[2:], stopped)
    assert session.models.runs[0].run.history == POINTS


def test_a_training_that_fails_before_its_first_point_adds_no_run(session, few):
    failed_training(session, few, points=[])
    assert session.models.runs == ()


def test_the_sweep_of_a_closed_session_is_adopted(training, resources, genius, few):
    training.begin_sweep(genius, few, "ann", {"epochs": [1, 2]}, {"n_seeds": 1})
    heir = TrainingState(resources)
    heir.adopt_sweep(training.sweep, "bob")
    assert {trial_job.owner for trial_job in heir.sweep.jobs()} == {"bob"}
    heir.restore_sweep(training.sweep.to_dict(), genius, few)
    assert heir.sweep is training.sweep, "the running sweep is not replaced by its snapshot"
    heir.stop_sweep()
    assert heir.sweep.is_stopping
