"""Problems of a drawing that make it hard to classify, and the same digit with the problem fixed."""

from dataclasses import dataclass

import numpy as np

from digitcore import images
from digitcore.images.digit import CROP_THRESHOLD
from digitcore.images.masks import dilate, label_components

MIN_SIZE = 0.2  # of the canvas's side: a drawing whose longer side is less loses its details
MIN_COMPONENT = 0.03  # of the ink: a smaller component is a speck
MIN_STROKE_WIDTH, MAX_STROKE_WIDTH = 1.25, 4.4  # px of 28: one MNIST digit in a hundred is thinner, one thicker
MIN_GAP, MIN_PART = 0.02, 0.1  # of the canvas's side between two digits side by side; of the ink in each of them
MIN_PART_HEIGHT = 0.5  # of the height of both
MAX_COMPONENTS = 2  # four and five are often drawn in two
CLOSING_RADIUS = 0.05  # of the canvas's side, to join components


@dataclass(frozen=True, eq=False)
class QualityIssue:
    """Something that makes a drawing hard to classify.

    Attributes:
        sentence: what it is, and what to do.
        fix: the fix in two or three words; "" where there is none to try.
        digit: (28, 28) uint8, the digit with the issue fixed; None where there is none.
    """

    sentence: str
    fix: str = ""
    digit: np.ndarray | None = None


def find_issues(rgba: np.ndarray, digit: np.ndarray) -> list[QualityIssue]:
    """Check a canvas and the digit made from it.

    Args:
        rgba: (H, W, 4) uint8, the canvas.
        digit: (28, 28) uint8, from `images.digit_from_canvas`.

    Returns:
        The issues, most harmful first; empty when there is none.
    """
    ink = images.ink(rgba)
    mask = ink > CROP_THRESHOLD * max(int(ink.max()), 1)
    width = stroke_width(digit)
    issues = [_check_edges(mask), _check_size(mask), _check_side_by_side(mask), _check_components(mask)]
    if width < MIN_STROKE_WIDTH:
        issues.append(QualityIssue("The strokes are very thin: take a thicker brush.", "thicker strokes", _dilate(digit)))
    if width > MAX_STROKE_WIDTH:
        issues.append(QualityIssue("The strokes are very thick: take a thinner brush.", "thinner strokes", _erode(digit)))
    return [issue for issue in issues if issue]


def stroke_width(digit: np.ndarray) -> float:
    """Mean width of a digit's strokes, in px of 28: its ink over half the length of its outline; 0 when blank."""
    inked = np.pad(digit > 127, 1)
    # π/4 makes up for slanting edges, which are counted as steps.
    outline = np.pi / 4 * sum(np.count_nonzero(np.diff(inked, axis=axis)) for axis in (0, 1))
    return float(2 * digit.sum() / 255 / outline) if outline else 0.0


def _check_edges(mask: np.ndarray) -> QualityIssue | None:
    if mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any():
        return QualityIssue("It touches the edge, so a part may be missing: draw it smaller or further in.")
    return None


def _check_size(mask: np.ndarray) -> QualityIssue | None:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if len(rows) and max(np.ptp(rows), np.ptp(columns)) + 1 < MIN_SIZE * max(mask.shape):
        return QualityIssue("It is very small: details are lost when it is made larger. Draw it larger.")
    return None


def _check_side_by_side(mask: np.ndarray) -> QualityIssue | None:
    """Two digits: tall parts with a gap of blank columns between them."""
    columns = np.flatnonzero(mask.any(0))
    for left in columns[:-1][np.diff(columns) > MIN_GAP * max(mask.shape)]:
        parts = mask[:, : left + 1], mask[:, left + 1 :]
        if all(part.sum() >= MIN_PART * mask.sum() and _height(part) >= MIN_PART_HEIGHT * _height(mask) for part in parts):
            return QualityIssue("These look like two digits side by side: draw one at a time.")
    return None


def _height(mask: np.ndarray) -> int:
    return int(np.ptp(np.flatnonzero(mask.any(1)))) + 1


def _check_components(mask: np.ndarray) -> QualityIssue | None:
    labelled, sizes = label_components(mask)
    large = sizes >= MIN_COMPONENT * mask.sum()
    n_large = int(large.sum())
    if len(sizes) > n_large:
        kept = np.isin(labelled, 1 + np.flatnonzero(large))
        clean = images.digit_from_ink((kept * 255).astype(np.uint8))
        return QualityIssue("There are specks beside the digit: they shift and shrink it.", "without the specks", clean)
    if n_large > MAX_COMPONENTS:
        return QualityIssue(f"It has {n_large} separate parts: join the strokes.", "joined", _close(mask))
    return None


def _close(mask: np.ndarray) -> np.ndarray | None:
    """Close a mask by a disc and return the digit."""
    radius = max(3, round(CLOSING_RADIUS * max(mask.shape)))
    dilated = dilate(np.pad(mask, radius), radius)
    closed = ~dilate(~np.pad(dilated, 1), radius)[1:-1, 1:-1]
    return images.digit_from_ink((closed * 255).astype(np.uint8))


def _dilate(digit: np.ndarray) -> np.ndarray:
    return np.asarray(np.max(_with_neighbors(digit), axis=0))


def _erode(digit: np.ndarray) -> np.ndarray:
    return np.asarray(np.min(_with_neighbors(digit), axis=0))


def _with_neighbors(digit: np.ndarray) -> list[np.ndarray]:
    """Return a digit and the same digit moved by a pixel in each of the four directions."""
    padded = np.pad(digit, 1, mode="edge")
    return [digit, padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]]
