"""Jobs, which are tasks in the queue or on a worker."""

import enum
import threading
import time
import uuid
from collections.abc import Callable
from typing import Generic, TypeVar

from digitcore.errors import DigitLabError, JobError
from digitcore.jobs.tasks.task import Progress, Task

T_co = TypeVar("T_co", covariant=True)


class JobStatus(enum.StrEnum):
    """The status of a job.

    Attributes:
        WAITING: The job is in the queue.
        RUNNING: The job runs on a worker.
        DONE: The job has a result.
        FAILED: The job has an error.

    Example:
        >>> JobStatus("done") is JobStatus.DONE
        True
    """

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Job(Generic[T_co]):
    """A task in the queue or on a worker. Other threads update a job, and it can be read at any time.

    Attributes:
        id: Unique identifier.
        task: The task with its inputs.
        owner: Identifier of the session that submitted the job.
        status: Status of the job.
        events: Progress reports since the start of the task, the oldest report first.
        result: Result of the task, or `None` if the job is not done.
        error: The error of a failed job, otherwise `None`.
        is_stopping: Whether the job was asked to stop.
        started_at: Time when a worker started the task, in seconds of `time.monotonic`, or `None` if it has not started.
        restarts: Number of times that the task was started again because its worker died.

    Example:
        >>> from digitcore.jobs.tasks import StatisticsTask
        >>> job = Job(StatisticsTask(seed=1))
        >>> job.finish("the result")
        >>> job.wait()
        'the result'
    """

    def __init__(
        self,
        task: Task[T_co],
        *,
        owner: str = "",
        on_stop: Callable[["Job[T_co]"], None] = lambda job: None,
        get_position: Callable[["Job[T_co]"], int] = lambda job: 0,
    ):
        self.id = uuid.uuid4().hex
        self.task, self.owner = task, owner
        self.status = JobStatus.WAITING
        self.events: list[Progress] = []
        self.result: T_co | None = None
        self.error: DigitLabError | None = None
        self.is_stopping = False
        self.restarts = 0
        self.started_at: float | None = None
        self._on_stop, self._get_position = on_stop, get_position
        self._ended = threading.Event()

    @property
    def done(self) -> bool:
        """Whether the job has a result or has failed."""
        return self._ended.is_set()

    @property
    def position(self) -> int:
        """Number of jobs that run before this waiting job, or 0 if the job does not wait."""
        return self._get_position(self)

    @property
    def progress(self) -> Progress:
        """The newest progress report."""
        return self.events[-1] if self.events else Progress()

    def stop(self) -> None:
        """Ask a running task to stop, or withdraw a waiting job."""
        self.is_stopping = True
        self._on_stop(self)

    def wait(self, timeout: float | None = None) -> T_co:
        """Block until the job is done, and return its result.

        Args:
            timeout: Maximum waiting time in seconds, or `None` for no limit.

        Returns:
            Result of the task.

        Raises:
            JobError: If the job does not end in time.
            DigitLabError: If the task failed. The error of the task is raised.
        """
        if not self._ended.wait(timeout):
            raise JobError("The job did not end in time. Wait longer, or stop the job.")
        if self.error is not None:
            raise self.error
        return self.result  # type: ignore[return-value]  # A job that is done without an error has its result.

    def on_start(self) -> None:
        """Store that a worker starts the task. A second start means that the first worker died."""
        self.restarts += self.started_at is not None
        self.started_at, self.events = time.monotonic(), []

    def on_progress(self, progress: Progress) -> None:
        """Append a progress report to the events."""
        self.events.append(progress)

    def finish(self, result: T_co) -> None:  # type: ignore[misc]  # The job is written once, by the service.
        """Set the result of the job. Only the first call of `finish` or `fail` has an effect."""
        if not self.done:
            self.result, self.status = result, JobStatus.DONE
            self._ended.set()

    def fail(self, error: DigitLabError) -> None:
        """Set the error of the job. Only the first call of `finish` or `fail` has an effect."""
        if not self.done:
            self.error, self.status = error, JobStatus.FAILED
            self._ended.set()
