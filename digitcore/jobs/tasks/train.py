"""Training on the user's samples."""

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from digitcore.jobs.limits import Limits
from digitcore.jobs.tasks.task import Progress, ReportProgress, ShouldStop, Task
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.training.settings import TrainSettings

if TYPE_CHECKING:
    import numpy as np

    from digitcore.training.run import Run

T_co = TypeVar("T_co", covariant=True)
MAX_WATCHED = 20  # drawings
MIN_TIMED_EPOCHS = 0.1  # After fewer epochs, the remaining time cannot be estimated.


@dataclass(frozen=True, eq=False)
class LimitedTraining(Task[T_co]):
    """The base class of the tasks that train on the user's samples, within the limits of the server.

    Attributes:
        start: The initial model, or the name or JSON of the network that is built with random weights.
        samples: The user's samples. The held-out samples are not used for training.
        settings: Settings of the training.
        max_seconds: Maximum duration in seconds. The training then stops, and its current weights are kept.

    Example:
        >>> issubclass(TrainTask, LimitedTraining)
        True
    """

    start: ModelBundle | str
    samples: SampleSet
    settings: TrainSettings
    max_seconds: float = field(default=float("inf"), kw_only=True)

    def with_limits(self, limits: Limits) -> Self:
        limits.check(len(self.samples), limits.samples, "drawings in one training")
        limits.check(self.settings.epochs, limits.epochs, "epochs")
        return replace(self, max_seconds=limits.seconds)


@dataclass(frozen=True, eq=False)
class TrainTask(LimitedTraining["Run"]):
    """A task that trains on the samples that are not held out, and scores both models on the user's samples.

    A `ScoreRunTask` scores the model on MNIST, so that the trained model is available earlier.

    Attributes:
        start: The initial model.
        resume_from: A stopped run with the same start and settings, or `None`.

    Example:
        >>> from digitcore import models
        >>> TrainTask(models.load("genius"), SampleSet(), TrainSettings()).label
        'Training'
    """

    keeps_partial_result: ClassVar[bool] = True

    start: ModelBundle
    resume_from: "Run | None" = None

    @property
    def label(self) -> str:
        return "Training"

    @property
    def watched(self) -> SampleSet:
        """The newest drawings. The progress reports contain their predictions."""
        return self.samples.take(range(max(0, len(self.samples) - MAX_WATCHED), len(self.samples)))

    def describe(self, progress: Progress) -> str:
        point, epochs = progress.point, self.settings.epochs
        if point is None:
            return "Starting the training …"
        epoch = point["epoch"]
        if epoch >= epochs:
            return "Finishing the training …"
        text = f"Epoch {min(int(epoch) + 1, epochs)} of {epochs}"
        if epoch > MIN_TIMED_EPOCHS:
            text += f" · {point['seconds'] / epoch * (epochs - epoch):.0f} s left"
        return text

    def _sample_weights(self) -> "np.ndarray | None":
        """Return the relative weights of the samples that are not held out, or `None` if they have the same weight."""
        return None

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> "Run":
        from digitcore.evaluation.comparison import count_correct
        from digitcore.evaluation.score import Score
        from digitcore.jobs.mnist_evaluation import card_score
        from digitcore.training.callbacks import WatchDigits
        from digitcore.training.trainer import train

        watch = WatchDigits(self.watched.digits)
        end = time.monotonic() + self.max_seconds
        run = train(
            self.start,
            self.samples.training_part(),
            self.settings,
            on_progress=lambda point: progress(
                Progress(min(1.0, point["epoch"] / self.settings.epochs), point, watch.predictions)
            ),
            should_stop=lambda: should_stop() or time.monotonic() > end,
            resume_from=self.resume_from,
            sample_weights=self._sample_weights(),
            callbacks=[watch],
        )
        test = self.samples.test_part()
        return replace(
            run,
            mnist_before=card_score(self.start),
            personal_before=Score.from_counts(count_correct(self.start, test), len(test)),
            personal_after=Score.from_counts(count_correct(run.model, test), len(test)),
            personal_is_held_out=bool(self.samples.held_out.any()),
        )
