"""The scores of training runs on MNIST, which come after the training: the model is used meanwhile."""

from typing import Any

from digitcore.errors import JobError
from digitcore.jobs.job import Job, JobStatus, Priority
from digitcore.jobs.tasks import CompareOnMnistTask
from digitcore.storage.snapshot import RunRecord
from digitcore.training.run import MnistScores
from pages.session.model_library import ModelLibrary
from pages.session.server_resources import ServerResources
from pages.session.session_part import SessionPart, synchronized


class RunScoring(SessionPart):
    """Scores the runs that a session has trained, one after the other, the newest first.

    Attributes:
        job: of the run that is scored now; None when there is none.
        error: why the last one failed, in a sentence.
    """

    def __init__(self, services: ServerResources, owner: str, models: ModelLibrary, lock: Any = None) -> None:
        super().__init__(lock)
        self._services, self._owner, self._models = services, owner, models
        self.job: Job[MnistScores] | None = None
        self.error = ""
        self._wanted: list[RunRecord] = []  # the last one is scored now or next

    @synchronized
    def request(self, record: RunRecord) -> None:
        """Score this run next."""
        self.error = ""
        if not self.is_wanted(record):
            self._wanted.append(record)

    def is_wanted(self, record: RunRecord) -> bool:
        """Whether the scores of a run will come."""
        return any(wanted.id == record.id for wanted in self._wanted)

    @property
    def progress(self) -> float:
        """The share done of the run that is scored now, 0 to 1."""
        return min(1.0, self.job.events[-1]["share"]) if self.job and self.job.events else 0.0

    @synchronized
    def start_next(self) -> None:
        """Submit the scoring of the newest run that waits for it, unless one is under way."""
        while self._wanted and self.job is None:
            record = self._models.present(self._wanted[-1])
            if record is None or record.run.mnist_after is not None:
                self._wanted.pop()
                continue
            task = CompareOnMnistTask(record.start, record.model)
            try:
                self.job = self._services.jobs().submit(task, owner=self._owner, priority=Priority.LOW)
            except JobError as error:
                self._give_up(str(error))

    @synchronized
    def collect(self) -> bool:
        """Take over the scores of a run; whether one has ended."""
        if self.job is None or not self.job.done:
            return False
        job, self.job = self.job, None
        if job.status == JobStatus.DONE and job.result is not None:
            self._models.set_mnist_scores(self._wanted.pop(), job.result)
        else:
            self._give_up(job.error)
        return True

    @synchronized
    def pause(self) -> None:
        """Let the worker go for something else; `start_next` begins again."""
        if self.job is not None:
            self.job.stop()
            self.job = None

    @synchronized
    def stop(self) -> None:
        """Score none of the runs that wait for it."""
        self.pause()
        self._give_up("")

    def _give_up(self, error: str) -> None:
        self._wanted, self.error = [], error
