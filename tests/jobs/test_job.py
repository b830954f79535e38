import pytest

from digitcore.errors import JobError
from digitcore.jobs.job import Job, JobStatus


def test_the_result_is_waited_for():
    job = Job(None)
    assert not job.done and job.status == JobStatus.WAITING
    with pytest.raises(JobError, match="not ended in time"):
        job.wait(0.01)
    job.finish(7)
    assert job.done and job.status == JobStatus.DONE and job.wait() == 7


def test_only_the_first_outcome_counts():
    job = Job(None)
    job.finish(error="It failed.")
    job.finish(7)
    assert job.status == JobStatus.FAILED and job.result is None
    with pytest.raises(JobError, match="It failed"):
        job.wait()


def test_events_begin_anew_when_the_task_starts_again():
    job = Job(None)
    for event in ({}, {"epoch": 1.0}, {}, {"epoch": 0.5}):
        job.on_event(event)
    assert job.events == [{"epoch": 0.5}] and job.restarts == 1


def test_stopping_is_noted_and_handed_on():
    stopped = []
    job = Job(None, on_stop=stopped.append)
    job.stop()
    assert job.is_stopping and stopped == [job]
