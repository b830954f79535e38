"""The file that a session imports: a model or a lab."""

from enum import StrEnum
from typing import Any

from digitcore.jobs.job import Job, JobStatus
from pages.session.part import Part, synchronized


class ImportKind(StrEnum):
    """What a file is imported as."""

    MODEL = "model"
    LAB = "lab"


class ImportState(Part):
    """The import of a session.

    Attributes:
        job: opens the file; None when nothing is imported.
        kind: what the file is imported as.
        message: the outcome of the last import, in a sentence.
    """

    def __init__(self, lock: Any = None) -> None:
        super().__init__(lock)
        self.job: Job[Any] | None = None
        self.kind: ImportKind | None = None
        self.message = ""

    @synchronized
    def begin(self, job: Job[Any], kind: ImportKind) -> None:
        """A file is being opened."""
        self.job, self.kind, self.message = job, kind, ""

    @synchronized
    def collect(self) -> Job[Any] | None:
        """The job when it has ended; a failure is noted."""
        if self.job is None or not self.job.done:
            return None
        job, self.job = self.job, None
        if job.status != JobStatus.DONE:
            self.message = job.error
        return job

    @synchronized
    def finish(self, kind: ImportKind, message: str) -> None:
        """Note the outcome."""
        self.kind, self.message = kind, message
