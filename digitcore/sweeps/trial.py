"""A trial of a sweep: a training with one combination of values and one seed."""

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from digitcore import sanitize
from digitcore.errors import WorkerDiedError
from digitcore.jobs.job import Job, JobStatus
from digitcore.jobs.tasks import Priority, ReportProgress, ShouldStop, TrainTask
from digitcore.jobs.tasks.train import LimitedTraining
from digitcore.models.bundle import ModelBundle
from digitcore.training import history
from digitcore.training.settings import TrainSettings

if TYPE_CHECKING:
    from digitcore.training.run import Point, Run

VALIDATION, HELD_OUT = "validation", "held_out"  # The scores that can rank the trials. No trial is scored on test digits.
SCORES = [
    VALIDATION,
    "validation_before",
    "added_validation_errors",
    HELD_OUT,
    "held_out_before",
    "parameters",
    "seconds",
]
MAX_TRIES = 3  # maximum number of trainings of a trial on a rung if the worker dies
MAX_RUNG = 10


@dataclass(frozen=True, eq=False)
class TrialResult:
    """The result of a trial.

    Attributes:
        scores: Scores by the names in `SCORES`. With random initial weights, there are no scores before the training.
        history: Points of the training curves that have validation scores.
        model: The trained model if the task keeps its model.

    Example:
        >>> TrialResult({"validation": 0.98}, history=[]).scores["validation"]
        0.98
    """

    scores: dict[str, float]
    history: "list[Point]"
    model: ModelBundle | None = None


@dataclass(frozen=True, eq=False)
class TrialTask(LimitedTraining[TrialResult]):
    """A task that trains a model and evaluates it on MNIST's 5,000 validation digits and on the held-out samples.

    The test digits are not used, because the scores select a trial.

    Attributes:
        keeps_model: Whether the result contains the trained model.

    Example:
        >>> from digitcore import models
        >>> from digitcore.samples import SampleSet
        >>> TrialTask(models.load("mlp"), SampleSet(), TrainSettings()).label
        'Training a trial of the sweep'
    """

    priority: ClassVar[Priority] = Priority.LOW

    keeps_model: bool = False

    @property
    def label(self) -> str:
        return "Training a trial of the sweep"

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> TrialResult:
        is_random = isinstance(self.start, str)
        start = _random_model(self.start, self.settings.seed) if isinstance(self.start, str) else self.start
        training = TrainTask(start, self.samples, self.settings, max_seconds=self.max_seconds)
        run = training.run(progress, should_stop)
        scores = _scores(run, None if is_random else start, should_stop)
        return TrialResult(scores, history.validated(run.history), run.model if self.keeps_model else None)


def _random_model(network: str, seed: int) -> ModelBundle:
    from digitcore.models import keras_io

    return keras_io.random_model(network, name="untrained", seed=seed)


def _scores(run: "Run", start: ModelBundle | None, should_stop: ShouldStop) -> dict[str, float]:
    from digitcore.jobs import mnist_evaluation

    after = mnist_evaluation.evaluate(run.model, should_stop=should_stop, subset="validation").score
    scores = {VALIDATION: after.accuracy, "parameters": float(run.model.card.parameters), "seconds": run.seconds}
    if run.personal_is_held_out and run.personal_after:
        scores[HELD_OUT] = run.personal_after.accuracy
    if start is not None:
        before = mnist_evaluation.evaluate(start, should_stop=should_stop, subset="validation").score
        scores |= {"validation_before": before.accuracy, "added_validation_errors": float(before.correct - after.correct)}
        if run.personal_is_held_out and run.personal_before:
            scores["held_out_before"] = run.personal_before.accuracy
    return scores


