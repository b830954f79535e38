"""Overview of a class for its teacher: a tile for each pupil, missing digits, and the newest drawings of a digit."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from digitcore.classroom.pupils import ClassDrawings, Pupil
from digitcore.evaluation.score import Score


@dataclass(frozen=True, eq=False)
class Tile:
    """A summary of a pupil.

    Attributes:
        pupil: The pupil with the drawings that count.
        read: Score of a model on the drawings that it has not learnt from.

    Example:
        >>> Tile(Pupil("a", "Ada"), Score(0, 0)).last is None
        True
    """

    pupil: Pupil
    read: Score

    @property
    def n(self) -> int:
        """Number of drawings."""
        return len(self.pupil.samples)

    @property
    def last(self) -> np.ndarray | None:
        """The last drawing, (28, 28) uint8, or `None`."""
        return self.pupil.samples.digits[-1] if self.n else None


def tiles(drawings: ClassDrawings, predictions: np.ndarray, learnt: Collection[str] = ()) -> list[Tile]:
    """Return a tile for each pupil.

    Args:
        drawings: The drawings of the class.
        predictions: Predicted digit of each drawing of the union, (N,) int.
        learnt: Content hashes of the drawings that the model has learnt from.

    Returns:
        The tiles in the order of the pupils.

    Example:
        >>> from digitcore.samples import SampleSet
        >>> pupil = Pupil("a", "Ada", SampleSet.from_arrays(np.zeros((2, 28, 28), np.uint8), [3, 7]))
        >>> tiles(ClassDrawings((pupil,)), np.array([3, 1]))[0].read.accuracy
        0.5
    """
    is_unseen = ~drawings.samples.is_learnt(learnt) if learnt else np.ones(len(predictions), bool)
    is_correct = predictions == drawings.samples.labels
    found = []
    for number, pupil in enumerate(drawings.pupils):
        is_own = is_unseen & (drawings.owners == number)
        found.append(Tile(pupil, Score.from_counts(int(is_correct[is_own].sum()), int(is_own.sum()))))
    return found


def missing(drawings: ClassDrawings, digits: Sequence[int]) -> list[int]:
    """Return the digits that nobody has drawn.

    Args:
        drawings: The drawings of the class.
        digits: The digits of the class.

    Returns:
        The missing digits.

    Example:
        >>> missing(ClassDrawings(), (1, 7))
        [1, 7]
    """
    counts = drawings.samples.counts()
    return [digit for digit in digits if not counts[digit]]


def wall(drawings: ClassDrawings, digit: int, n: int) -> np.ndarray:
    """Return the newest drawings of a digit, in turn from each pupil.

    Args:
        drawings: The drawings of the class.
        digit: The digit.
        n: Most drawings.

    Returns:
        (M, 28, 28) uint8, M ≤ n.

    Example:
        >>> wall(ClassDrawings(), 7, 10).shape
        (0, 28, 28)
    """
    indices = np.flatnonzero(drawings.samples.labels == digit)[::-1]
    owners = drawings.owners[indices]
    turns = np.array([np.count_nonzero(owners[:i] == owner) for i, owner in enumerate(owners)], int)
    return drawings.samples.digits[indices[np.argsort(turns, kind="stable")[:n]]]
