"""The drawing on the canvas, as the session keeps it."""

import base64
import binascii
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from digitcore import images
from digitcore.data import quality
from digitcore.data.quality import QualityIssue
from digitcore.data.strokes import CANVAS_SIDE, encode_strokes
from digitcore.errors import DigitLabError, UnreadableImageError
from pages.session.session_part import SessionPart, synchronized

MAX_PREVIEW = 100_000  # characters of a picture's data URL
BLACK, WHITE = "#000000", "#ffffff"
Fabric = dict[str, Any]  # the canvas's JSON


def decode_data_url(url: str) -> bytes:
    """The bytes of a base64 data URL.

    Raises:
        UnreadableImageError: If it is not a base64 data URL.
    """
    try:
        return base64.b64decode(url.split(";base64,", 1)[1])
    except (IndexError, binascii.Error) as error:
        raise UnreadableImageError from error


@dataclass(frozen=True, eq=False)
class Drawing:
    """What is on the canvas.

    Attributes:
        strokes: as Fabric.js writes them; None when nothing was drawn yet.
        digit: (28, 28) uint8; None when blank.
        issues: what makes it hard to classify.
        predictions: the prediction after each stroke, and its confidence.
        redo_stack: strokes that Undo has removed here instead of in the browser, the last one last.
        from_image: whether the digit came from an image; the first stroke replaces it.
        previous: what was there before Clear or an image, for Undo.
        following: what Undo has taken back, a Clear or an image, for Redo.
    """

    strokes: Fabric | None = None
    digit: np.ndarray | None = None
    issues: tuple[QualityIssue, ...] = ()
    predictions: tuple[tuple[int, float], ...] = ()
    redo_stack: tuple[Fabric, ...] = ()
    from_image: bool = False
    previous: "Drawing | None" = field(default=None, repr=False)
    following: "Drawing | None" = field(default=None, repr=False)

    @property
    def paths(self) -> list[Fabric]:
        """The strokes one by one."""
        return list((self.strokes or {}).get("objects", []))

    @property
    def n_strokes(self) -> int:
        """Number of strokes."""
        return len((self.strokes or {}).get("objects", []))

    @property
    def undo_target(self) -> "Drawing | None":
        """What Undo restores after this drawing is gone; one step, so that a long session stays small."""
        return replace(self, previous=None, following=None) if self.n_strokes or self.from_image else self.previous

    def recolor(self, ink: str, background: str) -> "Drawing":
        """The same drawing in other colors, and all that Undo and Redo may restore."""

        def inked(paths: Any) -> list[Fabric]:
            return [path | {"stroke": ink} for path in paths]

        strokes = self.strokes and self.strokes | {"objects": inked(self.paths), "background": background}
        previous = self.previous and self.previous.recolor(ink, background)
        following = self.following and self.following.recolor(ink, background)
        redo_stack = tuple(inked(self.redo_stack))
        return replace(self, strokes=strokes, redo_stack=redo_stack, previous=previous, following=following)