@dataclass
class Trial:
    """One combination of values with one seed. It changes through its methods, which the sweep calls under its lock.

    Attributes:
        values: The value of each swept parameter.
        settings: The complete settings.
        network: The network that is built with random weights; "" if the sweep's initial model is trained.
        status: Status of the trial. A trial is waiting before it is submitted and after it is stopped.
        scores: Known scores of the last completed training, by the names in `SCORES`.
        history: Points of the last completed training's curves that have validation scores.
        error: The error message if the trial failed, otherwise "".
        rung: Number of promotions by successive halving. Rung 0 is the first and shortest training.
        stopped_early: Whether the pruner of the sweep stopped the trial, before or after its training.
        job: The job of a queued or running trial, otherwise `None`.
        tries: Number of trainings on the current rung that ended because the worker died.
        earlier_scores: Scores of each rung from which the trial was promoted.
        model: The model of the last completed training if the sweep keeps models. The model is not stored.

    Example:
        >>> str(Trial({"epochs": 3}, TrainSettings(epochs=3)).status)
        'waiting'
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
    earlier_scores: list[dict[str, float]] = field(default_factory=list)
    model: ModelBundle | None = None
    _stored: dict[str, Any] | None = field(default=None, repr=False, compare=False)

    def poll(self) -> None:
        """Read the status and the result of the job. The trial waits again if it was stopped or its worker died."""
        job = self.job
        if job is None:
            return
        if not job.done:
            self.status = job.status
            return
        self.job, self._stored = None, None
        if job.is_stopping:
            self.status = JobStatus.WAITING
        elif isinstance(job.error, WorkerDiedError) and self.tries + 1 < MAX_TRIES:
            self.status, self.tries = JobStatus.WAITING, self.tries + 1
        elif job.result is not None:
            self.scores, self.history, self.status = job.result.scores, job.result.history, JobStatus.DONE
            self.model = job.result.model
        else:
            self.fail(str(job.error))

    def fail(self, reason: str) -> None:
        """Mark the trial as failed.

        Args:
            reason: The error message.
        """
        self.error, self.status, self._stored = reason, JobStatus.FAILED, None

    def retry(self) -> None:
        """Reset the trial to waiting if it failed."""
        if self.status == JobStatus.FAILED:
            self.status, self.error, self.tries, self._stored = JobStatus.WAITING, "", 0, None

    def promote(self) -> None:
        """Move the trial to the next rung, where it waits for a longer training."""
        self.earlier_scores = [*self.earlier_scores, self.scores]
        self.rung, self.status, self.tries, self._stored = self.rung + 1, JobStatus.WAITING, 0, None

    def stop_early(self) -> None:
        """Mark the trial as stopped early."""
        self.stopped_early, self._stored = True, None

    @property
    def scored_rung(self) -> int:
        """The rung of the training that gave the scores."""
        return self.rung if self.status == JobStatus.DONE else max(0, self.rung - 1)

    @property
    def is_waiting(self) -> bool:
        """Whether the trial is to be submitted."""
        return self.job is None and self.status == JobStatus.WAITING and not self.stopped_early

    @property
    def is_settled(self) -> bool:
        """Whether no training is open on this rung: it is done, has failed, or is left out because the trial was stopped."""
        return self.status in (JobStatus.DONE, JobStatus.FAILED) or self.stopped_early

    def scores_at(self, rung: int) -> dict[str, float]:
        """Return the scores of the training on a rung; an empty dictionary if there are none.

        Args:
            rung: The rung.
        """
        if rung < len(self.earlier_scores):
            return self.earlier_scores[rung]
        return self.scores if rung == self.rung and self.status == JobStatus.DONE else {}

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-serializable state. The result is cached until the state changes. A running trial is stored as waiting."""
        if self._stored is None:
            status = JobStatus.WAITING if self.status == JobStatus.RUNNING else self.status
            self._stored = {
                "values": self.values,
                "settings": asdict(self.settings),
                "network": self.network,
                "status": str(status),
                "scores": self.scores,
                "earlier_scores": self.earlier_scores,
                "history": self.history,
                "error": self.error,
                "stopped_early": self.stopped_early,
            }
        return self._stored

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Trial":
        """Create a trial from the state that `to_dict` returned. Malformed scores and points of curves are left out.

        Args:
            values: The state.

        Returns:
            The trial.

        Raises:
            SettingsError, ModelError, KeyError, TypeError, ValueError: If the values are not the state of a trial.
        """
        earlier_scores = [_read_scores(scores) for scores in values["earlier_scores"][:MAX_RUNG]]
        return cls(
            dict(values["values"]),
            TrainSettings.from_dict(values["settings"]),
            str(values["network"]),
            JobStatus(values["status"]),
            _read_scores(values["scores"]),
            history.validated(history.from_json(values["history"])),
            str(values["error"]),
            len(earlier_scores),
            values["stopped_early"] is True,
            earlier_scores=earlier_scores,
        )


def _read_scores(values: dict[str, Any]) -> dict[str, float]:
    return {name: sanitize.finite(values[name]) for name in SCORES if name in values}
