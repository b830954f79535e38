"""A training for a request of the REST API."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from digitcore.jobs.tasks.task import Progress, ReportProgress, ShouldStop
from digitcore.jobs.tasks.train import LimitedTraining, TrainTask

if TYPE_CHECKING:
    from digitcore.training.run import Run

TRAINING_SHARE = 0.9  # share of the progress that the training takes; the scoring takes the rest


@dataclass(frozen=True, eq=False)
class ApiTrainTask(LimitedTraining["Run"]):
    """A task that trains as the Train page does, and scores the model on MNIST's test digits unless the training was stopped.

    Example:
        >>> from digitcore.samples import SampleSet
        >>> from digitcore.training.settings import TrainSettings
        >>> ApiTrainTask("mlp", SampleSet(), TrainSettings()).label
        'Training for the API'
    """

    keeps_partial_result: ClassVar[bool] = True

    @property
    def label(self) -> str:
        return "Training for the API"

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> "Run":
        from digitcore.jobs import mnist_evaluation
        from digitcore.models import keras_io

        start = self.start
        if isinstance(start, str):
            start = keras_io.random_model(start, name="untrained", seed=self.settings.seed)
        training = TrainTask(start, self.samples, self.settings, max_seconds=self.max_seconds)
        run = training.run(lambda done: progress(Progress(TRAINING_SHARE * done.share, done.point)), should_stop)
        return run if run.stopped else run.with_mnist_scores(mnist_evaluation.compare(start, run.model))
