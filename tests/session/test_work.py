"""The session's work: every kind of task, with a job service that runs no jobs."""

from dataclasses import dataclass

import pytest

from digitcore.errors import JobError, WorkerDiedError
from digitcore.jobs.job import JobStatus
from digitcore.jobs.limits import Limits
from digitcore.jobs.tasks import OpenLabTask, Progress, ReadSamplesTask, ScoreRunTask, StatisticsTask, TrainTask
from digitcore.samples import SampleSet
from digitcore.training.settings import TrainSettings
from pages.session.work import FAST, SLOW, STOPPED, Work


@dataclass(frozen=True)
class Query(StatisticsTask):
    """A task with a key, whose result is cached."""

    seed: int = 0


@pytest.fixture
def work(resources):
    return Work(resources, "ann")


def train_task(model, epochs=3):
    return TrainTask(model, SampleSet(), TrainSettings(epochs=epochs))


def refuse(*args, **options):
    raise JobError("Too many.")


def test_a_result_is_computed_once_and_cached_for_all_sessions(work, resources, jobs):
    assert work.result(Query()) is None
    assert work.result(Query()) is None
    assert len(jobs.submitted) == 1
    jobs.submitted[0].finish("found")
    assert len(work.collect()) == 1
    assert work.collect() == []
    assert work.result(Query()) == "found"
    other = Work(resources, "bob")
    assert other.known(Query()) == "found"
    assert other.result(Query()) == "found"
    assert len(jobs.submitted) == 1


def test_results_by_name_contain_only_known_results(work, jobs):
    tasks = {"first": Query(1), "second": Query(2)}
    assert work.known_results(tasks) == {}
    assert jobs.submitted == []
    assert work.results(tasks) == {}
    jobs.submitted[1].finish("two")
    work.collect()
    assert work.results(tasks) == {"second": "two"}
    assert len(jobs.submitted) == 2


def test_stopped_results_are_computed_again_after_resume(work, jobs):
    work.result(Query())
    work.stop(Query)
    assert jobs.submitted[0].is_stopping
    assert work.jobs == ()
    assert work.pause_reason == STOPPED
    assert work.result(Query()) is None
    assert len(jobs.submitted) == 1, "no task starts before resume"
    work.resume()
    work.result(Query())
    assert len(jobs.submitted) == 2


def test_a_failed_query_pauses_the_work_with_a_reason(work, jobs):
    work.result(Query())
    jobs.submitted[0].fail(JobError("It failed."))
    work.collect()
    assert work.result(Query()) is None
    assert work.pause_reason == "It failed."
    assert work.notice(Query) is None


def test_a_limit_pauses_the_work_with_a_reason(work, jobs, monkeypatch):
    monkeypatch.setattr(jobs, "submit", refuse)
    assert work.result(Query()) is None
    assert work.pause_reason == "Too many."


def test_the_result_of_a_training_is_collected(work, jobs, genius):
    work.submit(train_task(genius))
    (job,) = work.running(TrainTask)
    assert job.owner == "ann"
    assert work.collect() == []
    job.finish("run")
    assert work.collect() == [job]
    assert work.running(TrainTask) == []
    assert work.known(job.task) is None, "only results of tasks with a key are cached"


def test_a_second_training_does_not_start_while_one_runs(work, jobs, genius):
    work.submit(train_task(genius, epochs=3))
    work.submit(train_task(genius, epochs=9))
    jobs.submitted[0].fail(WorkerDiedError())
    work.collect()
    assert [job.task.settings.epochs for job in jobs.submitted] == [3], "the second training does not wait either"
    assert work.running(TrainTask) == []


def test_a_failed_training_leaves_a_notice_until_the_next(work, jobs, genius):
    work.submit(train_task(genius))
    jobs.submitted[0].fail(WorkerDiedError())
    work.collect()
    notice = work.notice(TrainTask)
    assert notice.is_error
    assert "The worker died." in notice.sentence
    assert work.pause_reason == "", "a failed training does not pause results"
    jobs.limits = Limits(epochs=2)
    work.submit(train_task(genius))
    assert "allows 2 epochs" in work.notice(TrainTask).sentence
    jobs.limits = Limits()
    work.submit(train_task(genius))
    assert work.notice(TrainTask) is None


