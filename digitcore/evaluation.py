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
CLASSIC = {(7, 9), (1, 7), (4, 9), (3, 5)}  # the pairs that handwriting makes look alike
MOST_UNSURE = 0.5  # share of the digits up to which the cost of “unsure” is drawn
STEPS = 200  # points of that curve


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
    def confidence(self) -> np.ndarray:
        """(N,) the probability of each guess, 0 to 1."""
        return self.probabilities.max(1)

    @property
    def right(self) -> np.ndarray:
        """(N,) bool, whether each was read right."""
        return self.guesses == self.labels

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
        gaps = np.bincount(_bins(self.confidence), weights=self.confidence - self.right, minlength=BINS)
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


def confusion_table(evaluation: Evaluation) -> pd.DataFrame:
    """One row a cell: drawn, read, count, and its share of the digits drawn (0 to 1)."""
    counts = evaluation.confusion
    totals = np.maximum(counts.sum(1, keepdims=True), 1)
    drawn, read = np.meshgrid(DIGITS, DIGITS, indexing="ij")
    return pd.DataFrame(
        {"drawn": drawn.ravel(), "read": read.ravel(), "count": counts.ravel(), "share": (counts / totals).ravel()}
    )


def confused_pairs(evaluation: Evaluation, most: int = 5) -> pd.DataFrame:
    """The pairs of digits taken for each other most often, worst first.

    Returns:
        One row a pair that occurs: first, second (digits), count (both ways together), classic (whether it is one of
        the pairs known for it).
    """
    counts = evaluation.confusion + evaluation.confusion.T
    rows = [(a, b, int(counts[a, b]), (a, b) in CLASSIC) for a in DIGITS for b in DIGITS[a + 1 :] if counts[a, b]]
    rows.sort(key=lambda row: -row[2])
    return pd.DataFrame(rows[:most], columns=["first", "second", "count", "classic"])


def digit_table(evaluation: Evaluation) -> pd.DataFrame:
    """One row a digit: of, correct, accuracy with its 95 % interval (low, high), and precision, all shares 0 to 1.

    Precision is the share of this digit's guesses that are right; nan where it was never guessed.
    """
    totals, guessed, right = evaluation.confusion.sum(1), evaluation.confusion.sum(0), np.diag(evaluation.confusion)
    bounds = [wilson(int(correct), int(of)) for correct, of in zip(right, totals, strict=True)]
    with np.errstate(invalid="ignore"):
        shares, precision = right / totals, right / guessed
    return pd.DataFrame(
        {
            "digit": DIGITS,
            "of": totals,
            "correct": right,
            "accuracy": shares,
            "low": [low for low, _ in bounds],
            "high": [high for _, high in bounds],
            "precision": precision,
        }
    )


def reliability_table(evaluation: Evaluation) -> pd.DataFrame:
    """How often it is right when it is so sure: one row a bin of confidence that occurs.

    Returns:
        confidence (mean in the bin), accuracy with its 95 % interval (low, high), all 0 to 1, and count.
    """
    rows = []
    if evaluation.of:
        bins = _bins(evaluation.confidence)
        for number in np.unique(bins):
            inside = bins == number
            correct, of = int(evaluation.right[inside].sum()), int(inside.sum())
            rows.append((float(evaluation.confidence[inside].mean()), correct / of, *wilson(correct, of), of))
    return pd.DataFrame(rows, columns=["confidence", "accuracy", "low", "high", "count"])


def coverage_table(evaluation: Evaluation) -> pd.DataFrame:
    """What “unsure” costs: one row a threshold, from answering everything to answering half.

    Returns:
        threshold, coverage (share of the digits answered), accuracy of those; all 0 to 1.
    """
    if not evaluation.of:
        return pd.DataFrame(columns=["threshold", "coverage", "accuracy"])
    order = np.argsort(-evaluation.confidence, kind="stable")
    right, confidence = np.cumsum(evaluation.right[order]), evaluation.confidence[order]
    least = max(1, round(evaluation.of * (1 - MOST_UNSURE)))
    answered = np.unique(np.linspace(least, evaluation.of, STEPS).round().astype(int))[::-1]
    return pd.DataFrame(
        {
            "threshold": confidence[answered - 1],
            "coverage": answered / evaluation.of,
            "accuracy": right[answered - 1] / answered,
        }
    )


def _bins(confidence):
    """The bin of each confidence, 0 to 14."""
    return np.minimum((confidence * BINS).astype(int), BINS - 1)


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
