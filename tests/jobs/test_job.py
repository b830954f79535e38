import pytest

from digitcore.errors import JobError
from digitcore.jobs.job import Job, JobStatus
from digitcore.jobs.tasks import Progress, StatisticsTask


def test_wait_returns_the_result():
    job = Job(StatisticsTask(0))
    assert not job.done
    assert job.status == JobStatus.WAITING
    with pytest.raises(JobError, match="did not end in time"):
        job.wait(0.01)
    job.finish(7)
    assert job.done
    assert job.status == JobStatus.DONE
    assert job.wait() == 7


def test_only_the_first_outcome_counts():
    job = Job(StatisticsTask(0))
    job.fail(JobError("It failed."))
    job.finish(7)
    assert job.status == JobStatus.FAILED
    assert job.result is None
    with pytest.raises(JobError, match="It failed"):
        job.wait()


def test_events_are_dropped_when_the_task_starts_again():
    job = Job(StatisticsTask(0))
    for share in (1.0, 0.5):
        job.on_start()
        job.on_progress(Progress(share))
    assert job.events == [Progress(0.5)]
    assert job.restarts == 1


def test_stop_is_recorded_and_passed_to_the_task():
    stopped = []
    job = Job(StatisticsTask(0), on_stop=stopped.append)
    job.stop()
    assert job.is_stopping
    assert stopped == [job]
