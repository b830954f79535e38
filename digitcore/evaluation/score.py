"""A count of correct predictions and the uncertainty of its share."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Score:
    """Correct predictions among n, and the 95 % interval of their share (0 to 1)."""

    correct: int
    n: int
    interval: tuple[float, float] = (0.0, 1.0)

    @classmethod
    def from_counts(cls, correct: int, n: int) -> "Score":
        """A score with its Wilson interval."""
        return cls(correct, n, wilson_interval(correct, n))

    @classmethod
    def from_json(cls, values: Any) -> "Score | None":
        """Read a stored score. A malformed interval is computed again; malformed counts give `None`."""
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
        """0 to 1; 0 when n is 0."""
        return self.correct / self.n if self.n else 0.0


def wilson_interval(correct: int, n: int) -> tuple[float, float]:
    """95 % interval of a share: (low, high), 0 to 1; (0, 1) when n is 0.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    from scipy.stats import binomtest

    if not n:
        return 0.0, 1.0
    interval = binomtest(correct, n).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)
