"""The tasks that a worker can run, each a dataclass that holds its inputs.

To add one, write a frozen dataclass with `run`, and submit it with `JobService.submit`. What a task needs is imported when it
runs, so that the server, which only makes tasks, loads neither Keras nor pandas.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

import numpy as np

from digitcore.jobs import mnist_evaluation
from digitcore.jobs.limits import Limits
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.training.settings import TrainSettings

if TYPE_CHECKING:
    import pandas as pd

    from digitcore.data.label_issues import LabelIssue
    from digitcore.data.sample_files import ImportResult
    from digitcore.data.statistics import DatasetStatistics
    from digitcore.evaluation.activations import LayerActivation
    from digitcore.evaluation.feature_map import FeatureMap
    from digitcore.evaluation.metrics import Evaluation
    from digitcore.evaluation.neighbors import Neighbors
    from digitcore.storage.archive import OpenedLab
    from digitcore.training.run import MnistScores, Run

Progress = Callable[[dict[str, float]], None]
ShouldStop = Callable[[], bool]
T_co = TypeVar("T_co", covariant=True)


class Task(Protocol[T_co]):
    """Work for a worker."""

    def run(self, progress: Progress, should_stop: ShouldStop) -> T_co:
        """Run on a worker.

        Args:
            progress: called with numbers by name.
            should_stop: asked now and then.
        """
        ...

    def with_limits(self, limits: Limits) -> Self:
        """The same task within the server's limits.

        Raises:
            JobError: when it asks for more; the message names the limit.
        """
        ...


@dataclass(frozen=True, eq=False)
class Unlimited:
    """A task that asks for nothing that a server limits."""

    def with_limits(self, limits: Limits) -> Self:
        return self


@dataclass(frozen=True, eq=False)
class TrainTask:
    """Train on the samples that are not held out, then score the model before and after, on the held-out samples and on MNIST.

    Attributes:
        start, samples, settings: as for `training.train`.
        resume_from: a stopped run of the same start and settings, or None.
        evaluates_mnist: False leaves MNIST to a `CompareOnMnistTask`, so that the model is there sooner.
        max_seconds: after which the training is stopped.
    """

    start: ModelBundle
    samples: SampleSet
    settings: TrainSettings
    resume_from: "Run | None" = None
    evaluates_mnist: bool = True
    max_seconds: float = float("inf")

    def with_limits(self, limits: Limits) -> Self:
        asked = (
            (len(self.samples), limits.samples, "drawings in one training"),
            (self.settings.epochs, limits.epochs, "epochs"),
        )
        for n, limit, what in asked:
            limits.check(n, limit, what)
        return replace(self, max_seconds=limits.seconds)

    def run(self, progress: Progress, should_stop: ShouldStop) -> "Run":
        from digitcore.evaluation.comparison import count_correct
        from digitcore.evaluation.score import Score
        from digitcore.training.trainer import train

        end = time.monotonic() + self.max_seconds
        run = train(
            self.start,
            self.samples.training_part(),
            self.settings,
            on_progress=progress,
            should_stop=lambda: should_stop() or time.monotonic() > end,
            resume_from=self.resume_from,
        )
        test = self.samples.test_part()
        run = replace(
            run,
            mnist_before=mnist_evaluation.card_score(self.start),
            personal_before=Score.from_counts(count_correct(self.start, test), len(test)),
            personal_after=Score.from_counts(count_correct(run.model, test), len(test)),
            personal_is_held_out=bool(self.samples.held_out.any()),
        )
        return run.with_mnist_scores(mnist_evaluation.compare(self.start, run.model)) if self.evaluates_mnist else run


@dataclass(frozen=True, eq=False)
class CompareOnMnistTask(Unlimited):
    """`mnist_evaluation.compare`: a model and what it was trained from. Events report the share done."""

    start: ModelBundle
    model: ModelBundle

    def run(self, progress: Progress, should_stop: ShouldStop) -> "MnistScores":
        return mnist_evaluation.compare(self.start, self.model, lambda share: progress({"share": share}), should_stop)


@dataclass(frozen=True, eq=False)
class MnistResult:
    """A model on MNIST's test digits.

    Attributes:
        evaluation: in MNIST's order.
        milliseconds: median time of one prediction on the worker's machine, on one thread.
    """

    evaluation: "Evaluation"
    milliseconds: float


@dataclass(frozen=True, eq=False)
class EvaluateTask(Unlimited):
    """Evaluate a model on all MNIST test digits. Events report the share done."""

    bundle: ModelBundle

    def run(self, progress: Progress, should_stop: ShouldStop) -> MnistResult:
        from digitcore.evaluation import benchmark

        evaluation = mnist_evaluation.evaluate(self.bundle, lambda share: progress({"share": share}), should_stop)
        return MnistResult(evaluation, benchmark.milliseconds_per_digit(self.bundle.predictor()))


@dataclass(frozen=True, eq=False)
class RobustnessTask(Unlimited):
    """`robustness.robustness_table` on all MNIST test digits. Events report the share done."""

    bundle: ModelBundle

    def run(self, progress: Progress, should_stop: ShouldStop) -> "pd.DataFrame":
        from digitcore import mnist
        from digitcore.evaluation import robustness

        predictor = self.bundle.predictor(threads=os.cpu_count() or 1)
        return robustness.robustness_table(
            predictor, mnist.TEST_SIZE, on_progress=lambda share: progress({"share": share}), should_stop=should_stop
        )


@dataclass(frozen=True, eq=False)
class NeighborsTask(Unlimited):
    """`neighbors.nearest_neighbors` of digits, (N, 28, 28) uint8."""

    bundle: ModelBundle
    digits: np.ndarray

    def run(self, progress: Progress, should_stop: ShouldStop) -> "Neighbors":
        from digitcore.evaluation.neighbors import nearest_neighbors

        return nearest_neighbors(self.bundle, self.digits)


@dataclass(frozen=True, eq=False)
class FeatureMapTask(Unlimited):
    """`feature_map.feature_map` of models, with digits, (N, 28, 28) uint8."""

    models: tuple[ModelBundle, ...]
    digits: np.ndarray

    def run(self, progress: Progress, should_stop: ShouldStop) -> "FeatureMap":
        from digitcore.evaluation.feature_map import feature_map

        return feature_map(self.models, self.digits)


@dataclass(frozen=True, eq=False)
class ActivationsTask(Unlimited):
    """`activations.layer_activations` for a digit, (28, 28) uint8."""

    bundle: ModelBundle
    digit: np.ndarray

    def run(self, progress: Progress, should_stop: ShouldStop) -> "list[LayerActivation]":
        from digitcore.evaluation.activations import layer_activations

        return layer_activations(self.bundle, self.digit)


@dataclass(frozen=True, eq=False)
class StatisticsTask(Unlimited):
    """`statistics.dataset_statistics` with the mosaic of a seed."""

    seed: int

    def run(self, progress: Progress, should_stop: ShouldStop) -> "DatasetStatistics":
        from digitcore.data.statistics import dataset_statistics

        return dataset_statistics(self.seed)


@dataclass(frozen=True, eq=False)
class LabelIssuesTask(Unlimited):
    """`label_issues.find_label_issues`, with `cross_validation.predict_out_of_fold`. Events report the share done.

    Attributes:
        start: the initial model of each training; it must not have learnt from the samples.
        samples: labelled.
    """

    start: ModelBundle
    samples: SampleSet

    def with_limits(self, limits: Limits) -> Self:
        limits.check(len(self.samples), limits.samples, "drawings in one training")
        return self

    def run(self, progress: Progress, should_stop: ShouldStop) -> "list[LabelIssue]":
        from digitcore.data.label_issues import find_label_issues
        from digitcore.training.cross_validation import predict_out_of_fold

        probabilities = predict_out_of_fold(
            self.start,
            self.samples,
            TrainSettings(),
            on_progress=lambda share: progress({"share": share}),
            should_stop=should_stop,
        )
        return find_label_issues(self.samples.labels, probabilities)


@dataclass(frozen=True, eq=False)
class OpenLabTask(Unlimited):
    """Open an untrusted lab file."""

    content: bytes

    def run(self, progress: Progress, should_stop: ShouldStop) -> "OpenedLab":
        from digitcore.storage import archive

        return archive.read(self.content, should_stop)


@dataclass(frozen=True, eq=False)
class ReadSamplesTask(Unlimited):
    """Read an untrusted file of samples. Events report the share done."""

    content: bytes

    def run(self, progress: Progress, should_stop: ShouldStop) -> "ImportResult":
        from digitcore.data import sample_files

        return sample_files.read(self.content, lambda share: progress({"share": share}), should_stop)
