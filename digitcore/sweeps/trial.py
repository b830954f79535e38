"""A trial of a sweep: one training with one combination of values and one seed."""

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from digitcore import sanitize
from digitcore.jobs import mnist_evaluation
from digitcore.jobs.job import Job, JobStatus
from digitcore.jobs.limits import Limits
from digitcore.jobs.service import WORKER_DIED
from digitcore.jobs.tasks import Progress, ShouldStop, TrainTask
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.training import history
from digitcore.training.settings import TrainSettings

if TYPE_CHECKING:
    from digitcore.training.run import Point, Run

SCORES = ["personal", "personal_before", "mnist", "mnist_before", "added_mnist_errors", "parameters", "seconds"]
MAX_TRIES = 3  # of a trial whose worker died


@dataclass(frozen=True, eq=False)
class TrialResult:
    """What a trial found; its model is not kept.

    Attributes:
        scores: by the names in `SCORES`; those before the training are missing where it starts from random weights.
        history: the points of its curves with a validation.
    """

    scores: dict[str, float]
    history: "list[Point]"


@dataclass(frozen=True, eq=False)
class TrialTask:
    """Train, and score the model on the held-out samples and on MNIST's test digits.

    Attributes:
        start: the initial model, or the network that is built with random weights, as for `networks.build`.
        samples, settings, max_seconds: as for `TrainTask`.
    """

    start: ModelBundle | str
    samples: SampleSet
    settings: TrainSettings
    max_seconds: float = float("inf")

    def with_limits(self, limits: Limits) -> "TrialTask":
        limits.check(len(self.samples), limits.samples, "drawings in one training")
        limits.check(self.settings.epochs, limits.epochs, "epochs")
        return replace(self, max_seconds=limits.seconds)

    def run(self, progress: Progress, should_stop: ShouldStop) -> TrialResult:
        is_random = isinstance(self.start, str)
        start = _random_model(self.start, self.settings.seed) if isinstance(self.start, str) else self.start
        task = TrainTask(start, self.samples, self.settings, evaluates_mnist=False, max_seconds=self.max_seconds)
        run = task.run(progress, should_stop)
        scores = _scores(run, len(self.samples) > 0, None if is_random else start)
        return TrialResult(scores, history.validated(run.history))


def _random_model(network: str, seed: int) -> ModelBundle:
    from digitcore.models import keras_io

    return keras_io.random_model(network, name="untrained", seed=seed)


def _scores(run: "Run", has_samples: bool, start: ModelBundle | None) -> dict[str, float]:
    after = mnist_evaluation.evaluate(run.model).score
    scores = {"mnist": after.accuracy, "parameters": float(run.model.card.parameters), "seconds": run.seconds}
    if has_samples and run.personal_after:
        scores["personal"] = run.personal_after.accuracy
    if start is not None:
        before = mnist_evaluation.evaluate(start).score
        scores |= {"mnist_before": before.accuracy, "added_mnist_errors": float(before.correct - after.correct)}
        if has_samples and run.personal_before:
            scores["personal_before"] = run.personal_before.accuracy
    return scores


@dataclass
class Trial:
    """One combination of values with one seed.

    Attributes:
        values: parameter → value.
        settings: complete.
        network: that is built with random weights; "" where the sweep's start is trained.
        status: WAITING also before it is submitted and after it was stopped.
        scores: once done, the values named in `SCORES` that are known; those of the last training that ended.
        first_scores: those of the first rung, once it is on another.
        history: once done, the points of its curves with a validation.
        error: why it failed, in one sentence.
        rung: how often the epochs were cut short before, with successive halving; 0 is the first and shortest.
        stopped_early: whether it was left behind at its rung; its scores are those of the shorter training.
        job: while it waits in the queue or runs.
        tries: how often its worker died.
    """

    values: dict[str, Any]
    settings: TrainSettings
    network: str = ""
    status: JobStatus = JobStatus.WAITING
    scores: dict[str, float] = field(default_factory=dict)
    history: "list[Point]" = field(default_factory=list)
    error: str = ""
    rung: int = 0
    stopped_early: bool = False
    job: "Job[TrialResult] | None" = None
    tries: int = 0
    first_scores: dict[str, float] = field(default_factory=dict)
    _saved: tuple[tuple[Any, ...], dict[str, Any]] | None = field(default=None, repr=False, compare=False)

    def poll(self) -> None:
        """Take over the job's status and result; a trial that was stopped, or whose worker died, waits again."""
        job = self.job
        if job is None:
            return
        if not job.done:
            self.status = job.status
            return
        self.job = None
        if job.is_stopping:
            self.status = JobStatus.WAITING
        elif job.error == WORKER_DIED and self.tries + 1 < MAX_TRIES:
            self.status, self.tries = JobStatus.WAITING, self.tries + 1
        elif job.status == JobStatus.DONE and job.result:
            self.scores, self.history, self.status = job.result.scores, job.result.history, JobStatus.DONE
        else:
            self.error, self.status = job.error, JobStatus.FAILED

    def retry(self) -> None:
        """Wait again, where it failed."""
        if self.status == JobStatus.FAILED:
            self.status, self.error, self.tries = JobStatus.WAITING, "", 0

    def promote(self) -> None:
        """Wait for the next and longer training."""
        self.first_scores = self.first_scores or self.scores
        self.rung, self.status, self.tries = self.rung + 1, JobStatus.WAITING, 0

    @property
    def scored_rung(self) -> int:
        """The rung that the scores are of."""
        return self.rung if self.status == JobStatus.DONE else max(0, self.rung - 1)

    @property
    def is_settled(self) -> bool:
        """Whether its training is done, or has failed."""
        return self.status in (JobStatus.DONE, JobStatus.FAILED)

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it, the same object until something changes; a trial that runs is one that waits."""
        status = JobStatus.WAITING if self.status == JobStatus.RUNNING else self.status
        key = (status, self.rung, self.stopped_early, self.error, id(self.scores), id(self.history))
        if self._saved is None or self._saved[0] != key:
            values = {
                "values": self.values,
                "settings": asdict(self.settings),
                "network": self.network,
                "status": str(status),
                "scores": self.scores,
                "first_scores": self.first_scores,
                "history": self.history,
                "error": self.error,
                "rung": self.rung,
                "stopped_early": self.stopped_early,
            }
            self._saved = key, values
        return self._saved[1]

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Trial":
        """Read what `to_dict` gave; what is odd of its scores and curves is dropped.

        Raises:
            SettingsError, ModelError, KeyError, TypeError, ValueError: when it is no such thing.
        """
        first_scores = values.get("first_scores")
        rung = values.get("rung", 0)
        return cls(
            dict(values["values"]),
            TrainSettings.from_dict(values["settings"]),
            str(values.get("network", "")),
            JobStatus(values["status"]),
            _read_scores(values["scores"]),
            history.validated(history.from_json(values.get("history"))),
            str(values["error"]),
            rung if isinstance(rung, int) and 0 <= rung < 10 else 0,
            values.get("stopped_early") is True,
            first_scores=_read_scores(first_scores) if isinstance(first_scores, dict) else {},
        )


def _read_scores(values: dict[str, Any]) -> dict[str, float]:
    return {name: sanitize.finite(values[name]) for name in SCORES if name in values}