class CanvasState(SessionPart):
    """The canvas of a session, kept over page changes.

    A new revision is a new widget in the browser, which starts from `initial_drawing`. What is drawn later comes back from the
    widget and is never sent to the same revision again.

    Attributes:
        revision: number of the widget.
        initial_drawing: what the widget starts from.
        drawing: what is on it.
        awaiting_image: whether the digit is still that of other strokes, until the widget sends the new image.
        white_background: dark ink on white instead of white on black.
        preview: (28, 28) uint8, the digit while a stroke is under way; predicted, never stored. None when the pen is up.
        preview_number: of the last picture of a stroke under way, as its browser counts them.
        has_keys: whether the keys 0 to 9 label.
        notice: what to say below the canvas until something is drawn; "" for nothing.
        error: why the last image could not be read, in a sentence.
        reconnects: how often the browser has asked whether this session is still there.
        explained_digit: the digit that the Draw page explains.
    """

    def __init__(self, lock: Any = None, revision: int = 0) -> None:
        super().__init__(lock)
        self.revision = revision
        self.initial_drawing: Fabric | None = None
        self.drawing = Drawing()
        self.awaiting_image = False
        self.white_background = False
        self.preview: np.ndarray | None = None
        self.preview_number = 0
        self.has_keys = True
        self.notice = ""
        self.error = ""
        self.reconnects = 0
        self.explained_digit: np.ndarray | None = None
        self._last_image: str | None = None

    @property
    def key(self) -> str:
        """The widget's key."""
        return f"canvas_{self.revision}"

    @property
    def colors(self) -> tuple[str, str]:
        """Ink and background."""
        return (BLACK, WHITE) if self.white_background else (WHITE, BLACK)

    @property
    def digit(self) -> np.ndarray | None:
        """The digit that can be labelled; None while the canvas is blank or its image has not come."""
        return None if self.awaiting_image else self.drawing.digit

    @property
    def shown_digit(self) -> np.ndarray | None:
        """The digit to predict: that of the stroke under way, or of the drawing."""
        return self.drawing.digit if self.preview is None else self.preview

    def encoded_strokes(self) -> str:
        """The strokes as a sample holds them."""
        return encode_strokes(self.drawing.strokes, CANVAS_SIDE)

    @synchronized
    def sync_from_widget(self, key: str, value: Any) -> None:
        """Take over the newest image that the browser has sent; each is decoded once.

        Args:
            key: the key of the widget that has sent it; another revision's is ignored.
            value: the widget's.
        """
        sent = (value or {}).get("drawing") or {}
        image, strokes = sent.get("data"), sent.get("raw")
        if key != self.key or image is None or image == self._last_image:
            return
        drawing = replace(self.drawing, strokes=strokes)
        if self.drawing.from_image and not drawing.n_strokes:
            return
        self._last_image, self.awaiting_image, self.error, self.preview = image, False, "", None
        self.notice = ""
        is_longer = drawing.n_strokes > len((self.initial_drawing or {}).get("objects", []))
        try:
            ink = images.ink_strength(images.decode_canvas(decode_data_url(image)))
            digit = images.digit_from_ink(ink)
            issues = tuple(quality.find_issues(ink, digit)) if digit is not None else ()
        except DigitLabError as error:
            digit, issues, self.error = None, (), str(error)
        if is_longer:
            drawing = replace(drawing, redo_stack=(), following=None)
        self.drawing = replace(drawing, digit=digit, issues=issues, from_image=False)

    @synchronized
    def new_revision(self, drawing: Drawing | None = None) -> None:
        """Replace the widget: by a blank one, or by one that starts from a drawing."""
        self.revision += 1
        self.drawing = drawing or Drawing()
        self.initial_drawing = self.drawing.strokes
        self.awaiting_image = False
        self.preview, self.error = None, ""
        self._last_image = None

    @synchronized
    def set_preview(self, picture: Any) -> None:
        """Take a picture of a stroke under way; what is none, of another revision or of a stroke that has ended is ignored.

        Args:
            picture: `{"number", "revision", "n_strokes", "url"}`, as the browser sends it; `n_strokes` are finished.
        """
        if not isinstance(picture, dict):
            return
        number, url = picture.get("number"), picture.get("url")
        if not isinstance(number, int) or not isinstance(url, str):
            return
        self.preview_number = number
        is_current = (picture.get("revision"), picture.get("n_strokes")) == (self.revision, self.drawing.n_strokes)
        if not is_current or len(url) > MAX_PREVIEW:
            return
        with contextlib.suppress(DigitLabError):
            self.preview = images.digit_from_canvas(images.decode_canvas(decode_data_url(url)))

    @synchronized
    def remount(self) -> None:
        """Replace the widget by one with the same drawing."""
        kept = self.awaiting_image, self._last_image, self.error
        self.new_revision(self.drawing)
        self.awaiting_image, self._last_image, self.error = kept

    @synchronized
    def clear(self) -> None:
        """A blank canvas; Undo restores the drawing."""
        self.new_revision(Drawing(previous=self.drawing.undo_target))

    @synchronized
    def refuse_picture(self, sentence: str) -> None:
        """A blank canvas, so that nobody takes its old digit for that of a picture which could not be read, and why not."""
        self.clear()
        self.error = sentence

    @synchronized
    def undo(self) -> None:
        """Undo what the widget cannot: a stroke that it started from, or Clear. The widget is replaced in any case."""
        paths = self.drawing.paths
        if paths:
            removed = paths.pop()
            self._show_paths(paths, (*self.drawing.redo_stack, removed))
        elif self.drawing.previous:
            self.new_revision(replace(self.drawing.previous, following=self.drawing))
        else:
            self.remount()

    @synchronized
    def redo(self) -> None:
        """Do again what `undo` has taken back. The widget is replaced in any case."""
        if self.drawing.redo_stack:
            *rest, path = self.drawing.redo_stack
            self._show_paths([*self.drawing.paths, path], tuple(rest))
        elif self.drawing.following:
            self.new_revision(self.drawing.following)
        else:
            self.remount()

    def _show_paths(self, paths: list[Fabric], redo_stack: tuple[Fabric, ...]) -> None:
        """The new image comes from the browser; until then the old digit is shown."""
        strokes = (self.drawing.strokes or {}) | {"objects": paths}
        digit = self.drawing.digit if paths else None
        self.new_revision(replace(self.drawing, strokes=strokes, digit=digit, issues=(), redo_stack=redo_stack))
        self.awaiting_image = bool(paths)

    @synchronized
    def load_digit(self, digit: np.ndarray, issues: Sequence[QualityIssue] = ()) -> None:
        """Show a digit that came from an image, (28, 28) uint8, and what is to be said of it."""
        self.new_revision(Drawing(digit=digit, issues=tuple(issues), from_image=True, previous=self.drawing.undo_target))

    @synchronized
    def set_white_background(self, white: bool) -> None:
        """The same drawing in the other colors."""
        self.white_background = white
        self.new_revision(self.drawing.recolor(*self.colors))

    @synchronized
    def restore(self, preferences: dict[str, Any]) -> None:
        """Restore the stored preferences. Preferences of a wrong type are ignored."""
        self.white_background = preferences.get("white_background") is True

    @synchronized
    def set_notice(self, sentence: str) -> None:
        """Set the sentence that the page shows below the canvas until something is drawn."""
        self.notice = sentence

    @synchronized
    def explain(self, digit: np.ndarray) -> None:
        """Choose the digit, (28, 28) uint8, that the Draw page explains."""
        self.explained_digit = digit

    @synchronized
    def record_prediction(self, prediction: int, confidence: float) -> None:
        """Note the prediction after the newest stroke; those of strokes that Undo has removed are dropped."""
        kept = self.drawing.predictions[: max(0, self.drawing.n_strokes - 1)]
        self.drawing = replace(self.drawing, predictions=(*kept, (prediction, confidence)))

    @synchronized
    def on_reconnect(self) -> None:
        """The browser's connection was lost and is back: tell it that this session is still there."""
        self.reconnects += 1
