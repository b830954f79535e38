"""Two models on the same digits: which reads more, where, and whether that may be luck."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from digitcore.errors import SampleError
from digitcore.evaluation import Evaluation, digit_table

LUCK = 0.05  # of p: below it a difference is unlikely to be luck


@dataclass(frozen=True, eq=False)
class Pair:
    """Two evaluations of the same N digits.

    Attributes:
        first, second: of the two models, the same digits in the same order.

    Raises:
        SampleError: when the labels are not the same.
    """

    first: Evaluation
    second: Evaluation

    def __post_init__(self):
        if not np.array_equal(self.first.labels, self.second.labels):
            raise SampleError("Two models can only be compared on the same digits.")

    @property
    def fixed(self) -> np.ndarray:
        """Indices of the digits that only the second reads right."""
        return np.flatnonzero(~self.first.right & self.second.right)

    @property
    def broken(self) -> np.ndarray:
        """Indices of the digits that only the first reads right."""
        return np.flatnonzero(self.first.right & ~self.second.right)

    @property
    def still_wrong(self) -> np.ndarray:
        """Indices of the digits that neither reads right."""
        return np.flatnonzero(~self.first.right & ~self.second.right)

    @property
    def both_right(self) -> int:
        """How many digits both read right."""
        return int((self.first.right & self.second.right).sum())

    @property
    def more(self) -> int:
        """How many digits more the second reads; below 0 when it reads fewer."""
        return len(self.fixed) - len(self.broken)

    @property
    def p_value(self) -> float:
        """How often luck alone would part them at least so far (0 to 1): McNemar's exact test, two-sided.

        Source: Q. McNemar, "Note on the sampling error of the difference between correlated proportions" (1947).
        """
        from scipy.stats import binomtest

        differ = len(self.fixed) + len(self.broken)
        return float(binomtest(len(self.fixed), differ, 0.5).pvalue) if differ else 1.0

    def digit_table(self, names: tuple[str, str]) -> pd.DataFrame:
        """`evaluation.digit_table` of both, one row a digit and model, with the column model."""
        judged = zip(names, (self.first, self.second), strict=True)
        return pd.concat([digit_table(one).assign(model=name) for name, one in judged], ignore_index=True)

    def confusion_table(self) -> pd.DataFrame:
        """One row a cell: drawn, read, and change, the second model's count less the first's."""
        change = self.second.confusion - self.first.confusion
        drawn, read = np.meshgrid(range(10), range(10), indexing="ij")
        return pd.DataFrame({"drawn": drawn.ravel(), "read": read.ravel(), "change": change.ravel()})
