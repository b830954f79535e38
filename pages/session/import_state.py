"""The file that a session imports: a model, a lab or samples."""

from enum import StrEnum
from typing import Any

from digitcore.errors import JobError
from digitcore.jobs.job import Job, JobStatus
from digitcore.jobs.tasks import Task
from pages.session.server_resources import ServerResources
from pages.session.session_part import SessionPart, synchronized


class ImportKind(StrEnum):
    """What a file is imported as."""

    MODEL = "model"
    LAB = "lab"
    SAMPLES = "samples"


class ImportState(SessionPart):
    """The import of a session.

    Attributes:
        job: opens the file; None when nothing is imported.
        kind: what the file is imported as.
        message: the outcome of the last import, in a sentence.
        is_error: whether that is something that went wrong.
    """

    def __init__(self, services: ServerResources, owner: str, lock: Any = None) -> None:
        super().__init__(lock)
        self._services, self._owner = services, owner
        self.job: Job[Any] | None = None
        self.kind: ImportKind | None = None
        self.message, self.is_error = "", False

    @synchronized
    def begin(self, task: Task[Any], kind: ImportKind) -> None:
        """Open a file on the worker, unless one is being opened, or note why it cannot be."""
        if self.job is not None:
            return
        self.kind, self.message = kind, ""
        try:
            self.job = self._services.jobs().submit(task, owner=self._owner)
        except JobError as error:
            self.message, self.is_error = str(error), True

    def stop(self) -> None:
        """Stop opening the file."""
        if self.job is not None:
            self.job.stop()

    @synchronized
    def collect(self) -> Job[Any] | None:
        """The job when it has ended; a failure is noted."""
        if self.job is None or not self.job.done:
            return None
        job, self.job = self.job, None
        if job.status != JobStatus.DONE:
            self.message, self.is_error = job.error, True
        return job

    @synchronized
    def finish(self, kind: ImportKind, message: str, is_error: bool = False) -> None:
        """Note the outcome."""
        self.kind, self.message, self.is_error = kind, message, is_error
