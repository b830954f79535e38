"""Metrics from labels and probabilities, which can come from any model.

pandas, SciPy and scikit-learn are imported in the functions, so that a process that only reads metrics needs less memory.
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
CALIBRATION_BINS = 15  # bins of equal width over the confidence
MIN_BIN_COUNT = 10  # minimum number of digits in a bin of a reliability diagram; smaller bins are merged
COMMONLY_CONFUSED = {(7, 9), (1, 7), (4, 9), (3, 5)}  # pairs that look similar in handwriting
MAX_REJECTED_SHARE = 0.5  # largest share of rejected digits in the coverage table
COVERAGE_POINTS = 200  # rows of the coverage table


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """The predictions of a model for N labelled digits, and their metrics.

    Attributes:
        labels: (N,) uint8, the true digits.
        probabilities: (N, 10) float32, the predicted probabilities, 0 to 1.
        loss: Mean cross-entropy in nats. NaN if N is 0.
        confusion: (10, 10) int, the confusion matrix. Rows are true digits, columns are predicted digits.
        interval: 95 % interval of the accuracy, 0 to 1.

    Example:
        >>> evaluation = Evaluation.from_probabilities([7, 9, 9], np.eye(10)[[7, 9, 7]])
        >>> evaluation.correct, evaluation.n
        (2, 3)
    """

    labels: np.ndarray
    probabilities: np.ndarray
    loss: float
    confusion: np.ndarray
    interval: tuple[float, float]

    def __repr__(self) -> str:
        return f"Evaluation(n={self.n}, correct={self.correct}, accuracy={self.accuracy:.4f}, loss={self.loss:.4f})"

    @classmethod
    def from_probabilities(cls, labels: ArrayLike, probabilities: ArrayLike) -> "Evaluation":
        """Compute the metrics of predictions.

        Args:
            labels: (N,) integers, the true digits, 0 to 9.
            probabilities: (N, 10) floats. Each row adds up to 1.

        Returns:
            The evaluation.

        Raises:
            SampleError: If the shapes do not match.

        Example:
            >>> Evaluation.from_probabilities([1, 2], np.eye(10)[[1, 2]]).accuracy
            1.0
        """
        labels, probabilities = np.asarray(labels), np.asarray(probabilities)
        if probabilities.shape != (len(labels), 10):
            raise SampleError(
                f"The probabilities have the shape {probabilities.shape}. Pass ({len(labels)}, 10) for {len(labels)} labels."
            )
        labels = labels.astype(np.uint8)
        confusion = _confusion_matrix(labels, probabilities)
        interval = wilson_interval(int(np.trace(confusion)), len(labels))
        return cls(labels, probabilities, _log_loss(labels, probabilities), confusion, interval)

    @property
    def predictions(self) -> np.ndarray:
        """(N,) int64, the most probable digits, 0 to 9."""
        return np.asarray(self.probabilities.argmax(1))

    @property
    def confidence(self) -> np.ndarray:
        """(N,) float32, the probabilities of the predictions, 0 to 1."""
        confidence: np.ndarray = self.probabilities.max(1)
        return confidence

    @property
    def is_correct(self) -> np.ndarray:
        """(N,) bool, whether the predictions equal the labels."""
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
        """Share of correct predictions, 0 to 1. NaN if `n` is 0."""
        return self.correct / self.n if self.n else float("nan")

    @property
    def score(self) -> Score:
        """Number of correct predictions with the 95 % interval of the accuracy."""
        return Score(self.correct, self.n, self.interval)

    @property
    def calibration_error(self) -> float:
        """Expected calibration error, 0 to 1: mean difference between confidence and accuracy over 15 bins of equal width.

        Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks" (2017).
        """
        if not self.n:
            return float("nan")
        gaps = np.bincount(_bins(self.confidence), weights=self.confidence - self.is_correct, minlength=CALIBRATION_BINS)
        return float(np.abs(gaps).sum() / self.n)


def confusion_table(counts: np.ndarray) -> "pd.DataFrame":
    """Return a confusion matrix as a table.

    Args:
        counts: (10, 10) int. Rows are true digits, columns are predicted digits.

    Returns:
        One row for each cell: true, predicted, count, and share of the true digit (0 to 1).

    Example:
        >>> confusion_table(np.eye(10, dtype=int))["share"].max()
        np.float64(1.0)
    """
    import pandas as pd

    totals = np.maximum(counts.sum(1, keepdims=True), 1)
    true, predicted = np.meshgrid(DIGITS, DIGITS, indexing="ij")
    return pd.DataFrame(
        {"true": true.ravel(), "predicted": predicted.ravel(), "count": counts.ravel(), "share": (counts / totals).ravel()}
    )


def prediction_table(evaluation: Evaluation) -> "pd.DataFrame":
    """Return the predictions of a model as a table. Other programs can compute all metrics from the table.

    Args:
        evaluation: The evaluation.

    Returns:
        One row for each digit: digit (its position in the set, from 0), true, predicted, and the ten probabilities p0 to p9.

    Example:
        >>> table = prediction_table(Evaluation.from_probabilities([1, 2], np.eye(10)[[1, 1]]))
        >>> table[["true", "predicted", "p1"]].to_numpy().tolist()
        [[1.0, 1.0, 1.0], [2.0, 1.0, 1.0]]
    """
    import pandas as pd

    columns = {"digit": np.arange(evaluation.n), "true": evaluation.labels, "predicted": evaluation.predictions}
    return pd.DataFrame(columns | {f"p{digit}": evaluation.probabilities[:, digit] for digit in DIGITS})


def confused_pairs(evaluation: Evaluation, max_pairs: int = 5) -> "pd.DataFrame":
    """Return the pairs of digits that are confused most often.

    Args:
        evaluation: The evaluation.
        max_pairs: Maximum number of pairs.

    Returns:
        One row for each confused pair, the most frequent first: first, second (digits), count (in both directions),
        is_common (whether handwriting often makes this pair look similar).

    Example:
        >>> evaluation = Evaluation.from_probabilities([7, 9], np.eye(10)[[9, 7]])
        >>> confused_pairs(evaluation).to_dict("records")
        [{'first': 7, 'second': 9, 'count': 2, 'is_common': True}]
    """
    import pandas as pd

    counts = evaluation.confusion + evaluation.confusion.T
    rows = [(a, b, int(counts[a, b]), (a, b) in COMMONLY_CONFUSED) for a in DIGITS for b in DIGITS[a + 1 :] if counts[a, b]]
    rows.sort(key=lambda row: -row[2])
    return pd.DataFrame(rows[:max_pairs], columns=["first", "second", "count", "is_common"])


def digit_table(evaluation: Evaluation) -> "pd.DataFrame":
    """Return the accuracy and the precision of each digit.

    Args:
        evaluation: The evaluation.

    Returns:
        One row for each digit: digit, n, correct, accuracy with its 95 % interval (low, high), precision. All shares are from
        0 to 1. The accuracy is NaN if the digit does not occur. The precision is NaN if the digit is never predicted.

    Example:
        >>> table = digit_table(Evaluation.from_probabilities([1, 1, 2], np.eye(10)[[1, 2, 2]]))
        >>> table.loc[1, ["n", "correct", "accuracy", "precision"]].tolist()
        [2.0, 1.0, 0.5, 1.0]
    """
    import pandas as pd

    totals, predicted, correct = evaluation.confusion.sum(1), evaluation.confusion.sum(0), np.diag(evaluation.confusion)
    low, high = wilson_interval(correct, totals)
    with np.errstate(invalid="ignore"):
        accuracy, precision = correct / totals, correct / predicted
    return pd.DataFrame(
        {
            "digit": DIGITS,
            "n": totals,
            "correct": correct,
            "accuracy": accuracy,
            "low": low,
            "high": high,
            "precision": precision,
        }
    )


def reliability_table(evaluation: Evaluation, min_count: int = MIN_BIN_COUNT) -> "pd.DataFrame":
    """Return the accuracy in each confidence bin, for a reliability diagram.

    Args:
        evaluation: The evaluation.
        min_count: Minimum number of digits in a bin. A smaller bin is merged with the next higher bin. The last bin is merged
            with the bin before it.

    Returns:
        One row for each bin: confidence (mean), accuracy with its 95 % interval (low, high), count. All shares are from 0 to 1.

    Example:
        >>> table = reliability_table(Evaluation.from_probabilities([1, 2], np.eye(10)[[1, 2]]))
        >>> table[["confidence", "accuracy", "count"]].to_dict("records")
        [{'confidence': 1.0, 'accuracy': 1.0, 'count': 2}]
    """
    import pandas as pd

    rows = []
    for inside in _merged(_bins(evaluation.confidence), min_count):
        correct, n = int(evaluation.is_correct[inside].sum()), int(inside.sum())
        confidence = float(evaluation.confidence[inside].mean(dtype=np.float64))
        rows.append((confidence, correct / n, *wilson_interval(correct, n), n))
    return pd.DataFrame(rows, columns=["confidence", "accuracy", "low", "high", "count"])


def coverage_table(evaluation: Evaluation) -> "pd.DataFrame":
    """Return the coverage and the accuracy at each confidence threshold.

    Args:
        evaluation: The evaluation.

    Returns:
        One row for each threshold, with a coverage from 1 down to 0.5: threshold, coverage (share of the digits that reach
        the threshold), accuracy of these digits. All values are from 0 to 1.

    Example:
        >>> table = coverage_table(Evaluation.from_probabilities([1, 2], np.eye(10)[[1, 2]]))
        >>> table["coverage"].tolist()
        [1.0, 0.5]
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
    """Return the bin of each confidence, 0 to 14."""
    return np.asarray(np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1))


def _merged(bins: np.ndarray, min_count: int) -> list[np.ndarray]:
    """Return a mask, (N,) bool, for each bin of at least `min_count` digits, or a single mask if there are fewer digits."""
    masks: list[np.ndarray] = []
    for number in np.unique(bins):
        inside = bins == number
        if masks and masks[-1].sum() < min_count:
            masks[-1] = masks[-1] | inside
        else:
            masks.append(inside)
    if len(masks) > 1 and masks[-1].sum() < min_count:
        last = masks.pop()
        masks[-1] = masks[-1] | last
    return masks


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
