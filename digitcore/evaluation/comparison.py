"""Comparison of two models on the same digits, and whether their difference is significant."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digitcore.errors import SampleError
from digitcore.evaluation.metrics import DIGITS, Evaluation, digit_table
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet

if TYPE_CHECKING:
    import pandas as pd

SIGNIFICANCE_LEVEL = 0.05


@dataclass(frozen=True, eq=False)
class PairedComparison:
    """Two evaluations of the same N digits, in the same order.

    Attributes:
        baseline, candidate: of the two models.

    Raises:
        SampleError: when the labels are not the same.
    """

    baseline: Evaluation
    candidate: Evaluation

    def __post_init__(self) -> None:
        if not np.array_equal(self.baseline.labels, self.candidate.labels):
            raise SampleError("Two models can only be compared on the same digits.")

    @property
    def fixed(self) -> np.ndarray:
        """Indices of the digits that only the candidate predicts correctly."""
        return np.flatnonzero(~self.baseline.is_correct & self.candidate.is_correct)

    @property
    def broken(self) -> np.ndarray:
        """Indices of the digits that only the baseline predicts correctly."""
        return np.flatnonzero(self.baseline.is_correct & ~self.candidate.is_correct)

    @property
    def wrong_in_both(self) -> np.ndarray:
        """Indices of the digits that neither predicts correctly."""
        return np.flatnonzero(~self.baseline.is_correct & ~self.candidate.is_correct)

    @property
    def correct_in_both(self) -> np.ndarray:
        """Indices of the digits that both predict correctly."""
        return np.flatnonzero(self.baseline.is_correct & self.candidate.is_correct)

    @property
    def net_gain(self) -> int:
        """Correct predictions of the candidate less those of the baseline."""
        return len(self.fixed) - len(self.broken)

    @property
    def p_value(self) -> float:
        """Two-sided p-value of McNemar's exact test, 0 to 1.

        Source: Q. McNemar, "Note on the sampling error of the difference between correlated proportions" (1947).
        """
        from scipy.stats import binomtest

        discordant = len(self.fixed) + len(self.broken)
        return float(binomtest(len(self.fixed), discordant, 0.5).pvalue) if discordant else 1.0

    @property
    def is_significant(self) -> bool:
        """Whether the p-value is below `SIGNIFICANCE_LEVEL`."""
        return self.p_value < SIGNIFICANCE_LEVEL

    def digit_table(self, names: tuple[str, str]) -> "pd.DataFrame":
        """`metrics.digit_table` of both, one row a digit and model, with the column model."""
        import pandas as pd

        evaluations = zip(names, (self.baseline, self.candidate), strict=True)
        return pd.concat([digit_table(evaluation).assign(model=name) for name, evaluation in evaluations], ignore_index=True)

    def confusion_table(self) -> "pd.DataFrame":
        """One row a cell: true, predicted, and change, the candidate's count less the baseline's."""
        import pandas as pd

        change = self.candidate.confusion - self.baseline.confusion
        true, predicted = np.meshgrid(DIGITS, DIGITS, indexing="ij")
        return pd.DataFrame({"true": true.ravel(), "predicted": predicted.ravel(), "change": change.ravel()})


def better_model(first: ModelBundle, second: ModelBundle, samples: SampleSet) -> tuple[ModelBundle, str]:
    """The model with more correct predictions on the user's samples; on a tie, on MNIST's test digits.

    Returns:
        The better one, and the counts that decided, in one sentence.
    """
    correct = [count_correct(bundle, samples) for bundle in (first, second)]
    if correct[0] != correct[1]:
        winner = first if correct[0] > correct[1] else second
        return winner, f"“{winner.name}”: it reads {max(correct)} of your {len(samples)} drawings, the other {min(correct)}."
    accuracies = [bundle.card.metrics.get("mnist_accuracy", 0.0) for bundle in (first, second)]
    winner = first if accuracies[0] > accuracies[1] else second
    return winner, f"“{winner.name}”: {max(accuracies):.2%} of MNIST's test digits, the other {min(accuracies):.2%}."


def count_correct(bundle: ModelBundle, samples: SampleSet) -> int:
    """Number of samples that a model predicts correctly."""
    return int((bundle.predictor().probabilities(samples.digits).argmax(1) == samples.labels).sum())