def test_a_stopped_training_is_still_collected(work, jobs, genius):
    work.submit(train_task(genius))
    work.stop(TrainTask)
    assert jobs.submitted[0].is_stopping
    jobs.submitted[0].finish("part of a run")
    assert work.collect() == [jobs.submitted[0]]


def test_a_stopped_import_ends_immediately_without_an_error(work, jobs):
    work.stop(ReadSamplesTask)
    work.submit(ReadSamplesTask(b""))
    work.stop(ReadSamplesTask)
    assert jobs.submitted[0].is_stopping
    assert work.jobs == ()
    assert not work.notice(ReadSamplesTask).is_error


def test_an_import_that_the_server_rejects_has_an_error_message(work, jobs, monkeypatch):
    monkeypatch.setattr(jobs, "submit", refuse)
    work.submit(OpenLabTask(b""))
    assert work.notice(OpenLabTask).sentence == "Too many."
    assert work.jobs == ()


def test_the_outcome_of_a_kind_can_be_set(work):
    work.set_notice(OpenLabTask, "Opened.")
    assert work.notice(ReadSamplesTask, OpenLabTask).sentence == "Opened."
    assert not work.notice(OpenLabTask).is_error


def test_background_tasks_run_one_at_a_time_the_newest_first(work, jobs, genius):
    for run_id in "abc":
        work.submit(ScoreRunTask(run_id, genius, genius))
    assert [job.task.run_id for job in jobs.submitted] == ["a"]
    for _ in range(2):
        jobs.submitted[-1].finish("scores")
        work.collect()
        work.start_background()
    assert [job.task.run_id for job in jobs.submitted] == ["a", "c", "b"]


def test_a_training_interrupts_background_tasks(work, jobs, genius):
    work.submit(ScoreRunTask("a", genius, genius))
    work.submit(train_task(genius))
    scoring, training = jobs.submitted
    assert scoring.is_stopping
    assert [task.run_id for task in work.waiting(ScoreRunTask)] == ["a"]
    training.finish("run")
    work.collect()
    work.start_background()
    assert jobs.submitted[2].task.run_id == "a"


def test_a_stopped_background_task_does_not_start_again(work, jobs, genius):
    work.submit(ScoreRunTask("a", genius, genius))
    work.submit(ScoreRunTask("b", genius, genius))
    work.stop(ScoreRunTask)
    work.start_background()
    assert work.waiting(ScoreRunTask) == []
    assert len(jobs.submitted) == 1


def test_a_failed_background_task_ends_its_kind(work, jobs, genius):
    work.submit(ScoreRunTask("a", genius, genius))
    work.submit(ScoreRunTask("b", genius, genius))
    jobs.submitted[0].fail(WorkerDiedError())
    work.collect()
    assert "The worker died." in work.notice(ScoreRunTask).sentence
    assert work.waiting(ScoreRunTask) == []


def test_all_work_is_stopped(work, jobs, genius):
    work.submit(train_task(genius))
    work.submit(ScoreRunTask("a", genius, genius))
    work.result(Query())
    work.stop_all()
    assert all(job.is_stopping for job in jobs.submitted)
    assert work.waiting(ScoreRunTask) == []
    assert [type(job.task) for job in work.jobs] == [TrainTask], "its partial result is still expected"


def test_the_jobs_of_a_closed_session_are_adopted(work, resources, jobs, genius):
    work.submit(train_task(genius))
    heir = Work(resources, "bob")
    heir.adopt(tuple(work.running(TrainTask)), "bob")
    assert [job.owner for job in heir.running(TrainTask)] == ["bob"]
    assert heir.running(TrainTask) == jobs.submitted


def test_running_work_is_polled_more_often_than_waiting_work(work, jobs):
    assert work.polling_interval is None
    work.result(Query())
    assert work.polling_interval == SLOW
    jobs.submitted[0].status = JobStatus.RUNNING
    assert work.polling_interval == FAST


def test_progress_is_the_newest_event(work, jobs):
    work.result(Query())
    assert jobs.submitted[0].progress.share == 0
    jobs.submitted[0].on_progress(Progress(0.5))
    assert jobs.submitted[0].progress.share == 0.5
