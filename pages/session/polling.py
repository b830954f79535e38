"""How often a page asks for what other threads have done."""

from typing import Any

from digitcore.jobs.job import Job, JobStatus

FAST = 0.5  # s, for a job that runs
SLOW = 2.0  # s, for a job that waits in the queue, or from another page


def polling_interval(job: Job[Any] | None) -> float | None:
    """Seconds between two polls of a job; None when there is none."""
    if job is None:
        return None
    return SLOW if job.status == JobStatus.WAITING else FAST
