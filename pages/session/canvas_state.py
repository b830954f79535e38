"""The drawing on the canvas, and its undo history."""

import base64
import binascii
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

BLACK, WHITE = "#000000", "#ffffff"
N_KEYS = 16  # of the canvas; an image that arrives late belongs to one of the last revisions, which have other keys
Fabric = dict[str, Any]  # JSON of the canvas, which is written by Fabric.js


def decode_data_url(url: str) -> bytes:
    """Return the bytes of a base64 data URL.

    Raises:
        UnreadableImageError: If `url` is not a base64 data URL.
    """
    try:
        return base64.b64decode(url.split(";base64,", 1)[1])
    except (IndexError, binascii.Error) as error:
        raise UnreadableImageError from error


@dataclass(frozen=True, eq=False)
class Drawing:
    """The content of the canvas.

    Attributes:
        strokes: Strokes in the format of Fabric.js; `None` if nothing was drawn yet.
        digit: (28, 28) uint8; `None` if the canvas is blank.
        issues: Properties that make the drawing hard to classify.
        predictions: Prediction and confidence after each stroke.
        redo_stack: Strokes that Undo has removed on the server, newest last.
        from_image: Whether the digit comes from an image. The first stroke replaces it.
        is_example: Whether the digit is an MNIST digit instead of a drawing.
        previous: The content before Clear or an image, for Undo.
        following: The content that Undo has replaced, for Redo.
    """

    strokes: Fabric | None = None
    digit: np.ndarray | None = None
    issues: tuple[QualityIssue, ...] = ()
    predictions: tuple[tuple[int, float], ...] = ()
    redo_stack: tuple[Fabric, ...] = ()
    from_image: bool = False
    is_example: bool = False
    previous: "Drawing | None" = field(default=None, repr=False)
    following: "Drawing | None" = field(default=None, repr=False)

    @property
    def paths(self) -> list[Fabric]:
        """The strokes as a list."""
        return list((self.strokes or {}).get("objects", []))

    @property
    def n_strokes(self) -> int:
        """Number of strokes."""
        return len((self.strokes or {}).get("objects", []))

    @property
    def undo_target(self) -> "Drawing | None":
        """The content that Undo restores after Clear. Only one step is kept, so that a long session stays small."""
        return replace(self, previous=None, following=None) if self.n_strokes or self.from_image else self.previous

    def recolor(self, ink: str, background: str) -> "Drawing":
        """Return the drawing in other colors, including its undo history."""

        def inked(paths: Any) -> list[Fabric]:
            return [path | {"stroke": ink} for path in paths]

        strokes = self.strokes and self.strokes | {"objects": inked(self.paths), "background": background}
        previous = self.previous and self.previous.recolor(ink, background)
        following = self.following and self.following.recolor(ink, background)
        redo_stack = tuple(inked(self.redo_stack))
        return replace(self, strokes=strokes, redo_stack=redo_stack, previous=previous, following=following)


