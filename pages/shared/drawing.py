"""The drawing on the canvas as the session keeps it: plain data."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from digitcore.diagnosis import Remark


@dataclass
class Canvas:
    """The drawing on the canvas, kept over page changes.

    A canvas of a new number starts from `start`; what is drawn later comes back in `strokes`, which is never fed to the
    same canvas. A picture that was brought instead of drawn is `given`; the first stroke takes its place.
    """

    number: int = 0
    start: dict[str, Any] | None = None
    strokes: dict[str, Any] | None = None
    picture: str | None = None  # the last PNG that was read, to read it once
    digit: np.ndarray | None = None  # (28, 28) uint8; None when blank
    given: bool = False
    unread: bool = False  # whether the digit is still that of other strokes
    remarks: list[Remark] = field(default_factory=list)
    trail: list[tuple[int, float]] = field(default_factory=list)  # the guess after each stroke, and how sure
    undone: list[dict[str, Any]] = field(default_factory=list)  # strokes that were taken from `start`, the last one last
    cleared: "Canvas | None" = None  # what Clear wiped out

    @property
    def key(self) -> str:
        return f"canvas_{self.number}"

    @property
    def drawn(self) -> int:
        """How many strokes there are."""
        return len((self.strokes or {}).get("objects", []))

    def next(self, drawn: "Canvas | None" = None) -> "Canvas":
        """A new canvas: blank, or with what was drawn on another."""
        if drawn is None:
            return Canvas(self.number + 1)
        return replace(drawn, number=self.number + 1, start=drawn.strokes)

    def recoloured(self, ink: str, paper: str) -> "Canvas":
        """The same drawing in other colours, and all that Undo and Redo may bring back."""

        def inked(strokes):
            return [one | {"stroke": ink} for one in strokes]

        strokes = self.strokes and self.strokes | {"objects": inked(self.strokes.get("objects", [])), "background": paper}
        cleared = self.cleared and self.cleared.recoloured(ink, paper)
        return replace(self, strokes=strokes, undone=inked(self.undone), cleared=cleared)

    def undo(self) -> "Canvas":
        """What the canvas in the browser cannot take back: a stroke that it came up with, or Clear."""
        strokes = list((self.strokes or {}).get("objects", []))
        if strokes:
            undone = [*self.undone, strokes.pop()]
            return replace(self.next(self._with(strokes)), undone=undone)
        return self.next(self.cleared) if self.cleared else self

    def redo(self) -> "Canvas":
        """The last stroke that `undo` took, again."""
        if not self.undone:
            return self
        strokes = [*(self.strokes or {}).get("objects", []), self.undone[-1]]
        return replace(self.next(self._with(strokes)), undone=self.undone[:-1])

    def _with(self, strokes):
        """The new picture comes from the browser; until then the old digit is shown."""
        found = (self.strokes or {}) | {"objects": strokes}
        return replace(self, strokes=found, digit=self.digit if strokes else None, unread=bool(strokes), remarks=[])

    def holding(self, digit: np.ndarray) -> "Canvas":
        """A new, blank canvas beside a picture that was brought."""
        return Canvas(self.number + 1, digit=digit, given=True, cleared=self.worth_undoing)

    @property
    def worth_undoing(self) -> "Canvas | None":
        """What Undo brings back after this is gone; one step, so that a long session stays small."""
        return replace(self, picture=None, cleared=None) if self.drawn or self.given else self.cleared

    def guessed(self, guess: int, sure: float) -> None:
        """Note what was guessed after the newest stroke; what Undo took back is forgotten."""
        self.trail = [*self.trail[: max(0, self.drawn - 1)], (guess, sure)]
