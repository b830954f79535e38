"""The queue of jobs: first come, first served, with one running job per session, and low priority last."""

import functools
import threading
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from digitcore.errors import QueueFullError
from digitcore.jobs.job import Job, JobStatus
from digitcore.jobs.tasks.task import Priority

AnyJob = Job[Any]
P = ParamSpec("P")
R = TypeVar("R")


def _locked(method: Callable[Concatenate["JobQueue", P], R]) -> Callable[Concatenate["JobQueue", P], R]:
    @functools.wraps(method)
    def wrapper(self: "JobQueue", *args: P.args, **kwargs: P.kwargs) -> R:
        with self._lock:
            return method(self, *args, **kwargs)

    return wrapper  # type: ignore[return-value]  # The type of `wraps` does not allow a positional self.


class JobQueue:
    """The queue of waiting and running jobs, which is independent of the cluster. All methods are thread-safe.

    Example:
        >>> from digitcore.jobs.tasks import StatisticsTask
        >>> queue = JobQueue()
        >>> queue.add(Job(StatisticsTask(seed=1)), limit=10)
        >>> queue.next().task
        StatisticsTask(seed=1)
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._waiting: list[AnyJob] = []
        self._running: dict[str, AnyJob] = {}

    @_locked
    def __len__(self) -> int:
        return len(self._waiting) + len(self._running)

    @property
    def n_running(self) -> int:
        """Number of running jobs."""
        return len(self._running)

    @_locked
    def jobs(self) -> list[AnyJob]:
        """Return the waiting jobs in the order of their arrival, then the running jobs."""
        return [*self._waiting, *self._running.values()]

    @_locked
    def add(self, job: AnyJob, limit: int) -> None:
        """Append a waiting job.

        Args:
            job: The job.
            limit: Maximum number of waiting and running jobs of the same priority.

        Raises:
            QueueFullError: If the limit is reached.
        """
        same_priority = sum(other.task.priority == job.task.priority for other in self.jobs())
        if same_priority >= limit:
            raise QueueFullError(f"This server allows {limit:,} trainings at a time, and {limit:,} run or wait. Try again later.")
        self._waiting.append(job)

    @_locked
    def remove(self, job: AnyJob) -> bool:
        """Withdraw a waiting job. Return whether the job was waiting."""
        if job not in self._waiting:
            return False
        self._waiting.remove(job)
        return True

    @_locked
    def next(self) -> AnyJob | None:
        """Return the waiting job that must run next, or `None` if no job may run."""
        busy = {job.owner for job in self._running.values() if job.task.priority == Priority.NORMAL}
        ready = [job for job in self._waiting if job.task.priority == Priority.LOW or job.owner not in busy]
        return min(ready, key=lambda job: job.task.priority, default=None)

    @_locked
    def start(self, job: AnyJob) -> bool:
        """Move a waiting job to the running jobs. Return whether the job was still waiting."""
        if not self.remove(job):
            return False
        job.status = JobStatus.RUNNING
        self._running[job.id] = job
        return True

    @_locked
    def running(self, job_id: str) -> AnyJob | None:
        """Return the running job with an identifier, or `None`."""
        return self._running.get(job_id)

    @_locked
    def discard(self, job: AnyJob) -> None:
        """Remove a running job."""
        self._running.pop(job.id, None)

    @_locked
    def pop_running(self) -> list[AnyJob]:
        """Remove and return all running jobs."""
        jobs = list(self._running.values())
        self._running.clear()
        return jobs

    @_locked
    def position(self, job: AnyJob) -> int:
        """Return the number of jobs that run before a waiting job, or 0 if the job does not wait."""
        if job.status != JobStatus.WAITING:
            return 0
        ordered = sorted(self._waiting, key=lambda other: other.task.priority)
        return (ordered.index(job) if job in ordered else 0) + len(self._running)
