"""A job as its session sees it."""

import enum
import threading
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from digitcore.errors import JobError

if TYPE_CHECKING:
    from digitcore.jobs.tasks import Task

T_co = TypeVar("T_co", covariant=True)
Event = dict[str, float]


class JobStatus(enum.StrEnum):
    """Where a job is in its life."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Priority(enum.IntEnum):
    """Jobs of low priority run when no other waits, and may run beside others of their owner."""

    NORMAL = 0
    LOW = 1


class Job(Generic[T_co]):
    """A task in the queue or on a worker. Updated from other threads; read it at any time.

    Attributes:
        id: unique.
        task: what is run; it holds its own inputs.
        owner: the session whose job it is.
        priority: in the queue.
        status: of the job.
        events: progress that the task has reported, oldest first.
        result: of the task, once done.
        error: why it failed, in one sentence.
        is_stopping: whether it was asked to stop.
        started_at: when a worker began it, in seconds of `time.monotonic`; None before.
        restarts: how often the cluster ran it again because its worker died.
    """

    def __init__(
        self,
        task: "Task[T_co]",
        *,
        owner: str = "",
        priority: Priority = Priority.NORMAL,
        on_stop: Callable[["Job[T_co]"], None] = lambda job: None,
        get_position: Callable[["Job[T_co]"], int] = lambda job: 0,
    ):
        self.id = uuid.uuid4().hex
        self.task, self.owner, self.priority = task, owner, priority
        self.status = JobStatus.WAITING
        self.events: list[Event] = []
        self.result: T_co | None = None
        self.error = ""
        self.is_stopping = False
        self.restarts = 0
        self.started_at: float | None = None
        self._on_stop, self._get_position = on_stop, get_position
        self._ended = threading.Event()

    @property
    def done(self) -> bool:
        """Whether nothing more will come: the job has a result, or it has failed."""
        return self._ended.is_set()

    @property
    def position(self) -> int:
        """How many jobs run before this one, while it waits; 0 afterwards."""
        return self._get_position(self)

    def stop(self) -> None:
        """Ask a running task to end soon and to keep what it has; withdraw a job that waits."""
        self.is_stopping = True
        self._on_stop(self)

    def wait(self, timeout: float | None = None) -> T_co:
        """Block until the result is there.

        Raises:
            JobError: when the task failed, or did not end in `timeout` seconds.
        """
        if not self._ended.wait(timeout):
            raise JobError("The work has not ended in time.")
        if self.status == JobStatus.FAILED:
            raise JobError(self.error)
        return self.result  # type: ignore[return-value]  # done without failing: the result is set

    def on_event(self, event: Event) -> None:
        """Append an event; an empty one says that the task has started, for a second time where a worker died."""
        if event:
            self.events.append(event)
            return
        self.restarts += self.started_at is not None
        self.started_at, self.events = time.monotonic(), []

    def finish(self, result: T_co | None = None, error: str = "") -> None:
        """Set the outcome. Only the first call counts."""
        if self.done:
            return
        self.result, self.error = result, error
        self.status = JobStatus.FAILED if error else JobStatus.DONE
        self._ended.set()
