"""Training on the user's samples."""

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

from digitcore.jobs.limits import Limits
from digitcore.jobs.tasks.task import Progress, ReportProgress, ShouldStop, Task
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.training.settings import TrainSettings

if TYPE_CHECKING:
    from digitcore.training.run import Run

MIN_TIMED_EPOCHS = 0.1  # After fewer epochs, the remaining time cannot be estimated.


@dataclass(frozen=True, eq=False)
class TrainTask(Task["Run"]):
    """A task that trains on the samples that are not held out, and scores both models on the user's samples.

    A `ScoreRunTask` scores the model on MNIST, so that the trained model is available earlier.

    Attributes:
        start: The initial model.
        samples: The user's samples. The held-out samples are not used for training.
        settings: Settings of the training.
        resume_from: A stopped run with the same start and settings, or `None`.
        max_seconds: Maximum duration in seconds. The training then stops, and its current weights are kept.

    Example:
        >>> from digitcore import models
        >>> TrainTask(models.load("genius"), SampleSet(), TrainSettings()).label
        'Training'
    """

    keeps_partial_result: ClassVar[bool] = True

    start: ModelBundle
    samples: SampleSet
    settings: TrainSettings
    resume_from: "Run | None" = None
    max_seconds: float = float("inf")

    @property
    def label(self) -> str:
        return "Training"

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

    def with_limits(self, limits: Limits) -> Self:
        limits.check(len(self.samples), limits.samples, "drawings in one training")
        limits.check(self.settings.epochs, limits.epochs, "epochs")
        return replace(self, max_seconds=limits.seconds)

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> "Run":
        from digitcore.evaluation.comparison import count_correct
        from digitcore.evaluation.score import Score
        from digitcore.jobs.mnist_evaluation import card_score
        from digitcore.training.trainer import train

        end = time.monotonic() + self.max_seconds
        run = train(
            self.start,
            self.samples.training_part(),
            self.settings,
            on_progress=lambda point: progress(Progress(min(1.0, point["epoch"] / self.settings.epochs), point)),
            should_stop=lambda: should_stop() or time.monotonic() > end,
            resume_from=self.resume_from,
        )
        test = self.samples.test_part()
        return replace(
            run,
            mnist_before=card_score(self.start),
            personal_before=Score.from_counts(count_correct(self.start, test), len(test)),
            personal_after=Score.from_counts(count_correct(run.model, test), len(test)),
            personal_is_held_out=bool(self.samples.held_out.any()),
        )
