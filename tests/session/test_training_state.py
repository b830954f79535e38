import json

import pytest

from digitcore.jobs.job import JobStatus
from digitcore.jobs.limits import Limits
from digitcore.samples import SampleSet
from digitcore.sweeps.trial import SCORES
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings
from pages.session.training_state import Start, TrainingState


@pytest.fixture
def training(services):
    return TrainingState(services)


def begin(training, start, settings=None):
    training.begin(start, SampleSet(), settings or TrainSettings(epochs=3), "ann")
    return training.job


def test_a_training_and_its_result(training, genius):
    job = begin(training, genius)
    assert training.task.settings.epochs == 3 and job.owner == "ann" and training.collect() is None
    run = Run(genius, [], TrainSettings(), "genius", 1.0)
    job.finish(run)
    assert training.collect() == (run, genius) and training.job is None and training.task is None


def test_a_second_press_changes_nothing(training, genius, untrained):
    job = begin(training, genius)
    assert begin(training, untrained) is job


def test_a_failure_and_a_limit_are_sentences(training, jobs, genius):
    begin(training, genius).finish(error="The worker died.")
    assert training.collect() is None and training.error == "The worker died."
    jobs.limits = Limits(epochs=2)
    assert begin(training, genius) is None and "allows 2 epochs" in training.error
    jobs.limits = Limits()
    assert begin(training, genius) and training.error == ""


def test_a_label_during_a_training_is_remembered(training, genius):
    assert not training.request_retraining(), "not asked for"
    training.train_after_label = True
    assert training.request_retraining()
    begin(training, genius)
    assert not training.request_retraining() and training.take_retraining_request()
    assert not training.take_retraining_request()


def test_values_from_elsewhere_are_offered_by_the_form(training):
    assert 7e-4 not in training.options("learning_rate")
    training.set_settings(TrainSettings(learning_rate=7e-4, epochs=30))
    assert training.options("learning_rate")[0] is None and training.options("learning_rate")[4:6] == [7e-4, 1e-3]
    assert training.options("epochs")[-1] == 30 and training.revision == 1


def test_preferences_survive(training, services):
    training.choose_start(Start.RUN, "run 3")
    training.train_after_label = True
    training.set_settings(TrainSettings(epochs=9, learning_rate=7e-4, oversample="79", noise="gaussian"))
    restored = TrainingState(services)
    restored.restore(json.loads(json.dumps(training.preferences())))
    assert restored.preferences() == training.preferences() and 7e-4 in restored.options("learning_rate")


@pytest.mark.parametrize("preferences", [{}, {"start": "nowhere", "settings": {"epochs": 0}}, {"settings": 3, "start_model": 1}])
def test_damaged_preferences_are_ignored(training, preferences):
    training.restore(preferences)
    assert training.start == Start.PRETRAINED and training.settings == TrainSettings() and training.start_model == ""


def finish_trials(training, personal=0.5):
    for trial in training.sweep.trials:
        trial.status, trial.job = JobStatus.DONE, None
        trial.scores = dict.fromkeys(SCORES, personal * trial.settings.epochs)


def test_the_best_of_a_sweep_becomes_the_form_s_values(training, genius, few):
    grid = {"sample_weight": [5.0], "epochs": [1, 2], "learning_rate": [1e-3], "batch_size": [16], "weight_interpolation": [0.6]}
    training.begin_sweep(genius, few, "ann", grid, {"n_seeds": 1})
    assert [job.owner for job in training.sweep.jobs()] == ["ann/sweep"] * 2
    finish_trials(training)
    training.set_settings(TrainSettings(epochs=5, ema_momentum=0.9))  # of another experiment
    training.choose_start(Start.UNTRAINED)
    training.apply_best()
    best = training.settings
    assert (best.epochs, best.learning_rate, best.batch_size, best.weight_interpolation) == (2, 1e-3, 16, 0.6)
    assert training.revision == 2 and best.ema_momentum == 0 and training.start == Start.PRETRAINED


def test_a_sweep_that_cannot_begin_says_why(training, genius, few):
    training.begin_sweep(genius, few, "ann", {"epochs": list(range(1, 12))}, {"n_seeds": 10})
    assert training.sweep is None and "1 to 100 trainings" in training.sweep_error and training.error == ""


def test_a_sweep_is_restored_and_resumed(training, services, genius, few):
    training.begin_sweep(genius, few, "ann", {"epochs": [1, 2]}, {"n_seeds": 1})
    finish_trials(training)
    training.sweep.trials[1].status = JobStatus.RUNNING
    restored = TrainingState(services)
    restored.restore_sweep(training.sweep.to_dict(), genius, few)
    assert restored.sweep.n_done == 1 and restored.sweep.is_idle
    restored.resume_sweep("bob")
    assert [job.owner for job in restored.sweep.jobs()] == ["bob/sweep"]
    damaged = TrainingState(services)
    damaged.restore_sweep({"trials": []}, genius, few)
    assert damaged.sweep is None


def test_work_of_a_session_that_is_gone_is_adopted(training, services, genius, few):
    job = begin(training, genius)
    training.begin_sweep(genius, few, "ann", {"epochs": [1, 2]}, {"n_seeds": 1})
    heir = TrainingState(services)
    heir.adopt(job, training.sweep, "bob")
    assert job.owner == "bob" and {trial_job.owner for trial_job in heir.sweep.jobs()} == {"bob/sweep"}
    heir.restore_sweep(training.sweep.to_dict(), genius, few)
    assert heir.sweep is training.sweep, "the running one is not replaced by its snapshot"
    heir.stop_all()
    assert job.is_stopping and heir.sweep.is_stopping
