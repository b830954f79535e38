"""The order of jobs, without a cluster."""

import pytest

from digitcore.errors import JobError
from digitcore.jobs.job import Job, JobStatus
from digitcore.jobs.limits import Limits
from digitcore.jobs.queue import JobQueue
from digitcore.jobs.tasks import Priority, StatisticsTask


class LowPriorityTask(StatisticsTask):
    """A task of low priority."""

    priority = Priority.LOW


@pytest.fixture
def queue():
    return JobQueue()


def add(queue, owner="", priority=Priority.NORMAL):
    task = (LowPriorityTask if priority == Priority.LOW else StatisticsTask)(0)
    job = Job(task, owner=owner, get_position=queue.position)
    queue.add(job, limit=100)
    return job


def start_next(queue):
    job = queue.next()
    queue.start(job)
    return job


def test_an_empty_queue_has_no_next_job(queue):
    assert queue.next() is None
    assert len(queue) == 0
    assert queue.jobs() == []


def test_jobs_run_in_the_order_of_their_submission(queue):
    first, second = add(queue, "ann"), add(queue, "bob")
    assert start_next(queue) is first
    assert first.status == JobStatus.RUNNING
    assert start_next(queue) is second
    assert queue.next() is None
    assert queue.n_running == 2


def test_one_running_job_for_each_owner(queue):
    first, second, other = add(queue, "ann"), add(queue, "ann"), add(queue, "bob")
    assert [start_next(queue), start_next(queue), queue.next()] == [first, other, None]
    queue.discard(first)
    assert queue.next() is second


def test_low_priority_jobs_run_last_and_beside_another_job_of_their_owner(queue):
    low = add(queue, "ann", Priority.LOW)
    normal = add(queue, "ann")
    assert start_next(queue) is normal
    assert start_next(queue) is low
    blocked, another_low = add(queue, "ann"), add(queue, "ann", Priority.LOW)
    assert queue.next() is another_low, "the owner's other job has to wait anyway"
    queue.discard(normal)
    assert queue.next() is blocked


def test_positions_in_the_queue(queue):
    jobs = [add(queue, "ann"), add(queue, "ann", Priority.LOW), add(queue, "ann"), add(queue, "bob")]
    assert [job.position for job in jobs] == [0, 3, 1, 2]
    queue.start(jobs[0])
    assert [job.position for job in jobs] == [0, 3, 1, 2]
    queue.discard(jobs[0])
    jobs[0].finish("result")
    assert [job.position for job in jobs] == [0, 2, 0, 1]


def test_only_a_waiting_job_is_withdrawn(queue):
    waiting, running = add(queue), add(queue)
    queue.start(running)
    assert queue.remove(waiting)
    assert not queue.remove(waiting)
    assert not queue.remove(running)
    assert queue.running(running.id) is running
    assert len(queue) == 1
    assert queue.pop_running() == [running]
    assert len(queue) == 0


def test_the_queue_has_limits():
    Limits.check(4, 4, "epochs")
    with pytest.raises(JobError, match="allows 4 epochs, but there would be 5"):
        Limits.check(5, 4, "epochs")
