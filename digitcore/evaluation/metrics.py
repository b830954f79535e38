"""Metrics from labels and probabilities. Needs no model: whatever gave the probabilities can be evaluated.

pandas, SciPy and scikit-learn are imported where they are used, so that a process that only reads metrics stays small.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from digitcore.errors import SampleError
from digitcore.evaluation.score import Score, wilson_interval

if TYPE_CHECKING:
    import pandas as pd

DIGITS = tuple(range(10))
CALIBRATION_BINS = 15  # of confidence
COMMONLY_CONFUSED = {(7, 9), (1, 7), (4, 9), (3, 5)}  # pairs that handwriting makes look alike
MAX_REJECTED_SHARE = 0.5  # of the digits, in the coverage table
COVERAGE_POINTS = 200  # of the coverage table


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A model's predictions for N labelled digits, and their metrics.

    Attributes:
        labels: (N,) uint8, the true digits.
        probabilities: (N, 10) float32.
        loss: mean cross-entropy, in nats; nan when N is 0.
        confusion: (10, 10) int, rows the true digit, columns the predicted one.
        interval: 95 % interval of the accuracy, 0 to 1.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    loss: float
    confusion: np.ndarray
    interval: tuple[float, float]

    @classmethod
    def from_probabilities(cls, labels: ArrayLike, probabilities: ArrayLike) -> "Evaluation":
        """Evaluate predictions.

        Args:
            labels: (N,) integers 0 to 9.
            probabilities: (N, 10), each row adding up to 1.

        Raises:
            SampleError: when the shapes do not fit together.
        """
        labels, probabilities = np.asarray(labels), np.asarray(probabilities)
        if probabilities.shape != (len(labels), 10):
            raise SampleError(f"{len(labels)} labels need {len(labels)} × 10 probabilities, not {probabilities.shape}.")
        labels = labels.astype(np.uint8)
        confusion = _confusion_matrix(labels, probabilities)
        interval = wilson_interval(int(np.trace(confusion)), len(labels))
        return cls(labels, probabilities, _log_loss(labels, probabilities), confusion, interval)

    @property
    def predictions(self) -> np.ndarray:
        """(N,) the most probable digit of each."""
        return np.asarray(self.probabilities.argmax(1))

    @property
    def confidence(self) -> np.ndarray:
        """(N,) the probability of each prediction, 0 to 1."""
        confidence: np.ndarray = self.probabilities.max(1)
        return confidence

    @property
    def is_correct(self) -> np.ndarray:
        """(N,) bool, whether each prediction is the label."""
        return np.asarray(self.predictions == self.labels)

    @property
    def n(self) -> int:
        """Number of digits."""
        return len(self.labels)

    @property
    def correct(self) -> int:
        """Number of correct predictions."""
        return int(np.trace(self.confusion))

    @property
    def accuracy(self) -> float:
        """Share of correct predictions, 0 to 1; nan when n is 0."""
        return self.correct / self.n if self.n else float("nan")

    @property
    def score(self) -> Score:
        """Correct predictions with their interval."""
        return Score(self.correct, self.n, self.interval)

    @property
    def calibration_error(self) -> float:
        """Expected calibration error, 0 to 1: mean distance of confidence and accuracy over 15 bins of equal width.

        Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks" (2017).
        """
        if not self.n:
            return float("nan")
        gaps = np.bincount(_bins(self.confidence), weights=self.confidence - self.is_correct, minlength=CALIBRATION_BINS)
        return float(np.abs(gaps).sum() / self.n)


def confusion_table(counts: np.ndarray) -> "pd.DataFrame":
    """One row a cell of a confusion matrix: true, predicted, count, and its share of the true digit (0 to 1).

    Args:
        counts: (10, 10) int, rows the true digit, columns the predicted one.
    """
    import pandas as pd

    totals = np.maximum(counts.sum(1, keepdims=True), 1)
    true, predicted = np.meshgrid(DIGITS, DIGITS, indexing="ij")
    return pd.DataFrame(
        {"true": true.ravel(), "predicted": predicted.ravel(), "count": counts.ravel(), "share": (counts / totals).ravel()}
    )


def confused_pairs(evaluation: Evaluation, max_pairs: int = 5) -> "pd.DataFrame":
    """The pairs of digits confused most often, worst first.

    Returns:
        One row a pair that occurs: first, second (digits), count (both ways together), is_common (whether the pair is known
        to be confused).
    """
    import pandas as pd

    counts = evaluation.confusion + evaluation.confusion.T
    rows = [(a, b, int(counts[a, b]), (a, b) in COMMONLY_CONFUSED) for a in DIGITS for b in DIGITS[a + 1 :] if counts[a, b]]
    rows.sort(key=lambda row: -row[2])
    return pd.DataFrame(rows[:max_pairs], columns=["first", "second", "count", "is_common"])


def digit_table(evaluation: Evaluation) -> "pd.DataFrame":
    """One row a digit: n, correct, accuracy with its 95 % interval (low, high), and precision, all shares 0 to 1.

    Precision is the share of this digit's predictions that are correct; nan where it was never predicted.
    """
    import pandas as pd

    totals, predicted, correct = evaluation.confusion.sum(1), evaluation.confusion.sum(0), np.diag(evaluation.confusion)
    intervals = [wilson_interval(int(k), int(n)) for k, n in zip(correct, totals, strict=True)]
    with np.errstate(invalid="ignore"):
        accuracy, precision = correct / totals, correct / predicted
    return pd.DataFrame(
        {
            "digit": DIGITS,
            "n": totals,
            "correct": correct,
            "accuracy": accuracy,
            "low": [low for low, _ in intervals],
            "high": [high for _, high in intervals],
            "precision": precision,
        }
    )


def reliability_table(evaluation: Evaluation) -> "pd.DataFrame":
    """Accuracy by confidence: one row a bin of confidence that occurs.

    Returns:
        confidence (mean in the bin), accuracy with its 95 % interval (low, high), all 0 to 1, and count.
    """
    import pandas as pd

    rows = []
    if evaluation.n:
        bins = _bins(evaluation.confidence)
        for number in np.unique(bins):
            inside = bins == number
            correct, n = int(evaluation.is_correct[inside].sum()), int(inside.sum())
            rows.append((float(evaluation.confidence[inside].mean()), correct / n, *wilson_interval(correct, n), n))
    return pd.DataFrame(rows, columns=["confidence", "accuracy", "low", "high", "count"])


def coverage_table(evaluation: Evaluation) -> "pd.DataFrame":
    """Selective accuracy: one row a confidence threshold, from answering everything to answering half.

    Returns:
        threshold, coverage (share of the digits answered), accuracy of those; all 0 to 1.
    """
    import pandas as pd

    if not evaluation.n:
        return pd.DataFrame(columns=["threshold", "coverage", "accuracy"])
    order = np.argsort(-evaluation.confidence, kind="stable")
    correct, confidence = np.cumsum(evaluation.is_correct[order]), evaluation.confidence[order]
    fewest = max(1, round(evaluation.n * (1 - MAX_REJECTED_SHARE)))
    answered = np.unique(np.linspace(fewest, evaluation.n, COVERAGE_POINTS).round().astype(int))[::-1]
    return pd.DataFrame(
        {
            "threshold": confidence[answered - 1],
            "coverage": answered / evaluation.n,
            "accuracy": correct[answered - 1] / answered,
        }
    )


def _bins(confidence: np.ndarray) -> np.ndarray:
    """The bin of each confidence, 0 to 14."""
    return np.asarray(np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1))


def _log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    from sklearn.metrics import log_loss

    if not len(labels):
        return float("nan")
    exact = probabilities.astype(np.float64)
    return float(log_loss(labels, exact / exact.sum(1, keepdims=True), labels=DIGITS))


def _confusion_matrix(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    from sklearn.metrics import confusion_matrix

    if not len(labels):
        return np.zeros((10, 10), int)
    return np.asarray(confusion_matrix(labels, probabilities.argmax(1), labels=DIGITS))
