"""A number of correct predictions, and the uncertainty of the accuracy."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

K = TypeVar("K", bound=Hashable)
N = TypeVar("N", float, np.ndarray)
COLLAPSE = 0.1  # share of the samples; a model with this many additional errors is called much worse
Z_95 = 1.959963984540054  # 97.5 % quantile of the normal distribution


@dataclass(frozen=True)
class Score:
    """A number of correct predictions among n samples.

    Attributes:
        correct: Number of correct predictions.
        n: Number of samples.
        interval: 95 % interval of the accuracy, 0 to 1.

    Example:
        >>> Score(3, 4).accuracy
        0.75
    """

    correct: int
    n: int
    interval: tuple[float, float] = (0.0, 1.0)

    @classmethod
    def from_counts(cls, correct: int, n: int) -> "Score":
        """Return a score with its Wilson interval.

        Args:
            correct: Number of correct predictions.
            n: Number of samples.

        Returns:
            The score.

        Example:
            >>> Score.from_counts(0, 0)
            Score(correct=0, n=0, interval=(0.0, 1.0))
        """
        return cls(correct, n, wilson_interval(correct, n))

    @classmethod
    def from_json(cls, values: Any) -> "Score | None":
        """Read a score from untrusted JSON values.

        Args:
            values: A dictionary of the attributes.

        Returns:
            The score, or None if a value is malformed. An interval that is not within 0 to 1 is computed again.

        Example:
            >>> Score.from_json({"correct": 3, "n": 4, "interval": [0.3, 0.95]})
            Score(correct=3, n=4, interval=(0.3, 0.95))
            >>> Score.from_json({"correct": 5, "n": 4, "interval": [0, 1]}) is None
            True
        """
        try:
            correct, n = int(values["correct"]), int(values["n"])
            low, high = map(float, values["interval"])
        except (KeyError, TypeError, ValueError, OverflowError):
            return None
        if not 0 <= correct <= n:
            return None
        return cls(correct, n, (low, high)) if 0 <= low <= high <= 1 else cls.from_counts(correct, n)

    @property
    def accuracy(self) -> float:
        """Share of correct predictions, 0 to 1. It is 0 if `n` is 0."""
        return self.correct / self.n if self.n else 0.0


def has_collapsed(before: Score, after: Score) -> bool:
    """Check whether an accuracy is more than 10 percentage points lower than another, and the two intervals do not overlap.

    Args:
        before: The score to compare with.
        after: The score that may have collapsed.

    Example:
        >>> has_collapsed(Score.from_counts(997, 1000), Score.from_counts(103, 1000))
        True
        >>> has_collapsed(Score.from_counts(4, 4), Score.from_counts(2, 4))
        False
    """
    return after.accuracy < before.accuracy - COLLAPSE and after.interval[1] < before.interval[0]


def correct_p_values(p_values: Mapping[K, float | None]) -> dict[K, float]:
    """Correct the p values of several tests with Holm's method.

    Args:
        p_values: The p value of each test, 0 to 1. A test with the value None was not possible.

    Returns:
        The corrected p values of the possible tests, 0 to 1.

    Example:
        >>> correct_p_values({"first": 0.03, "second": 0.01, "third": None})
        {'second': 0.02, 'first': 0.03}

    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979).
    """
    tested = sorted(((p_value, name) for name, p_value in p_values.items() if p_value is not None), key=lambda item: item[0])
    corrected, floor = {}, 0.0
    for number, (p_value, name) in enumerate(tested):
        floor = max(floor, min(1.0, (len(tested) - number) * p_value))
        corrected[name] = floor
    return corrected


def wilson_interval(correct: N, n: N) -> tuple[N, N]:
    """Compute the 95 % Wilson interval of a share, or of each share of an array.

    The formula needs no SciPy, because the server computes intervals and must stay small.

    Args:
        correct: Number of successes, 0 to `n`, or an array, (N,).
        n: Number of trials, or an array, (N,).

    Returns:
        The lower and the upper bound, 0 to 1. They are two numbers, or two arrays, (N,) float64. They are 0 and 1 if `n` is 0.

    Example:
        >>> [round(bound, 3) for bound in wilson_interval(9, 10)]
        [0.596, 0.982]
        >>> wilson_interval(np.array([9, 0]), np.array([10, 0]))[1].round(3)
        array([0.982, 1.   ])

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    trials = np.maximum(n, 1)
    share, weight = np.asarray(correct) / trials, Z_95**2 / trials
    center = (share + weight / 2) / (1 + weight)
    radius = Z_95 / (1 + weight) * np.sqrt(share * (1 - share) / trials + weight / (4 * trials))
    low = np.where(n, np.clip(center - radius, 0, share), 0.0)  # The bounds of 0 % and 100 % have no rounding errors.
    high = np.where(n, np.clip(center + radius, share, 1), 1.0)
    bounds: tuple[Any, Any] = (low, high) if low.ndim else (float(low), float(high))
    return bounds
