"""Removal of the surroundings of a drawing in a picture: frames, axes, and the page around a canvas in a screenshot."""

import numpy as np

from digitcore.images.masks import label_components

TOLERANCE = 24  # of 255: smaller differences are the same level
MAX_LAYERS = 4  # maximum number of nested frames and pages
MIN_SIDE = 8  # px, of a drawing
UNIFORM_SHARE = 0.9  # minimum share of a line's pixels that have the level of the line
FRAME_SHARE = 0.04  # of the picture's side: maximum width of a frame
LINE_SHARE = 0.02  # of the picture's side: maximum width of a line along one or two sides
PAGE_SHARE = 0.05  # of the picture's side: minimum width of a page on one side of a canvas
EDGE_SHARE = 0.97  # minimum share of a canvas's edge that differs from the page
FILL_SHARE = 0.6  # of a canvas's longest row or column: shorter rows and columns are ticks and labels
CANVAS_SHARE = 0.95  # minimum share of the largest piece on the page that lies within the canvas; the rest are ticks
BACKGROUND_SHARE = 0.65  # minimum share of a canvas that has the level of its edge
MIN_AREA = 0.01  # of the picture: minimum area of a canvas

Box = tuple[int, int, int, int]  # top, bottom, left, right; bottom and right are exclusive


def find_drawing(grey: np.ndarray) -> Box:
    """Find the part of a picture that contains the drawing, without a frame or the page around it.

    Args:
        grey: (H, W) uint8.

    Returns:
        First row, last row + 1, first column and last column + 1. Without surroundings, this is the whole picture.

    Example:
        >>> screenshot = np.full((300, 300), 255, np.uint8)  # a black canvas on a white page
        >>> screenshot[40:260, 40:260] = 0
        >>> screenshot[80:200, 140:160] = 255
        >>> find_drawing(screenshot)
        (40, 260, 40, 260)
    """
    top, bottom, left, right = 0, grey.shape[0], 0, grey.shape[1]
    for _ in range(MAX_LAYERS):
        part = grey[top:bottom, left:right]
        inner = _without_lines(part) or _without_page(part) if min(part.shape) > MIN_SIDE else None
        if inner is None:
            break
        top, bottom, left, right = top + inner[0], top + inner[1], left + inner[2], left + inner[3]
    return top, bottom, left, right


def _differs(grey: np.ndarray, level: float) -> np.ndarray:
    return np.abs(grey.astype(np.int16) - int(level)) > TOLERANCE


def _edge(grey: np.ndarray) -> np.ndarray:
    return np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])


def _line_width(grey: np.ndarray) -> tuple[int, bool]:
    """Return the width of a line along the first row, or 0 without a line, and whether ink may touch the line.

    The line has one level, and the row after the line has another level.
    """
    level = np.median(grey[0])
    for width in range(1, max(1, round(LINE_SHARE * min(grey.shape))) + 1):
        if _differs(grey[width - 1], level).mean() > 1 - UNIFORM_SHARE:
            return 0, False
        inside = np.median(grey[width])
        if abs(inside - level) > TOLERANCE:
            others = _differs(grey[width], inside)
            return (width if others.mean() <= 1 - UNIFORM_SHARE else 0), bool(others[2:-2].any())
    return 0, False


def _without_lines(grey: np.ndarray) -> Box | None:
    """Return the part within lines along the sides. A line on one side only may be a bar of a digit if ink touches it."""
    turned = (grey, grey[::-1], grey.T, grey.T[::-1])
    found = [_line_width(side) for side in turned]
    is_corner = any(found[i][0] for i in (0, 1)) and any(found[i][0] for i in (2, 3))
    top, bottom, left, right = (width if is_corner or not touches else 0 for width, touches in found)
    if not (top or bottom or left or right):
        return None
    box = top, grey.shape[0] - bottom, left, grey.shape[1] - right
    return box if _has_ink(grey, box) else None


def _without_page(grey: np.ndarray) -> Box | None:
    """Return the canvas on a page of one level, or the part within a frame. The canvas may touch some sides of the picture."""
    page = _uniform_level(_edge(grey))
    if page is not None:
        return _canvas_on(grey, page)
    sides = (_uniform_level(side) for side in (grey[0], grey[-1], grey[:, 0], grey[:, -1]))
    # A side may also be a bar of a cropped digit: it is narrow, or other ink touches it.
    boxes = (_canvas_on(grey, level, edge_share=1.0) for level in sorted({level for level in sides if level is not None}))
    return next((box for box in boxes if box and _has_wide_margin(box, grey.shape)), None)


def _uniform_level(line: np.ndarray) -> float | None:
    """Return the level of most pixels, or `None` if they have different levels."""
    level = float(np.median(line))
    return level if _differs(line, level).mean() <= 1 - UNIFORM_SHARE else None


def _has_wide_margin(box: Box, shape: tuple[int, ...]) -> bool:
    """Return whether the page is wider than a line on at least one side of the box."""
    height, width = (max(1, PAGE_SHARE * side) for side in shape)
    return max(box[0], shape[0] - box[1]) > height or max(box[2], shape[1] - box[3]) > width


def _canvas_on(grey: np.ndarray, page: float, edge_share: float = EDGE_SHARE) -> Box | None:
    """Return the canvas on a page of this level, or the part within a frame. All other objects on the page must be small."""
    labels, sizes = label_components(_differs(grey, page))
    if not len(sizes):
        return None
    part = labels == np.argmax(sizes) + 1
    rows, columns = part.sum(1), part.sum(0)
    rows, columns = np.flatnonzero(rows >= FILL_SHARE * rows.max()), np.flatnonzero(columns >= FILL_SHARE * columns.max())
    box = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    canvas, is_part = (array[box[0] : box[1], box[2] : box[3]] for array in (grey, part))
    if is_part.sum() < CANVAS_SHARE * part.sum():
        return None
    if min(canvas.shape) < MIN_SIDE or canvas.size < MIN_AREA * grey.size or _edge(is_part).mean() < edge_share:
        return None
    if not _differs(canvas, np.median(_edge(canvas))).mean() > 1 - BACKGROUND_SHARE:
        return box if _has_ink(grey, box) else None
    return _within_frame(grey, box)


def _within_frame(grey: np.ndarray, box: Box) -> Box | None:
    """Return the part within a thin frame that fills the edge of a box."""
    top, bottom, left, right = box
    level = np.median(_edge(grey[top:bottom, left:right]))
    for _ in range(max(1, round(FRAME_SHARE * min(bottom - top, right - left)))):
        top, bottom, left, right = top + 1, bottom - 1, left + 1, right - 1
        edge = _edge(grey[top:bottom, left:right])
        inside = np.median(edge)
        if abs(inside - level) > TOLERANCE and _differs(edge, inside).mean() <= 1 - UNIFORM_SHARE:
            inner = top, bottom, left, right
            return inner if _has_ink(grey, inner) else None
    return None


def _has_ink(grey: np.ndarray, box: Box) -> bool:
    """Return whether a part of the picture has ink, and has more background than ink."""
    part = grey[box[0] : box[1], box[2] : box[3]]
    if min(part.shape) < MIN_SIDE:
        return False
    others = _differs(part, np.median(_edge(part)))
    return bool(others.any() and others.mean() < 0.5)
