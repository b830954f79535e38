"""The running work of a session: trainings, evaluations, imports and cached results."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from digitcore.errors import JobError
from digitcore.jobs.job import Job, JobStatus
from digitcore.jobs.tasks import Priority, Task, TrainTask
from pages.session.server_resources import ServerResources
from pages.session.session_part import SessionPart, synchronized

FAST, SLOW = 0.5, 2.0  # s between two polls, for running work and for waiting work
STOPPED = "Stopped."

AnyJob = Job[Any]
AnyTask = Task[Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Notice:
    """The outcome of the latest work of a kind, in a sentence for the page."""

    sentence: str
    is_error: bool = True


class Work(SessionPart):
    """The work of a session on the worker.

    `submit` starts a task whose result becomes part of the session, such as a training or an import. `result` returns a cached
    result, such as an evaluation, and starts its task if necessary. `collect` returns the jobs that have ended; call
    `start_background` afterwards.

    Tasks of normal priority start immediately. Tasks of low priority run one at a time, the newest first, and a training
    interrupts them.

    Attributes:
        jobs: The waiting and running jobs. The tuple is replaced, never changed in place.
        pause_reason: The reason why `result` starts no task: the user has stopped a task, or a task has failed; otherwise "".
    """

    def __init__(self, resources: ServerResources, owner: str, lock: Any = None) -> None:
        super().__init__(lock)
        self._resources, self._owner = resources, owner
        self.jobs: tuple[AnyJob, ...] = ()
        self.pause_reason = ""
        self._background: list[AnyTask] = []  # tasks of low priority that wait here, the newest last
        self._notices: dict[type[AnyTask], Notice] = {}

    @synchronized
    def submit(self, task: AnyTask) -> None:
        """Start a task, unless work of its kind runs already. If it cannot start, a notice says why."""
        self._notices.pop(type(task), None)
        if isinstance(task, TrainTask):
            self._suspend_background()
        if task.priority == Priority.LOW:
            self._background.append(task)
        elif not self.running(type(task)):
            self._start(task)
        self.start_background()

    @synchronized
    def result(self, task: Task[T]) -> T | None:
        """Return the cached result of a task, or `None` after the task was started."""
        found = self.known(task)
        if found is None and not self.pause_reason and not self.is_running(task):
            self._start(task)
        return found

    def results(self, tasks: Mapping[str, Task[T]]) -> dict[str, T]:
        """Return the cached results of named tasks. Tasks without a cached result are started."""
        return {name: found for name, task in tasks.items() if (found := self.result(task)) is not None}

    def known_results(self, tasks: Mapping[str, Task[T]]) -> dict[str, T]:
        """Return the cached results of named tasks. No task is started."""
        return {name: found for name, task in tasks.items() if (found := self.known(task)) is not None}

    def is_running(self, task: AnyTask) -> bool:
        """Check whether a task with the same key waits or runs."""
        return any(job.task.key == task.key for job in self.jobs)

    def known(self, task: Task[T]) -> T | None:
        """Return the cached result of a task, or `None`. The task is not started."""
        found: T | None = self._resources.results().get(task.key)
        return found

    def running(self, *kinds: type[AnyTask]) -> list[AnyJob]:
        """Return the waiting and running jobs whose tasks are of these kinds."""
        return [job for job in self.jobs if isinstance(job.task, kinds)]

    def waiting(self, kind: type[T]) -> list[T]:
        """Return the tasks of a kind that run or wait to run."""
        return [task for task in (*self._background, *(job.task for job in self.jobs)) if isinstance(task, kind)]

    def notice(self, *kinds: type[AnyTask]) -> Notice | None:
        """Return the notice about the latest work of these kinds, or `None`."""
        return next((self._notices[kind] for kind in kinds if kind in self._notices), None)

    @synchronized
    def set_notice(self, kind: type[AnyTask], sentence: str, is_error: bool = False) -> None:
        """Set the notice about a kind of work."""
        self._notices[kind] = Notice(sentence, is_error)

    @synchronized
    def collect(self) -> list[AnyJob]:
        """Remove and return the jobs that have ended. Results are cached, and errors become notices."""
        ended = [job for job in self.jobs if job.done]
        if ended:
            self.jobs = tuple(job for job in self.jobs if not job.done)
        for job in ended:
            if job.status == JobStatus.DONE:
                if job.task.key is not None:
                    self._resources.results()[job.task.key] = job.result
            else:
                self._fail(job.task, str(job.error))
        return ended

    @synchronized
    def start_background(self) -> None:
        """Start the newest waiting task of low priority, unless a training or another such task runs."""
        is_busy = any(job.task.priority == Priority.LOW for job in self.jobs) or self.running(TrainTask)
        if self._background and not is_busy:
            self._start(self._background.pop())

    @synchronized
    def stop(self, *kinds: type[AnyTask]) -> None:
        """Stop the work of these kinds. A training keeps its current weights. Its job ends later."""
        for job in self.running(*kinds):
            job.stop()
            if not job.task.keeps_partial_result:
                self.jobs = tuple(other for other in self.jobs if other is not job)
                self._fail(job.task, STOPPED)
        self._background = [task for task in self._background if not isinstance(task, kinds)]

    def stop_all(self) -> None:
        """Stop all work."""
        self.stop(*{type(task) for task in (*self._background, *(job.task for job in self.jobs))})

    @synchronized
    def resume(self) -> None:
        """Let `result` start tasks again."""
        self.pause_reason = ""

    @synchronized
    def adopt(self, jobs: tuple[AnyJob, ...], owner: str) -> None:
        """Add the running jobs of a session that has ended."""
        for job in jobs:
            job.owner = owner
        self.jobs = (*self.jobs, *jobs)

    @property
    def polling_interval(self) -> float | None:
        """Seconds between two polls; `None` if no work is under way."""
        if not self.jobs:
            return None
        return FAST if any(job.status != JobStatus.WAITING for job in self.jobs) else SLOW

    def _start(self, task: AnyTask) -> None:
        try:
            job = self._resources.jobs().submit(task, owner=self._owner)
        except JobError as error:
            self._fail(task, str(error))
        else:
            self.jobs = (*self.jobs, job)

    def _suspend_background(self) -> None:
        """Stop the running task of low priority, and let it wait to run again."""
        for job in [job for job in self.jobs if job.task.priority == Priority.LOW]:
            job.stop()
            self.jobs = tuple(other for other in self.jobs if other is not job)
            self._background.append(job.task)

    def _fail(self, task: AnyTask, reason: str) -> None:
        if task.key is not None:
            self.pause_reason = reason
        else:
            self._notices[type(task)] = Notice(reason, is_error=reason != STOPPED)
        self._background = [other for other in self._background if type(other) is not type(task)]
