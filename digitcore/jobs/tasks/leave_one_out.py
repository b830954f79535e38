"""The effect of one drawing on a training: the same training without the drawing."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digitcore.evaluation.score import Score
from digitcore.jobs.tasks.task import Progress, ReportProgress, ShouldStop, TaskKey, hash_array
from digitcore.jobs.tasks.train import LimitedTraining
from digitcore.models.bundle import ModelBundle

if TYPE_CHECKING:
    from digitcore.training.run import Run


@dataclass(frozen=True)
class DrawingEffect:
    """What a training with a drawing predicts differently from the same training without it.

    Attributes:
        probability_with: Probability of the drawing's label by the model that learnt from it, 0 to 1.
        probability_without: Probability of the label by the model that did not, 0 to 1.
        digit_without: The digit that the model without the drawing predicts for it.
        gained: Indices of the other training drawings that are predicted correctly only with the drawing.
        lost: Indices of the other training drawings that are predicted correctly only without the drawing.
        mnist_with: Score of the model with the drawing on MNIST's validation digits.
        mnist_without: Score of the model without the drawing on the same digits.

    Example:
        >>> score = Score.from_counts(99, 100)
        >>> DrawingEffect(0.9, 0.4, 7, (), (), score, score).probability_without
        0.4
    """

    probability_with: float
    probability_without: float
    digit_without: int
    gained: tuple[int, ...]
    lost: tuple[int, ...]
    mnist_with: Score
    mnist_without: Score


@dataclass(frozen=True, eq=False)
class LeaveOneOutTask(LimitedTraining[DrawingEffect]):
    """A task that repeats a training without one drawing, and compares the two models.

    The training has the same initial model, settings and seed. The batches differ, because the training set is one drawing
    smaller, so a part of a small difference is due to chance.

    Attributes:
        model: The model that learnt from all samples.
        index: Index of the drawing in the samples.

    Example:
        >>> from digitcore import models
        >>> from digitcore.samples import SampleSet
        >>> from digitcore.training.settings import TrainSettings
        >>> genius = models.load("genius")
        >>> LeaveOneOutTask(genius, SampleSet(), TrainSettings(), genius, 0).label
        'Training without the drawing'
    """

    start: ModelBundle
    model: ModelBundle
    index: int

    @property
    def key(self) -> TaskKey:
        settings = hashlib.sha256(self.settings.to_json().encode()).hexdigest()
        arrays = (hash_array(self.samples.digits), hash_array(self.samples.labels))
        return ("leave_one_out", self.start.key, self.model.key, *arrays, settings, str(self.index))

    @property
    def label(self) -> str:
        return "Training without the drawing"

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> DrawingEffect:
        from digitcore.jobs.mnist_evaluation import evaluate
        from digitcore.jobs.tasks.train import TrainTask

        training = TrainTask(self.start, self.samples.drop([self.index]), self.settings, max_seconds=self.max_seconds)
        run: Run = training.run(lambda done: progress(Progress(0.9 * done.share, done.point)), should_stop)
        digits, labels, i = self.samples.digits, self.samples.labels, self.index
        first, second = (model.predictor().probabilities(digits) for model in (self.model, run.model))
        is_first, is_second = (found.argmax(1) == labels for found in (first, second))
        others = np.arange(len(labels)) != i
        scores = (evaluate(model, should_stop=should_stop, subset="validation").score for model in (self.model, run.model))
        return DrawingEffect(
            float(first[i, labels[i]]),
            float(second[i, labels[i]]),
            int(second[i].argmax()),
            tuple(np.flatnonzero(is_first & ~is_second & others).tolist()),
            tuple(np.flatnonzero(is_second & ~is_first & others).tolist()),
            *scores,
        )
