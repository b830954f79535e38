"""Accuracy on the drawings of each pupil, for models that did or did not learn from the pupil."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from digitcore.classroom.pupils import ClassDrawings
from digitcore.evaluation.score import Score


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions of the drawings of a class, −1 for drawings that are not predicted. No model predicts a drawing that it
    learnt from.

    Attributes:
        start: Digits that the initial model predicts, (N,) int.
        without: Digits that a model predicts that learnt from all other pupils, (N,) int.
        together: Digits that a model predicts that learnt from all pupils, but not from this drawing, (N,) int.

    Example:
        >>> Predictions(np.array([7]), np.array([1]), np.array([7])).without
        array([1])
    """

    start: np.ndarray
    without: np.ndarray
    together: np.ndarray


@dataclass(frozen=True)
class LeftOut:
    """A row of the table: a pupil, or several pupils who were left out together.

    Attributes:
        names: Names of the pupils.
        start: Score of the initial model on the drawings of the pupils.
        without: Score of the model that learnt from all other pupils.
        together: Score of the models that learnt from all pupils. A model does not learn from the drawings that it predicts.

    Example:
        >>> LeftOut(("Ada",), Score(8, 10), Score(9, 10), Score(10, 10)).gain
        0.1
    """

    names: tuple[str, ...]
    start: Score
    without: Score
    together: Score

    @property
    def gain(self) -> float:
        """The accuracy that the drawings of the pupils themselves add, −1 to 1."""
        return round(self.together.accuracy - self.without.accuracy, 12)


def table(drawings: ClassDrawings, predictions: Predictions) -> list[LeftOut]:
    """Return a row for each pupil who was left out.

    Args:
        drawings: The drawings of the class.
        predictions: Predictions of the drawings in the same order.

    Returns:
        The rows. The pupil with the lowest accuracy of the model without the pupil is first.

    Example:
        >>> from digitcore.classroom.pupils import Pupil
        >>> from digitcore.samples import SampleSet
        >>> two = SampleSet.from_arrays(np.zeros((2, 28, 28), np.uint8), [3, 7])
        >>> drawings = ClassDrawings((Pupil("a", "Ada", two), Pupil("b", "Bo", two)))
        >>> guesses = Predictions(np.array([3, 3, 3, 7]), np.array([3, 1, -1, -1]), np.array([3, 7, 3, 7]))
        >>> [(row.names, row.without.correct, row.gain) for row in table(drawings, guesses)]
        [(('Ada',), 1, 0.5)]
    """
    rows = [_row(drawings, predictions, (number,)) for number in _left_out(drawings, predictions)]
    return sorted(rows, key=lambda row: (row.without.accuracy, row.names))


def total(drawings: ClassDrawings, predictions: Predictions) -> LeftOut:
    """Return the row of all pupils who were left out.

    Args:
        drawings: The drawings of the class.
        predictions: Predictions of the drawings in the same order.

    Returns:
        The row.

    Example:
        >>> from digitcore.classroom.pupils import Pupil
        >>> from digitcore.samples import SampleSet
        >>> two = SampleSet.from_arrays(np.zeros((2, 28, 28), np.uint8), [3, 7])
        >>> guesses = Predictions(np.array([3, 3]), np.array([3, 1]), np.array([3, 7]))
        >>> total(ClassDrawings((Pupil("a", "Ada", two),)), guesses).together.correct
        2
    """
    return _row(drawings, predictions, _left_out(drawings, predictions))


def _left_out(drawings: ClassDrawings, predictions: Predictions) -> list[int]:
    """Return the numbers of the pupils who were left out of a training."""
    return [int(number) for number in np.unique(drawings.owners[predictions.without >= 0])]


def _row(drawings: ClassDrawings, predictions: Predictions, numbers: Sequence[int]) -> LeftOut:
    is_own = np.isin(drawings.owners, numbers)
    labels = drawings.samples.labels[is_own]
    scores = (
        Score.from_counts(int((found[is_own] == labels).sum()), len(labels))
        for found in (predictions.start, predictions.without, predictions.together)
    )
    return LeftOut(tuple(drawings.pupils[number].nickname for number in numbers), *scores)
