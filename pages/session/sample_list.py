"""The user's samples and what can be undone about them."""

from typing import Any

import numpy as np

from digitcore.samples import SampleSet
from pages.session.part import Part, synchronized


class SampleList(Part):
    """The samples of a session.

    Attributes:
        current: the samples; replaced, never changed in place.
        hold_out: whether every fourth drawing of a digit is kept out of training.
        last_label: just given, and can be undone; None when there is none.
    """

    def __init__(self, lock: Any = None) -> None:
        super().__init__(lock)
        self.current = SampleSet()
        self.hold_out = True
        self.last_label: int | None = None
        self._before: SampleSet | None = None

    def __len__(self) -> int:
        return len(self.current)

    @property
    def can_undo(self) -> bool:
        """Whether the last change can be undone."""
        return self._before is not None

    def for_training(self) -> SampleSet:
        """The samples as the next training takes them."""
        return self.current if self.hold_out else self.current.without_hold_out()

    @synchronized
    def add(self, digit: np.ndarray, label: int, strokes: str = "", date: str = "") -> None:
        """Append a sample."""
        self.current = self.current.add(digit, label, strokes, date)
        self.last_label, self._before = label, None

    @synchronized
    def remove_last(self) -> None:
        """Remove the newest sample."""
        self.current = self.current.drop_last()
        self.last_label = None

    @synchronized
    def replace(self, samples: SampleSet) -> None:
        """Other samples; this can be undone."""
        self._before, self.current, self.last_label = self.current, samples, None

    @synchronized
    def undo(self) -> None:
        """The samples before the last `replace`."""
        if self._before is not None:
            self.current, self._before, self.last_label = self._before, None, None

    @synchronized
    def forget_undo(self) -> None:
        """Drop what `undo` would restore."""
        self._before = None
