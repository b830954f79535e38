"""The base class of all tasks, and how a task reports its progress."""

import enum
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Generic, Self, TypeVar

import numpy as np

from digitcore.jobs.limits import Limits
from digitcore.training.run import Point

T_co = TypeVar("T_co", covariant=True)
TaskKey = tuple[str, ...]


class Priority(enum.IntEnum):
    """The order of jobs in the queue. A job of low priority runs when no other job waits."""

    NORMAL = 0
    LOW = 1


@dataclass(frozen=True)
class Progress:
    """How far a task is.

    Attributes:
        share: Share of the work that is done, 0 to 1.
        point: The newest point of the training curves; `None` for tasks that do not train.

    Example:
        >>> Progress(0.5)
        Progress(share=0.5, point=None)
    """

    share: float = 0.0
    point: Point | None = None


ReportProgress = Callable[[Progress], None]
ShouldStop = Callable[[], bool]


class Task(ABC, Generic[T_co]):
    """Work for a worker. A subclass is a frozen dataclass whose fields are the inputs.

    Attributes:
        priority: Priority of its job in the queue.
        keeps_partial_result: Whether a stopped task still returns a result, as a training does.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class AddTask(Task[int]):
        ...     a: int
        ...     b: int
        ...
        ...     @property
        ...     def label(self):
        ...         return "Adding"
        ...
        ...     def run(self, progress, should_stop):
        ...         return self.a + self.b
        >>> AddTask(2, 3).run(print, lambda: False)
        5
    """

    priority: ClassVar[Priority] = Priority.NORMAL
    keeps_partial_result: ClassVar[bool] = False

    @property
    def key(self) -> TaskKey | None:
        """The key under which the result is cached for all sessions; `None` if the result is not cached."""
        return None

    @property
    @abstractmethod
    def label(self) -> str:
        """What the page says while the task runs, for example "Evaluating run 2 on MNIST"."""

    def describe(self, progress: Progress) -> str:
        """Return a short text about the progress of the running task."""
        return f"{self.label} …"

    def with_limits(self, limits: Limits) -> Self:
        """Return the same task within the server's limits.

        Raises:
            JobError: If the task asks for more than the server allows. The message names the limit.
        """
        return self

    @abstractmethod
    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> T_co:
        """Do the work. This method runs on a worker.

        Args:
            progress: Called from time to time with the progress.
            should_stop: Asked from time to time whether the task must stop.
        """


def hash_array(array: np.ndarray) -> str:
    """Return the SHA-256 of an array's bytes, for use in a task's key.

    Example:
        >>> hash_array(np.zeros(3, np.uint8))[:8]
        '709e80c8'
    """
    return hashlib.sha256(array.tobytes()).hexdigest()
