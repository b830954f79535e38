"""Comparison of two models on the same digits, with a significance test."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digitcore.errors import SampleError
from digitcore.evaluation.metrics import DIGITS, Evaluation, digit_table
from digitcore.evaluation.score import COLLAPSE
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.values import percent

if TYPE_CHECKING:
    import pandas as pd

SIGNIFICANCE_LEVEL = 0.05


@dataclass(frozen=True, eq=False, repr=False)
class PairedComparison:
    """A comparison of two evaluations of the same digits in the same order.

    Attributes:
        baseline: Evaluation of the first model.
        candidate: Evaluation of the second model.

    Raises:
        SampleError: If the labels of the evaluations differ.

    Example:
        >>> labels = [1, 2, 3, 4]
        >>> first = Evaluation.from_probabilities(labels, np.eye(10)[[1, 1, 1, 1]])
        >>> second = Evaluation.from_probabilities(labels, np.eye(10)[[1, 2, 3, 3]])
        >>> PairedComparison(first, second)
        PairedComparison(n=4, baseline_correct=1, candidate_correct=3, fixed=2, broken=0, p_value=0.5000)
    """

    baseline: Evaluation
    candidate: Evaluation

    def __repr__(self) -> str:
        return (
            f"PairedComparison(n={self.baseline.n}, baseline_correct={self.baseline.correct}, "
            f"candidate_correct={self.candidate.correct}, fixed={len(self.fixed)}, broken={len(self.broken)}, "
            f"p_value={self.p_value:.4f})"
        )

    def __post_init__(self) -> None:
        if not np.array_equal(self.baseline.labels, self.candidate.labels):
            raise SampleError("The two evaluations have different labels. Evaluate both models on the same digits.")

    @property
    def fixed(self) -> np.ndarray:
        """Indices (int64) of the digits that only the candidate predicts correctly."""
        return np.flatnonzero(~self.baseline.is_correct & self.candidate.is_correct)

    @property
    def broken(self) -> np.ndarray:
        """Indices (int64) of the digits that only the baseline predicts correctly."""
        return np.flatnonzero(self.baseline.is_correct & ~self.candidate.is_correct)

    @property
    def wrong_in_both(self) -> np.ndarray:
        """Indices (int64) of the digits that neither model predicts correctly."""
        return np.flatnonzero(~self.baseline.is_correct & ~self.candidate.is_correct)

    @property
    def correct_in_both(self) -> np.ndarray:
        """Indices (int64) of the digits that both models predict correctly."""
        return np.flatnonzero(self.baseline.is_correct & self.candidate.is_correct)

    @property
    def net_gain(self) -> int:
        """Number of correct predictions of the candidate minus the number of the baseline."""
        return len(self.fixed) - len(self.broken)

    @property
    def has_collapsed(self) -> bool:
        """Whether the candidate is clearly worse than the baseline, with many additional errors (`score.COLLAPSE`)."""
        return self.is_significant and self.net_gain < -COLLAPSE * self.baseline.n

    @property
    def p_value(self) -> float:
        """Two-sided p value of McNemar's exact test, 0 to 1.

        Source: Q. McNemar, "Note on the sampling error of the difference between correlated proportions" (1947).
        """
        from scipy.stats import binomtest

        discordant = len(self.fixed) + len(self.broken)
        return float(binomtest(len(self.fixed), discordant, 0.5).pvalue) if discordant else 1.0

    @property
    def is_significant(self) -> bool:
        """Whether the p value is below `SIGNIFICANCE_LEVEL`."""
        return self.p_value < SIGNIFICANCE_LEVEL

    def digit_table(self, names: tuple[str, str]) -> "pd.DataFrame":
        """Return the accuracy and the precision of each digit for both models.

        Args:
            names: Names of the baseline and the candidate.

        Returns:
            One row for each digit and model. The columns are `model` (the name) and the columns of `metrics.digit_table`.

        Example:
            >>> same = Evaluation.from_probabilities([1, 2], np.eye(10)[[1, 2]])
            >>> len(PairedComparison(same, same).digit_table(("a", "b")))
            20
        """
        import pandas as pd

        evaluations = zip(names, (self.baseline, self.candidate), strict=True)
        return pd.concat([digit_table(evaluation).assign(model=name) for name, evaluation in evaluations], ignore_index=True)

    def confusion_table(self) -> "pd.DataFrame":
        """Return the difference of the two confusion matrices as a table.

        Returns:
            One row for each cell: true, predicted, change (the candidate's count minus the baseline's count), and improvement
            (the change of a correct cell, or minus the change of an incorrect cell).

        Example:
            >>> same = Evaluation.from_probabilities([1, 2], np.eye(10)[[1, 2]])
            >>> int(PairedComparison(same, same).confusion_table()["change"].abs().sum())
            0
        """
        import pandas as pd

        change = self.candidate.confusion - self.baseline.confusion
        true, predicted = np.meshgrid(DIGITS, DIGITS, indexing="ij")
        improvement = np.where(true == predicted, change, -change)
        columns = {"true": true, "predicted": predicted, "change": change, "improvement": improvement}
        return pd.DataFrame({name: values.ravel() for name, values in columns.items()})


def better_model(first: ModelBundle, second: ModelBundle, samples: SampleSet) -> tuple[ModelBundle, str]:
    """Return the model with more correct predictions on the user's samples. The MNIST accuracy decides a tie.

    Args:
        first: The first model.
        second: The second model. It is returned if both numbers are equal.
        samples: The user's samples.

    Returns:
        The better model, and a sentence with the compared numbers.

    Example:
        >>> from digitcore import models
        >>> samples = SampleSet.from_arrays(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8))
        >>> better_model(models.load("mlp"), models.load("genius"), samples)[0].name
        'genius'
    """
    correct = [count_correct(bundle, samples) for bundle in (first, second)]
    if correct[0] != correct[1]:
        winner = first if correct[0] > correct[1] else second
        return winner, f"“{winner.name}”: {max(correct)} of {len(samples)} drawings are correct (other model: {min(correct)})."
    accuracies = [bundle.card.metrics.get("mnist_accuracy", 0.0) for bundle in (first, second)]
    winner = first if accuracies[0] > accuracies[1] else second
    return winner, f"“{winner.name}”: {percent(max(accuracies), 2)} on MNIST (other model: {percent(min(accuracies), 2)})."


def count_correct(bundle: ModelBundle, samples: SampleSet) -> int:
    """Count the samples that a model predicts correctly.

    Args:
        bundle: The model.
        samples: The samples. The set can be empty.

    Returns:
        The number of correct predictions.

    Example:
        >>> from digitcore import models
        >>> samples = SampleSet.from_arrays(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8))
        >>> count_correct(models.load("mlp"), samples)
        0
    """
    return int((bundle.predictor().probabilities(samples.digits).argmax(1) == samples.labels).sum())
