"""Scores of a training run on MNIST's test digits."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from digitcore.jobs.tasks.task import Priority, Progress, ReportProgress, ShouldStop, Task
from digitcore.models.bundle import ModelBundle

if TYPE_CHECKING:
    from digitcore.training.run import MnistScores


@dataclass(frozen=True, eq=False)
class ScoreRunTask(Task["MnistScores"]):
    """A task that evaluates a run's model and its initial model on MNIST's test digits.

    Attributes:
        run_id: Identifier of the run, which does not change when the run is renamed.
        start: The initial model.
        model: The trained model.

    Example:
        >>> from digitcore import models
        >>> genius = models.load("genius")
        >>> ScoreRunTask("id of the run", genius, genius.rename("run 1")).label
        'Evaluating run 1 on MNIST'
    """

    priority: ClassVar[Priority] = Priority.LOW

    run_id: str
    start: ModelBundle
    model: ModelBundle

    @property
    def label(self) -> str:
        return f"Evaluating {self.model.name} on MNIST"

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> "MnistScores":
        from digitcore.jobs import mnist_evaluation

        return mnist_evaluation.compare(self.start, self.model, lambda share: progress(Progress(share)), should_stop)