class CanvasState(SessionPart):
    """The canvas of a session, which is kept when the page changes.

    A new revision is a new widget in the browser that starts from `initial_drawing`. Later strokes come from the widget and are
    never sent back to the same revision.

    Attributes:
        revision: Number of the widget.
        shown_revision: Number of the widget that a page showed last. The page writes it.
        version: Number of changes of the content of the canvas.
        initial_drawing: The strokes with which the widget starts.
        drawing: The content of the canvas.
        awaiting_image: Whether the digit does not show the present strokes yet, because the widget has not sent their image.
        white_background: Whether the canvas has dark ink on white instead of white ink on black.
        has_keys: Whether the keys 0 to 9 label the drawing. The page's script writes it.
        notice: Sentence below the canvas until something is drawn; "" if there is none.
        error: The reason why the last image could not be read, in a sentence.
        refusal: The reason why the drawing could not be labelled, in a sentence, until the drawing changes; "" if there is none.
        reconnects: Number of times that the browser has asked whether this session still exists.
        explained_digit: The digit that the Draw page explains, or `None`.
    """

    def __init__(self, lock: Any = None, revision: int = 0) -> None:
        super().__init__(lock)
        self.revision = self.shown_revision = revision
        self.version = 0
        self.initial_drawing: Fabric | None = None
        self.drawing = Drawing()
        self.awaiting_image = False
        self.white_background = False
        self.has_keys = True
        self.notice = ""
        self.error = self.refusal = ""
        self.reconnects = 0
        self.explained_digit: np.ndarray | None = None
        self._last_image: str | None = None

    @property
    def key(self) -> str:
        """Key of the widget. Keys of earlier revisions are used again, because Streamlit keeps metadata for every key."""
        return f"canvas_{self.revision % N_KEYS}"

    @property
    def colors(self) -> tuple[str, str]:
        """Colors of ink and background."""
        return (BLACK, WHITE) if self.white_background else (WHITE, BLACK)

    @property
    def digit(self) -> np.ndarray | None:
        """The digit that can be labelled; `None` if the canvas is blank or its image has not arrived."""
        return None if self.awaiting_image else self.drawing.digit

    def encoded_strokes(self) -> str:
        """Return the strokes in the format of a sample."""
        return encode_strokes(self.drawing.strokes, CANVAS_SIDE)

    @synchronized
    def sync_from_widget(self, key: str, value: Any) -> None:
        """Store the newest image from the browser. Each image is decoded once.

        Args:
            key: Key of the widget that has sent the image. Images of other revisions are ignored.
            value: Value of the widget.
        """
        sent = (value or {}).get("drawing") or {}
        image, strokes = sent.get("data"), sent.get("raw")
        if key != self.key or image is None or image == self._last_image:
            return
        drawing = replace(self.drawing, strokes=strokes)
        if self.drawing.from_image and not drawing.n_strokes:
            return
        self._last_image, self.awaiting_image, self.error = image, False, ""
        self.version += 1
        self.notice = self.refusal = ""
        is_longer = drawing.n_strokes > len((self.initial_drawing or {}).get("objects", []))
        try:
            ink = images.ink_strength(images.decode_canvas(decode_data_url(image)))
            digit = images.digit_from_ink(ink)
            issues = tuple(quality.find_issues(ink, digit)) if digit is not None else ()
        except DigitLabError as error:
            digit, issues, self.error = None, (), str(error)
        if is_longer:
            drawing = replace(drawing, redo_stack=(), following=None)
        self.drawing = replace(drawing, digit=digit, issues=issues, from_image=False, is_example=False)

    @synchronized
    def new_revision(self, drawing: Drawing | None = None) -> None:
        """Replace the widget by a blank widget, or by a widget that starts from a drawing."""
        self.revision += 1
        self.version += 1
        self.drawing = drawing or Drawing()
        self.initial_drawing = self.drawing.strokes
        self.awaiting_image = False
        self.error = self.refusal = ""
        self._last_image = None

    @synchronized
    def remount(self) -> None:
        """Replace the widget by a widget with the same drawing."""
        kept = self.awaiting_image, self._last_image, self.error, self.refusal
        self.new_revision(self.drawing)
        self.awaiting_image, self._last_image, self.error, self.refusal = kept

    @synchronized
    def clear(self) -> None:
        """Clear the canvas. Undo restores the drawing."""
        self.new_revision(Drawing(previous=self.drawing.undo_target))

    @synchronized
    def refuse_picture(self, sentence: str) -> None:
        """Clear the canvas and show an error. The old digit would look like the digit of the picture."""
        self.clear()
        self.error = sentence

    @synchronized
    def undo(self) -> None:
        """Undo a stroke of the initial drawing, or Clear. The widget is always replaced."""
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
        """Restore the stroke or the drawing that `undo` has removed. The widget is always replaced."""
        if self.drawing.redo_stack:
            *rest, path = self.drawing.redo_stack
            self._show_paths([*self.drawing.paths, path], tuple(rest))
        elif self.drawing.following:
            self.new_revision(self.drawing.following)
        else:
            self.remount()

    def _show_paths(self, paths: list[Fabric], redo_stack: tuple[Fabric, ...]) -> None:
        """Show strokes. The old digit is shown until the browser sends the new image."""
        strokes = (self.drawing.strokes or {}) | {"objects": paths}
        digit = self.drawing.digit if paths else None
        self.new_revision(replace(self.drawing, strokes=strokes, digit=digit, issues=(), redo_stack=redo_stack))
        self.awaiting_image = bool(paths)

    @synchronized
    def load_digit(self, digit: np.ndarray, issues: Sequence[QualityIssue] = (), *, is_example: bool = False) -> None:
        """Show a digit of an image, (28, 28) uint8, with its issues. An example is an MNIST digit."""
        previous = self.drawing.undo_target
        self.new_revision(Drawing(digit=digit, issues=tuple(issues), from_image=True, is_example=is_example, previous=previous))

    @synchronized
    def set_white_background(self, white: bool) -> None:
        """Change the colors of the drawing."""
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
    def refuse_label(self, sentence: str) -> None:
        """Show beside the label buttons why the drawing could not be labelled. The drawing stays on the canvas."""
        self.refusal = sentence

    @synchronized
    def explain(self, digit: np.ndarray) -> None:
        """Choose the digit, (28, 28) uint8, that the Draw page explains."""
        self.explained_digit = digit

    @synchronized
    def record_prediction(self, prediction: int, confidence: float) -> None:
        """Store the prediction after the newest stroke. Predictions of removed strokes are dropped."""
        kept = self.drawing.predictions[: max(0, self.drawing.n_strokes - 1)]
        self.drawing = replace(self.drawing, predictions=(*kept, (prediction, confidence)))

    @synchronized
    def on_reconnect(self) -> None:
        """Tell the browser after a lost connection that this session still exists."""
        self.reconnects += 1
