"""Figures from labels and probabilities. Needs no model: whatever gave the probabilities can be judged.

SciPy and scikit-learn are imported where they are used, so that a process that only reads figures stays small.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from digitcore.errors import SampleError
from digitcore.runs import Score

DIGITS = tuple(range(10))
BINS = 15  # of confidence, for the calibration error


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model makes of N labelled digits.

    Attributes:
        labels: (N,) uint8, the truth.
        probabilities: (N, 10) float32.
        loss: mean cross-entropy, in nats; nan when N is 0.
        confusion: (10, 10) int, rows the truth, columns the guess.
        interval: where the true share read right lies with 95 % confidence, 0 to 1.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    loss: float
    confusion: np.ndarray
    interval: tuple[float, float]

    @classmethod
    def from_probabilities(cls, labels, probabilities) -> "Evaluation":
        """Judge predictions.

        Args:
            labels: (N,) whole numbers 0 to 9.
            probabilities: (N, 10), each row adding up to 1.

        Raises:
            SampleError: when the shapes do not fit together.
        """
        labels, probabilities = np.asarray(labels), np.asarray(probabilities)
        if probabilities.shape != (len(labels), 10):
            raise SampleError(f"{len(labels)} labels need {len(labels)} × 10 probabilities, not {probabilities.shape}.")
        labels = labels.astype(np.uint8)
        confusion = _confusion(labels, probabilities)
        interval = wilson(int(np.trace(confusion)), len(labels))
        return cls(labels, probabilities, _loss(labels, probabilities), confusion, interval)

    @property
    def guesses(self) -> np.ndarray:
        """(N,) the likeliest digit of each."""
        return self.probabilities.argmax(1)

    @property
    def of(self) -> int:
        """How many digits were judged."""
        return len(self.labels)

    @property
    def correct(self) -> int:
        """How many were read right."""
        return int(np.trace(self.confusion))

    @property
    def accuracy(self) -> float:
        """Share read right, 0 to 1; nan when nothing was judged."""
        return self.correct / self.of if self.of else float("nan")

    @property
    def calibration_error(self) -> float:
        """Expected calibration error, 0 to 1: how far confidence and accuracy lie apart, over 15 bins of equal width.

        Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks" (2017).
        """
        if not self.of:
            return float("nan")
        confidence, right = self.probabilities.max(1), self.guesses == self.labels
        bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
        gaps = np.bincount(bins, weights=confidence - right, minlength=BINS)
        return float(np.abs(gaps).sum() / self.of)


def scored(correct: int, of: int) -> Score:
    """A score with its interval."""
    return Score(correct, of, wilson(correct, of))


def wilson(correct: int, of: int) -> tuple[float, float]:
    """95 % interval of a share: (low, high), 0 to 1; all of it when nothing was asked.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    from scipy.stats import binomtest

    if not of:
        return 0.0, 1.0
    found = binomtest(correct, of).proportion_ci(0.95, method="wilson")
    return float(found.low), float(found.high)


def read_differently(first: Evaluation, second: Evaluation) -> np.ndarray:
    """Indices of the digits whose guess differs, those that one of the two reads right first."""
    differ = np.flatnonzero(first.guesses != second.guesses)
    right = (first.guesses == first.labels) | (second.guesses == second.labels)
    return differ[np.argsort(~right[differ], kind="stable")]


def confusion_table(evaluation: Evaluation) -> pd.DataFrame:
    """One row a cell: drawn, read, count, and its share of the digits drawn (0 to 1)."""
    counts = evaluation.confusion
    totals = np.maximum(counts.sum(1, keepdims=True), 1)
    drawn, read = np.meshgrid(DIGITS, DIGITS, indexing="ij")
    return pd.DataFrame(
        {"drawn": drawn.ravel(), "read": read.ravel(), "count": counts.ravel(), "share": (counts / totals).ravel()}
    )


def _loss(labels, probabilities):
    from sklearn.metrics import log_loss

    if not len(labels):
        return float("nan")
    exact = probabilities.astype(np.float64)
    return float(log_loss(labels, exact / exact.sum(1, keepdims=True), labels=DIGITS))


def _confusion(labels, probabilities):
    from sklearn.metrics import confusion_matrix

    if not len(labels):
        return np.zeros((10, 10), int)
    return confusion_matrix(labels, probabilities.argmax(1), labels=DIGITS)
