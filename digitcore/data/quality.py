"""Detection of problems that make a drawing hard to classify, and fixes for some of these problems."""

from dataclasses import dataclass, field

import numpy as np

from digitcore import images
from digitcore.images.digit import CROP_THRESHOLD
from digitcore.images.masks import dilate, label_components

MIN_SIZE = 0.2  # of the canvas's side: minimum length of a drawing's longer side
MIN_COMPONENT = 0.03  # of the ink: a smaller component is a speck
MIN_STROKE_WIDTH, MAX_STROKE_WIDTH = 1.25, 4.4  # px of 28: 1 % of the MNIST digits are thinner, 1 % are thicker
MIN_GAP = 0.02  # of the canvas's side: minimum gap between two digits side by side
MIN_PART = 0.1  # of the ink: minimum ink of each of two digits
MIN_PART_HEIGHT = 0.5  # of the drawing's height: minimum height of each of two digits
MAX_COMPONENTS = 2  # The digits 4 and 5 are often drawn in two parts.
CLOSING_RADIUS = 0.05  # of the canvas's side: radius with which components are joined


@dataclass(frozen=True, eq=False)
class QualityIssue:
    """A problem that makes a drawing hard to classify.

    Attributes:
        sentence: problem and advice, for the user.
        fix: name of the fix in two or three words, for example "thicker strokes". It is empty if there is no fix.
        digit: (28, 28) uint8, the digit with the problem fixed, or `None` if there is no fix.

    Example:
        >>> QualityIssue("The strokes are very thin. Use a thicker brush.")
        QualityIssue(sentence='The strokes are very thin. Use a thicker brush.', fix='')
    """

    sentence: str
    fix: str = ""
    digit: np.ndarray | None = field(default=None, repr=False)


def find_issues(ink: np.ndarray, digit: np.ndarray) -> list[QualityIssue]:
    """Find the problems of a drawing that make it hard to classify.

    Args:
        ink: (H, W) uint8, the ink of the canvas, as `images.ink_strength` returns it.
        digit: (28, 28) uint8, the digit that `images.digit_from_ink` returns for this ink.

    Returns:
        The issues, the most harmful issue first. The list is empty if there is no issue.

    Example:
        >>> ink = np.zeros((280, 280), np.uint8)
        >>> ink[100:140, 130:133] = 255
        >>> [issue.sentence for issue in find_issues(ink, images.digit_from_ink(ink))]
        ['The drawing is very small, so details are lost. Draw it larger.']
    """
    mask = ink > CROP_THRESHOLD * max(int(ink.max()), 1)
    width = stroke_width(digit)
    issues = [_check_edges(mask), _check_size(mask), _check_side_by_side(mask), _check_components(mask)]
    if width < MIN_STROKE_WIDTH:
        issues.append(QualityIssue("The strokes are very thin. Use a thicker brush.", "thicker strokes", _dilate(digit)))
    if width > MAX_STROKE_WIDTH:
        issues.append(QualityIssue("The strokes are very thick. Use a thinner brush.", "thinner strokes", _erode(digit)))
    return [issue for issue in issues if issue]


def stroke_width(digit: np.ndarray) -> float:
    """Estimate the mean width of a digit's strokes: its ink divided by half the length of its outline.

    Args:
        digit: (28, 28) uint8, ink 255 on 0.

    Returns:
        Width in px, or 0 if the digit is blank.

    Example:
        >>> digit = np.zeros((28, 28), np.uint8)
        >>> digit[4:24, 12:15] = 255
        >>> round(stroke_width(digit), 1)
        3.3
    """
    inked = np.pad(digit > 127, 1)
    # The factor π/4 corrects the length of slanting edges, which are counted as steps.
    outline = np.pi / 4 * sum(np.count_nonzero(np.diff(inked, axis=axis)) for axis in (0, 1))
    return float(2 * digit.sum() / 255 / outline) if outline else 0.0


def _check_edges(mask: np.ndarray) -> QualityIssue | None:
    if mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any():
        return QualityIssue("The drawing touches the edge, so a part may be missing. Draw it in the middle.")
    return None


def _check_size(mask: np.ndarray) -> QualityIssue | None:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if len(rows) and max(np.ptp(rows), np.ptp(columns)) + 1 < MIN_SIZE * max(mask.shape):
        return QualityIssue("The drawing is very small, so details are lost. Draw it larger.")
    return None


def _check_side_by_side(mask: np.ndarray) -> QualityIssue | None:
    """Check for two tall parts with a gap of blank columns between them."""
    columns = np.flatnonzero(mask.any(0))
    for left in columns[:-1][np.diff(columns) > MIN_GAP * max(mask.shape)]:
        parts = mask[:, : left + 1], mask[:, left + 1 :]
        if all(part.sum() >= MIN_PART * mask.sum() and _height(part) >= MIN_PART_HEIGHT * _height(mask) for part in parts):
            return QualityIssue("The drawing looks like two digits side by side. Draw one digit.")
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
        return QualityIssue(
            "There are specks beside the digit, which shift and shrink the digit. Remove the specks.", "without the specks", clean
        )
    if n_large > MAX_COMPONENTS:
        return QualityIssue(f"The drawing has {n_large} separate parts. Join the strokes.", "joined", _close(mask))
    return None


def _close(mask: np.ndarray) -> np.ndarray | None:
    """Close the gaps of a mask with a disc, and return the digit."""
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
