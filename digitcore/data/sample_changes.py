"""The differences between two sets of samples, such as a named version and the present set."""

from collections import Counter
from dataclasses import dataclass

from digitcore.samples import SampleSet
from digitcore.values import plural


@dataclass(frozen=True)
class SampleChanges:
    """The number of changed samples between two sets.

    Attributes:
        added: Number of samples that only the later set has.
        removed: Number of samples that only the earlier set has.
        relabelled: Number of samples that both sets have with different labels.

    Example:
        >>> str(SampleChanges(added=3, relabelled=1))
        '3 added, 1 relabelled'
        >>> str(SampleChanges())
        'no difference'
    """

    added: int = 0
    removed: int = 0
    relabelled: int = 0

    def __str__(self) -> str:
        names = ("added", "removed", "relabelled")
        return ", ".join(f"{n:,} {name}" for name in names if (n := getattr(self, name))) or "no difference"

    @property
    def n_changed(self) -> int:
        """Number of samples that differ."""
        return self.added + self.removed + self.relabelled


def compare(before: SampleSet, after: SampleSet) -> SampleChanges:
    """Count the samples that differ between two sets. Samples are the same if their digits have the same content.

    Args:
        before: The earlier set.
        after: The later set.

    Returns:
        The numbers of added, removed and relabelled samples.

    Example:
        >>> import numpy as np
        >>> single = SampleSet().add(np.zeros((28, 28), np.uint8), 7)
        >>> compare(single, single.relabel([0], 1).add(np.ones((28, 28), np.uint8), 1))
        SampleChanges(added=1, removed=0, relabelled=1)
    """
    old, new = (Counter(zip(one.digit_hashes, one.labels.tolist(), strict=True)) for one in (before, after))
    old, new = old - new, new - old  # Samples with the same digit and label are unchanged.
    old_digits, new_digits = (Counter(digit_hash for digit_hash, _ in one.elements()) for one in (old, new))
    relabelled = (old_digits & new_digits).total()
    return SampleChanges(new_digits.total() - relabelled, old_digits.total() - relabelled, relabelled)


def describe(samples: SampleSet) -> str:
    """Return the number of samples and of the held-out samples.

    Args:
        samples: The samples.

    Example:
        >>> describe(SampleSet())
        '0 drawings'
    """
    n_held_out = int(samples.held_out.sum())
    return f"{plural(len(samples), 'drawing')}{f', {n_held_out:,} held out' * bool(n_held_out)}"
