"""The order in which jobs run: one running job for each owner, the others as they came, low priority last."""

from typing import Any

from digitcore.jobs.job import Job, JobStatus, Priority

AnyJob = Job[Any]


class JobQueue:
    """Waiting and running jobs. Knows no cluster; only `add` may be called from several threads at once."""

    def __init__(self) -> None:
        self._waiting: list[AnyJob] = []
        self._running: dict[str, AnyJob] = {}

    def __len__(self) -> int:
        return len(self._waiting) + len(self._running)

    @property
    def n_running(self) -> int:
        """Number of running jobs."""
        return len(self._running)

    def count(self, priority: Priority) -> int:
        """Number of waiting and running jobs of a priority."""
        return sum(job.priority == priority for job in self.jobs())

    def jobs(self) -> list[AnyJob]:
        """The waiting jobs as they came, then the running ones."""
        return [*self._waiting, *self._running.values()]

    def add(self, job: AnyJob) -> None:
        """Append a waiting job."""
        self._waiting.append(job)

    def remove(self, job: AnyJob) -> bool:
        """Withdraw a waiting job; False when it does not wait."""
        if job not in self._waiting:
            return False
        self._waiting.remove(job)
        return True

    def next(self) -> AnyJob | None:
        """The waiting job that shall run first, or None when none may."""
        busy = {job.owner for job in self._running.values() if job.priority == Priority.NORMAL}
        ready = [job for job in self._waiting if job.priority == Priority.LOW or job.owner not in busy]
        return min(ready, key=lambda job: job.priority, default=None)

    def start(self, job: AnyJob) -> None:
        """Move a waiting job to the running ones."""
        self._waiting.remove(job)
        job.status = JobStatus.RUNNING
        self._running[job.id] = job

    def is_running(self, job: AnyJob) -> bool:
        """Whether a job runs."""
        return job.id in self._running

    def discard(self, job: AnyJob) -> None:
        """Forget a running job."""
        self._running.pop(job.id, None)

    def pop_running(self) -> list[AnyJob]:
        """Forget all running jobs and return them."""
        jobs = list(self._running.values())
        self._running.clear()
        return jobs

    def position(self, job: AnyJob) -> int:
        """How many jobs run before a waiting one; 0 when it runs or is done."""
        if job.status != JobStatus.WAITING:
            return 0
        ordered = sorted(self._waiting, key=lambda other: other.priority)
        return (ordered.index(job) if job in ordered else 0) + len(self._running)
