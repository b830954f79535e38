"""The base class of all tasks, and their progress reports."""

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
    """The priority of jobs in the queue. A job of low priority runs when no other job waits.

    Example:
        >>> Priority.NORMAL < Priority.LOW
        True
    """

    NORMAL = 0
    LOW = 1


@dataclass(frozen=True)
class Progress:
    """The progress of a task.

    Attributes:
        share: Completed share of the work, 0 to 1.
        point: The newest point of the training curves, or `None` for tasks that do not train.
        predictions: The newest predictions of the watched drawings of a training; () for other tasks.

    Example:
        >>> Progress(0.5)
        Progress(share=0.5, point=None, predictions=())
    """

    share: float = 0.0
    point: Point | None = None
    predictions: tuple[int, ...] = ()


ReportProgress = Callable[[Progress], None]
ShouldStop = Callable[[], bool]


class Task(ABC, Generic[T_co]):
    """A unit of work for a worker. Each subclass is a frozen dataclass, and its fields are the inputs.

    Attributes:
        priority: Priority of the job in the queue.
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
        """The key of the cached result for all sessions, or `None` if the result is not cached."""
        return None

    @property
    @abstractmethod
    def label(self) -> str:
        """Text on the page while the task runs, for example "Evaluating run 2 on MNIST"."""

    def describe(self, progress: Progress) -> str:
        """Return a short text about the progress of the running task.

        Args:
            progress: The newest progress report.
        """
        return f"{self.label} …"

    def with_limits(self, limits: Limits) -> Self:
        """Check the task against the server's limits, and return it with its maximum duration. By default, return the same task.

        Args:
            limits: The server's limits.

        Returns:
            The task to run.

        Raises:
            JobError: If the task exceeds a limit. The message names the limit.
        """
        return self

    @abstractmethod
    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> T_co:
        """Do the work. This method runs on a worker.

        Args:
            progress: Function to call with each progress report.
            should_stop: Function that returns whether the task must stop. The task calls it regularly.

        Returns:
            Result of the task.
        """


def hash_array(array: np.ndarray) -> str:
    """Return the SHA-256 of an array's bytes, for use in a task's key.

    Args:
        array: Array of any shape and type.

    Returns:
        64 hexadecimal digits.

    Example:
        >>> hash_array(np.zeros(3, np.uint8))[:8]
        '709e80c8'
    """
    return hashlib.sha256(array.tobytes()).hexdigest()
