"""The MNIST scores of a run, which are computed after the training."""

import pytest

from digitcore.errors import WorkerDiedError
from digitcore.evaluation.score import Score
from digitcore.jobs.limits import Limits
from digitcore.jobs.tasks import Priority, ScoreRunTask, TrainTask
from digitcore.training.run import MnistScores
from digitcore.training.settings import TrainSettings
from pages.session.lab_session import LabSession

SCORES = MnistScores(Score(9900, 10_000), Score(9950, 10_000), 0.01, {"mnist_errors": 50, "confidence_threshold": 0.8})


@pytest.fixture
def train(session, finish_training):
    def run(model, start):
        session.train(start, TrainSettings())
        assert finish_training(model, start)

    return run


@pytest.fixture
def trained(session, train, genius, untrained):
    train(untrained, genius)
    return session


def test_a_new_model_predicts_before_it_is_scored(trained, jobs):
    training, scoring = jobs.submitted
    assert isinstance(training.task, TrainTask)
    assert isinstance(scoring.task, ScoreRunTask)
    assert scoring.task.priority == Priority.LOW
    record = trained.models.active_run
    assert trained.active_model is record.model
    assert record.run.mnist_after is None
    assert trained.is_scoring(record)
    assert trained.training_job is None


def test_later_scores_change_nothing_else(trained, jobs):
    record = trained.models.active_run
    trained.rename_run(record, "mine")
    jobs.submitted[1].finish(SCORES)
    assert trained.collect()
    assert not trained.collect()
    scored = trained.models.active_run
    assert (scored.name, scored.id, scored.model.hash) == ("mine", record.id, record.model.hash)
    assert (scored.run.mnist_before, scored.run.mnist_after, scored.run.mnist_p_value) == (SCORES.before, SCORES.after, 0.01)
    assert scored.model.card.confidence_threshold == 0.8
    assert not trained.is_scoring(scored)


def test_a_training_does_not_wait_for_scores(trained, train, jobs, genius, untrained):
    first = trained.models.active_run
    train(untrained, genius)
    _, scoring, _, second_scoring = jobs.submitted
    assert scoring.is_stopping
    assert second_scoring.task.model is trained.models.active_run.model
    second_scoring.finish(SCORES)
    trained.collect()
    assert jobs.submitted[4].task.model is first.model, "the first run is scored afterwards"


def test_only_the_user_restarts_stopped_or_failed_scoring(trained, jobs):
    record = trained.models.active_run
    trained.work.stop(ScoreRunTask)
    assert not trained.collect()
    assert not trained.is_scoring(record)
    assert len(jobs.submitted) == 2
    trained.score(record)
    jobs.submitted[2].fail(WorkerDiedError())
    assert trained.collect()
    assert "The worker died." in trained.work.notice(ScoreRunTask).sentence
    jobs.limits = Limits(jobs=0)
    trained.score(record)
    assert trained.work.notice(ScoreRunTask) is None
    assert len(jobs.submitted) == 4


def test_the_scores_of_a_deleted_run_are_ignored(trained, jobs):
    trained.models.delete_run("run 1")
    jobs.submitted[1].finish(SCORES)
    assert trained.collect()
    assert trained.models.runs == ()


def test_a_lab_whose_active_run_has_no_scores_is_scored_when_it_is_opened(trained, resources, jobs):
    restored = LabSession(resources, "bob")
    restored.restore(trained.snapshot())
    assert jobs.submitted[-1].owner == "bob"
    assert isinstance(jobs.submitted[-1].task, ScoreRunTask)
    jobs.submitted[1].finish(SCORES)
    trained.collect()
    again, n = LabSession(resources, "eve"), len(jobs.submitted)
    again.restore(trained.snapshot())
    assert len(jobs.submitted) == n, "a run with scores is not scored again"
