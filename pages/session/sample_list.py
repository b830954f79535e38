"""The user's samples, with undo."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from digitcore import sanitize
from digitcore.samples import FirstPrediction, SampleSet
from digitcore.storage.changes import LabChanges
from pages.session.session_part import SessionPart, synchronized

MAX_KEPT = 10_000  # labels


@dataclass(frozen=True)
class Contradiction:
    """A confident prediction that differs from a label: the digit and its probability, 0 to 1."""

    digit: int
    confidence: float


def kept_labels(preferences: dict[str, Any]) -> set[str]:
    """Read from stored preferences the content hashes of the samples whose labels the user has confirmed."""
    return set(sanitize.strings(preferences.get("kept_labels"))[:MAX_KEPT])


class SampleList(SessionPart):
    """The samples of a session.

    Attributes:
        current: The samples. The set is replaced, never changed in place.
        hold_out: Whether every fourth drawing of a digit is held out. The page's script writes it.
        last_label: The last label while it can be undone, else `None`.
        contradiction: The contradiction of the last label until the user answers, else `None`.
        reviewed: The samples when the user asked for a check of their labels, else `None`.
        kept: Content hashes of samples whose doubtful label the user has confirmed.
    """

    def __init__(self, lock: Any = None) -> None:
        super().__init__(lock)
        self.current = SampleSet()
        self.hold_out = True
        self.last_label: int | None = None
        self.contradiction: Contradiction | None = None
        self.reviewed: SampleSet | None = None
        self.kept: set[str] = set()
        self._before: SampleSet | None = None
        self._last_id = ""

    def __len__(self) -> int:
        return len(self.current)

    @property
    def n_drawings(self) -> int:
        """Number of samples that the user has drawn. Labelled MNIST examples are not counted."""
        return len(self.current) - int(self.current.is_example.sum())

    @property
    def can_undo(self) -> bool:
        """Whether the last change can be undone."""
        return self._before is not None

    def for_training(self) -> SampleSet:
        """Return the samples for the next training."""
        return self.current if self.hold_out else self.current.without_hold_out()

    @synchronized
    def add(
        self,
        digit: np.ndarray,
        label: int,
        strokes: str = "",
        date: str = "",
        contradiction: Contradiction | None = None,
        *,
        is_example: bool = False,
        first_prediction: FirstPrediction | None = None,
    ) -> None:
        """Append a sample."""
        self.current = self.current.add(digit, label, strokes, date, is_example=is_example, first_prediction=first_prediction)
        self.last_label, self.contradiction, self._before = label, contradiction, None
        self._last_id = self.current.ids[-1]

    @synchronized
    def remove_last(self) -> None:
        """Remove the sample that was labelled last in this session."""
        self.current = self.current.drop(self._find_last())
        self.forget_last()

    def last(self) -> SampleSet:
        """Return the sample that was labelled last in this session. The set is empty if there is none."""
        return self.current.take(self._find_last())

    def _find_last(self) -> list[int]:
        """Return the index of the last sample, which may stand before samples of another device."""
        return [self.current.ids.index(self._last_id)] if self._last_id in self.current.ids else []

    @synchronized
    def review(self, samples: SampleSet | None) -> None:
        """Choose the samples whose labels are checked by other models; `None` ends the check."""
        self.reviewed = samples

    @synchronized
    def accept_contradiction(self) -> None:
        """Relabel the last sample with the predicted digit."""
        if self.contradiction is not None:
            self.last_label = self.contradiction.digit
            self.current = self.current.relabel(self._find_last(), self.last_label)
            self.keep_label()

    @synchronized
    def update_contradiction(self, contradiction: Contradiction | None) -> None:
        """Replace the contradiction of the last label, or remove it with `None`, after the active model has changed."""
        self.contradiction = contradiction

    @synchronized
    def keep_label(self) -> None:
        """Keep the last label despite the contradiction. The label is not offered for a check again."""
        self.keep(self._find_last())
        self.contradiction = None

    @synchronized
    def keep(self, indices: Iterable[int]) -> None:
        """Confirm the labels of these samples."""
        every = self.current.identities()
        self.kept.update(every[i] for i in indices)

    def is_kept(self) -> np.ndarray:
        """Return a mask of the samples whose labels the user has confirmed, (N,) bool."""
        return np.array([one in self.kept for one in self.current.identities()], bool)

    def preferences(self) -> dict[str, Any]:
        """Return the values to store with the lab, without the samples."""
        return {"hold_out": self.hold_out, "kept_labels": sorted(self.kept)}

    @synchronized
    def restore(self, samples: SampleSet, preferences: dict[str, Any]) -> None:
        """Restore stored samples. Preferences of a wrong type are ignored."""
        self.current = samples
        self.hold_out = preferences.get("hold_out") is not False
        self.kept = kept_labels(preferences)

    @synchronized
    def prepend(self, samples: SampleSet, preferences: dict[str, Any]) -> None:
        """Insert the samples of a stored lab before the present samples, without duplicates."""
        self.current = samples.concatenate(self.current.difference(samples))
        self.kept = self.kept | kept_labels(preferences)
        self._before = None

    @synchronized
    def take_over(self, changes: LabChanges) -> None:
        """Take over the samples that another device has added, changed or removed. `undo` keeps them too."""
        gone = changes.removed.samples
        self.current = self.current.merge(changes.samples, gone)
        self._before = self._before.merge(changes.samples, gone) if self._before is not None else None
        if self._last_id in gone:
            self.forget_last()

    @synchronized
    def forget_last(self) -> None:
        """Make the last label final, so that it can no longer be undone."""
        self.last_label = self.contradiction = None

    @synchronized
    def replace(self, samples: SampleSet) -> None:
        """Replace the samples. `undo` restores them."""
        self._before, self.current = self.current, samples
        self.forget_last()

    @synchronized
    def undo(self) -> None:
        """Restore the samples before the last `replace`."""
        if self._before is not None:
            self.current, self._before = self._before, None
            self.forget_last()

    @synchronized
    def forget_undo(self) -> None:
        """Discard the samples that `undo` would restore."""
        self._before = None
