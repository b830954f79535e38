from dataclasses import replace

import pytest

from digitcore.evaluation.score import Score
from digitcore.jobs.job import Priority
from digitcore.jobs.limits import Limits
from digitcore.jobs.tasks import CompareOnMnistTask, TrainTask
from digitcore.training.run import MnistScores, Run
from digitcore.training.settings import TrainSettings
from pages.session.lab_session import LabSession

SCORES = MnistScores(Score(9900, 10_000), Score(9950, 10_000), 0.01, {"mnist_errors": 50, "confidence_threshold": 0.8})


def train(session, model, start):
    session.train(start, TrainSettings())
    session.training.job.finish(Run(model, model.card.history, TrainSettings(), start.name, 1.0))
    assert session.collect_training()


@pytest.fixture
def trained(session, genius, untrained):
    train(session, untrained, genius)
    return session


def test_a_new_model_predicts_before_it_is_scored(trained, jobs):
    training, scoring = jobs.submitted
    assert isinstance(training.task, TrainTask) and not training.task.evaluates_mnist
    assert isinstance(scoring.task, CompareOnMnistTask) and scoring.priority == Priority.LOW
    record = trained.models.active_run
    assert trained.active_model is record.model and record.run.mnist_after is None and trained.scoring.is_wanted(record)
    scoring.on_event({"share": 0.4})
    assert trained.scoring.progress == 0.4 and trained.training_job is scoring


def test_the_scores_come_later_and_change_nothing_else(trained, jobs):
    record = trained.models.active_run
    trained.rename_run(record, "mine")
    jobs.submitted[1].finish(SCORES)
    assert trained.collect_training() and not trained.collect_training()
    scored = trained.models.active_run
    assert scored.name == "mine" and scored.id == record.id and scored.model.hash == record.model.hash
    assert (scored.run.mnist_before, scored.run.mnist_after, scored.run.mnist_p_value) == (SCORES.before, SCORES.after, 0.01)
    assert scored.model.card.confidence_threshold == 0.8 and trained.training_job is None


def test_a_training_does_not_wait_for_a_scoring(trained, jobs, genius, untrained):
    first = trained.models.active_run
    train(trained, untrained, genius)
    _, scoring, _, second_scoring = jobs.submitted
    assert scoring.is_stopping and second_scoring.task.model is trained.models.active_run.model
    second_scoring.finish(SCORES)
    trained.collect_training()
    assert jobs.submitted[4].task.model is first.model, "the first run is scored afterwards"


def test_a_scoring_that_is_stopped_or_fails_is_not_begun_again_by_itself(trained, jobs):
    record = trained.models.active_run
    trained.scoring.stop()
    assert not trained.collect_training() and not trained.scoring.is_wanted(record) and len(jobs.submitted) == 2
    trained.scoring.request(record)
    trained.collect_training()
    jobs.submitted[2].finish(error="The worker died.")
    assert trained.collect_training() and trained.scoring.error == "The worker died." and trained.scoring.job is None
    trained.scoring.request(record)
    jobs.limits = Limits(jobs=0)
    trained.collect_training()
    assert trained.scoring.error == "" and len(jobs.submitted) == 4


def test_a_deleted_run_is_not_scored(trained, jobs):
    trained.scoring.pause()
    trained.models.delete_run("run 1")
    assert not trained.collect_training() and trained.scoring.job is None and len(jobs.submitted) == 2


def test_a_lab_whose_active_run_was_not_scored_is_scored_when_it_is_opened(trained, services, jobs):
    restored = LabSession(services, "bob")
    restored.restore(trained.snapshot())
    restored.collect_training()
    assert jobs.submitted[-1].owner == "bob" and isinstance(jobs.submitted[-1].task, CompareOnMnistTask)
    jobs.submitted[1].finish(SCORES)
    trained.collect_training()
    again, n = LabSession(services, "eve"), len(jobs.submitted)
    again.restore(replace(trained.snapshot()))
    again.collect_training()
    assert len(jobs.submitted) == n
