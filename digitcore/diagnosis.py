"""What may be wrong with a drawing, and the same digit with that mended."""

from dataclasses import dataclass

import numpy as np
import scipy  # loads ndimage when it is first used: the first page need not wait for it

from digitcore import images
from digitcore.images import EDGE

SMALL = 0.2  # of the canvas's side: a drawing whose longer side is less loses its details
PIECE = 0.03  # of the ink: a smaller part is a speck
THIN, THICK = 1.25, 4.4  # px of 28: one MNIST digit in a hundred is thinner, one thicker
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)


@dataclass(frozen=True, eq=False)
class Remark:
    """Something to know about a drawing.

    Attributes:
        sentence: what it is, and what to do.
        mend: the mend in two or three words; "" where there is none to try.
        digit: (28, 28) uint8, the digit with that mended; None where there is none.
    """

    sentence: str
    mend: str = ""
    digit: np.ndarray | None = None


def remarks(rgba: np.ndarray, digit: np.ndarray) -> list[Remark]:
    """Look at a canvas and at the digit made from it.

    Args:
        rgba: (H, W, 4) uint8, the canvas.
        digit: (28, 28) uint8, from `images.digit_from_canvas`.

    Returns:
        What is worth saying, most harmful first; empty when nothing is.
    """
    ink = images.ink(rgba)
    drawn = ink > EDGE * max(int(ink.max()), 1)
    width = stroke_width(digit)
    found = [_touching(drawn), _size(drawn), _parts(drawn)]
    if width < THIN:
        found.append(Remark("The strokes are very thin: take a thicker brush.", "thicker strokes", _dilated(digit)))
    if width > THICK:
        found.append(Remark("The strokes are very thick: take a thinner brush.", "thinner strokes", _eroded(digit)))
    return [remark for remark in found if remark]


def stroke_width(digit: np.ndarray) -> float:
    """The mean width of a digit's strokes, in px of 28: its ink over half the length of its outline; 0 when blank."""
    inked = np.pad(digit > 127, 1)
    outline = np.pi / 4 * sum(np.count_nonzero(np.diff(inked, axis=axis)) for axis in (0, 1))  # for slanting edges
    return float(2 * digit.sum() / 255 / outline) if outline else 0.0


def _touching(drawn):
    if drawn[0].any() or drawn[-1].any() or drawn[:, 0].any() or drawn[:, -1].any():
        return Remark("It touches the edge, so a part may be missing: draw it smaller or further in.")
    return None


def _size(drawn):
    rows, columns = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
    if len(rows) and max(np.ptp(rows), np.ptp(columns)) + 1 < SMALL * max(drawn.shape):
        return Remark("It is very small: details are lost when it is made larger. Draw it larger.")
    return None


def _parts(drawn):
    """Parts that lie apart; four and five are often drawn in two."""
    marked, count = scipy.ndimage.label(drawn, np.ones((3, 3)))
    sizes = scipy.ndimage.sum_labels(drawn, marked, range(1, count + 1)) if count else np.zeros(0)
    pieces = int((sizes >= PIECE * drawn.sum()).sum())
    specks = count - pieces
    kept = np.isin(marked, 1 + np.flatnonzero(sizes >= PIECE * drawn.sum()))
    if specks:
        clean = images.digit_from_ink((kept * 255).astype(np.uint8))
        return Remark("There are specks beside the digit: they shift and shrink it.", "without the specks", clean)
    if pieces > 2:
        return Remark(f"It has {pieces} separate parts: join the strokes.", "joined", _joined(drawn))
    return None


def _joined(drawn):
    """Closed by a disc; by distances, which takes a tenth of the time of `binary_closing`."""
    reach = max(3, round(0.05 * max(drawn.shape)))
    thick = scipy.ndimage.distance_transform_edt(~np.pad(drawn, reach)) <= reach
    closed = scipy.ndimage.distance_transform_edt(np.pad(thick, 1))[1:-1, 1:-1] > reach
    return images.digit_from_ink((closed * 255).astype(np.uint8))


def _dilated(digit):
    return scipy.ndimage.grey_dilation(digit, footprint=_CROSS).astype(np.uint8)


def _eroded(digit):
    return scipy.ndimage.grey_erosion(digit, footprint=_CROSS).astype(np.uint8)
