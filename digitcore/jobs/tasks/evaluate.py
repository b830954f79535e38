"""Evaluation of a model on MNIST's test digits."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from digitcore.jobs.tasks.task import Progress, ReportProgress, ShouldStop, Task, TaskKey
from digitcore.models.bundle import ModelBundle

if TYPE_CHECKING:
    from digitcore.evaluation.metrics import Evaluation


@dataclass(frozen=True, eq=False)
class MnistResult:
    """The result of a model on MNIST's test digits.

    Attributes:
        evaluation: The evaluation, in MNIST's order.
        milliseconds: Median time of one prediction on one thread of the worker's machine.

    Example:
        >>> MnistResult(evaluation=None, milliseconds=0.2).milliseconds
        0.2
    """

    evaluation: "Evaluation"
    milliseconds: float


@dataclass(frozen=True, eq=False)
class EvaluateTask(Task[MnistResult]):
    """A task that evaluates a model on all MNIST test digits.

    Attributes:
        model: The model.

    Example:
        >>> from digitcore import models
        >>> EvaluateTask(models.load("genius")).label
        'Evaluating genius on MNIST'
    """

    model: ModelBundle

    @property
    def key(self) -> TaskKey:
        return "evaluation", self.model.hash

    @property
    def label(self) -> str:
        return f"Evaluating {self.model.name} on MNIST"

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> MnistResult:
        from digitcore.evaluation import benchmark
        from digitcore.jobs import mnist_evaluation

        evaluation = mnist_evaluation.evaluate(self.model, lambda share: progress(Progress(share)), should_stop)
        return MnistResult(evaluation, benchmark.milliseconds_per_digit(self.model.predictor()))
