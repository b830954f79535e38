"""Extraction of ink from photographs of paper.

The paper may have uneven light, shadows, lines, squares and specks, and the ink may be pencil. SciPy is imported inside
functions, because its import is slow and a drawing on the canvas does not need it.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

WORKING_SIDE = 512  # px: photographs are reduced to this size
PAPER_SIDE = 128  # px, longer side of the reduced image from which the light of the paper is estimated
PAPER_WINDOW = 25  # px of the reduced image: must be wider than the strokes of a digit
NOISE_FACTOR = 4  # standard deviations of the paper's grain: weaker differences are not ink
MIN_INK = 0.05  # share of the light that weak ink absorbs
STRONG_SHARE = 0.45  # of the strongest ink: weak ink is kept only if it touches ink of this strength
MIN_STRONG = 0.14  # minimum share of the light that the strongest ink absorbs; otherwise the paper is blank
PEAK_PERCENTILE = 99.5  # of the ink's pixels: the level that counts as the strongest ink
LINE_SHARE = 0.8  # of the image's width: minimum length of a ruled line
LINE_COLUMNS = 32  # number of columns from which the angle of the lines is estimated
LINE_ANGLES = np.radians(np.arange(-5, 5.1, 0.5))
LINE_WIDTH = 9  # px: strokes are continued across removed lines of up to this width
MAX_LINE_STRENGTH = 1.7  # times the line's own ink: stronger ink is a pen stroke across the line
BORDER_SHARE = 0.08  # of the image's side: small parts whose center is closer to the border are ignored
MIN_DIGIT_SIDE = 8  # px: smaller parts are specks
SIMILAR_SHARE = 0.5  # of the height and darkness of the other digits: smaller or weaker parts near the border are remains
EXTREME_PERCENTILE = 0.05  # of the pixels; the most extreme pixels decide whether the ink is dark or bright
MIN_PART_SHARE = 0.04  # of the ink of the largest part: a smaller part is a speck
MAX_PARTS = 300  # maximum number of parts of an image; only the largest parts are used
HEIGHT_SHARE = 0.7  # of the highest part: minimum height of a separate digit
LINE_OVERLAP = 0.5  # of the lower part's height: parts that share more rows are in one line
MAX_GAP = 0.15  # of the larger part's longer side: maximum distance between parts of the same digit

Box = tuple[slice, ...]  # rows and columns


class Region(NamedTuple):
    """The part of an image that contains one digit.

    Attributes:
        left: first column, in px of the image.
        top: first row, in px of the image.
        right: column after the last column.
        bottom: row after the last row.
        ink: (bottom - top, right - left) uint8, without the ink of other digits.

    Example:
        >>> region = Region(left=10, top=20, right=14, bottom=26, ink=np.zeros((6, 4), np.uint8))
        >>> region.bottom - region.top
        6
    """

    left: int
    top: int
    right: int
    bottom: int
    ink: np.ndarray


def extract_ink(grey: np.ndarray) -> np.ndarray:
    """Extract the ink of a photographed sheet with dark ink on light or light ink on dark.

    Args:
        grey: (H, W) uint8, each side at least 3 px and at most about `WORKING_SIDE` px.

    Returns:
        (H, W) uint8, ink up to 255 on 0. All values are 0 if the sheet is blank.

    Example:
        >>> paper = np.random.default_rng(0).normal(200, 3, (100, 100)).astype(np.uint8)
        >>> extract_ink(paper).max()
        np.uint8(0)
        >>> paper[30:70, 45:50] = 50
        >>> extract_ink(paper).max()
        np.uint8(255)
    """
    from scipy import ndimage

    light = ndimage.gaussian_filter(grey.astype(np.float32), 0.7) + 1
    ink = _share_of_paper(light if _is_ink_dark(light) else 257 - light)
    weak = max(MIN_INK, NOISE_FACTOR * _grain(ink))
    ink = _without_lines(_without_lines(ink).T).T
    labels, n_parts = ndimage.label(ink > weak, np.ones((3, 3)))
    if not n_parts:
        return np.zeros(grey.shape, np.uint8)
    peak = float(np.percentile(ink[ink > weak], PEAK_PERCENTILE))
    if peak < max(MIN_STRONG, 2 * weak):
        return np.zeros(grey.shape, np.uint8)
    strong = max(weak, STRONG_SHARE * peak)
    is_kept = np.bincount(labels[ink > strong], minlength=n_parts + 1) > 0
    is_kept &= ~_is_at_border(ink, labels, n_parts)
    is_kept[0] = False
    clear = np.where(is_kept[labels], np.clip((ink - weak) / (0.8 * peak - weak), 0, 1), 0)
    return (clear * 255).round().astype(np.uint8)


def find_regions(ink: np.ndarray, threshold: int) -> list[Region]:
    """Find the digits in an ink image. Parts that lie close together are one digit, and specks are ignored.

    Args:
        ink: (H, W) uint8, ink bright on 0.
        threshold: maximum level of the background, 0 to 255.

    Returns:
        A region for each digit, sorted by the amount of ink. The region with the most ink is first.

    Example:
        >>> ink = np.zeros((100, 100), np.uint8)
        >>> ink[20:80, 10:20] = ink[20:80, 70:90] = 255
        >>> [(region.left, region.right) for region in find_regions(ink, threshold=30)]
        [(70, 90), (10, 20)]
    """
    from scipy import ndimage

    labels, n_parts = ndimage.label(ink > threshold, np.ones((3, 3)))
    if not n_parts:
        return []
    mass = ndimage.sum_labels(ink, labels, np.arange(1, n_parts + 1))
    boxes = ndimage.find_objects(labels)
    largest = np.argsort(-mass, kind="stable")[:MAX_PARTS]
    parts = [int(i) for i in largest if mass[i] >= MIN_PART_SHARE * mass.max()]
    groups: list[list[int]] = []
    for part in parts:
        near = [group for group in groups if any(_are_close(boxes[part], boxes[other]) for other in group)]
        groups = [group for group in groups if group not in near] + [[part, *(member for group in near for member in group)]]
    groups.sort(key=lambda group: -sum(mass[i] for i in group))
    return [_region(ink, labels, boxes, group) for group in groups]


def stand_side_by_side(regions: Sequence[Region]) -> bool:
    """Return whether parts of an image are several digits rather than strokes of the same digit.

    Args:
        regions: parts of the image.

    Returns:
        Whether at least two of the high parts have no column in common.

    Example:
        >>> ink = np.zeros((60, 10), np.uint8)
        >>> stand_side_by_side([Region(10, 20, 20, 80, ink), Region(40, 20, 50, 80, ink)])
        True
    """
    heights = [region.bottom - region.top for region in regions]
    high = sorted(
        (region.left, region.right)
        for region, height in zip(regions, heights, strict=True)
        if height >= HEIGHT_SHARE * max(heights)
    )
    return any(right <= left for (_, right), (left, _) in itertools.pairwise(high))


def sort_into_lines(regions: Sequence[Region]) -> list[list[Region]]:
    """Sort regions in reading order.

    Args:
        regions: parts of the image.

    Returns:
        Lines from top to bottom. Each line contains its regions from left to right. A region shares more than half of its rows
        with its neighbor in the line.

    Example:
        >>> ink = np.zeros((10, 10), np.uint8)
        >>> parts = [Region(40, 22, 50, 32, ink), Region(10, 20, 20, 30, ink), Region(0, 0, 10, 10, ink)]
        >>> [[region.left for region in line] for line in sort_into_lines(parts)]
        [[0], [10, 40]]
    """
    lines: list[list[Region]] = []
    for region in sorted(regions, key=lambda region: region.top + region.bottom):
        line = next((line for line in lines if _is_in_line(region, line)), None)
        if line is None:
            lines.append([region])
        else:
            line.append(region)
    return [sorted(line, key=lambda region: region.left) for line in lines]


def _is_in_line(region: Region, line: list[Region]) -> bool:
    """Return whether a region stands beside the region of a line that is nearest to it."""
    nearest = min(line, key=lambda other: abs(other.left + other.right - region.left - region.right))
    overlap = min(region.bottom, nearest.bottom) - max(region.top, nearest.top)
    return overlap > LINE_OVERLAP * min(region.bottom - region.top, nearest.bottom - nearest.top)


def _region(ink: np.ndarray, labels: np.ndarray, boxes: list[Box], group: list[int]) -> Region:
    """Return the region of a group of parts, without the ink of other parts."""
    top, bottom = min(boxes[i][0].start for i in group), max(boxes[i][0].stop for i in group)
    left, right = min(boxes[i][1].start for i in group), max(boxes[i][1].stop for i in group)
    is_own = np.isin(labels[top:bottom, left:right], [i + 1 for i in group])
    return Region(left, top, right, bottom, np.where(is_own, ink[top:bottom, left:right], 0).astype(np.uint8))


def _are_close(first: Box, second: Box) -> bool:
    """Return whether two parts are close enough to be strokes of the same digit."""
    gaps = [max(a.start, b.start) - min(a.stop, b.stop) for a, b in zip(first, second, strict=True)]
    longest = max(side.stop - side.start for box in (first, second) for side in box)
    return bool(max(gaps) <= MAX_GAP * longest)


def _share_of_paper(light: np.ndarray) -> np.ndarray:
    """Return the share of the paper's light that each pixel absorbs: (H, W) float32, 0 to 1."""
    from scipy import ndimage

    height, width = light.shape
    scale = min(1.0, PAPER_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(Image.fromarray(light).resize(size, Image.Resampling.BOX))
    # The odd reflection continues a gradient of the light beyond the border.
    padded = np.pad(small, PAPER_WINDOW, mode="reflect", reflect_type="odd")
    closed = ndimage.grey_closing(padded, (PAPER_WINDOW, PAPER_WINDOW))[PAPER_WINDOW:-PAPER_WINDOW, PAPER_WINDOW:-PAPER_WINDOW]
    paper = ndimage.gaussian_filter(closed, 1)
    full = np.asarray(Image.fromarray(paper).resize((width, height), Image.Resampling.BILINEAR))
    return np.asarray(np.clip(1 - light / np.maximum(full, 1), 0, 1))


def _is_ink_dark(light: np.ndarray) -> bool:
    """Return whether the most extreme pixels are darker than their surroundings rather than brighter.

    The window is as large as the image, because in a smaller window the edge of a thick stroke looks as strong as its middle.
    """
    from scipy import ndimage

    detail = light - ndimage.uniform_filter(light, max(light.shape))
    dark, bright = np.percentile(detail, [EXTREME_PERCENTILE, 100 - EXTREME_PERCENTILE])
    return bool(-dark >= bright)


def _is_at_border(ink: np.ndarray, labels: np.ndarray, n_parts: int) -> np.ndarray:
    """Find the remains of lines and shadows. They are parts near the border that touch it, or that are smaller than the digits.

    Returns:
        (n_parts + 1,) bool, whether the part with each label is a remainder. Label 0 is the background.
    """
    from scipy import ndimage

    centers = np.array(ndimage.center_of_mass(ink, labels, np.arange(1, n_parts + 1))) / np.array(ink.shape)
    lies_along = (np.minimum(centers, 1 - centers) < BORDER_SHARE).any(1)
    sides = np.array([[side.stop - side.start for side in box] for box in ndimage.find_objects(labels)])
    longest = sides.max(1)
    is_touching = np.zeros(n_parts + 1, bool)
    is_touching[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = True
    # A digit near the border is about as high and as dark as the digits elsewhere on the sheet.
    peaks = ndimage.maximum(ink, labels, np.arange(1, n_parts + 1))
    inside = ~lies_along & (longest >= MIN_DIGIT_SIDE)
    height, peak = (float(np.median(values[inside])) if inside.any() else np.inf for values in (longest, peaks))
    is_digit = (longest >= SIMILAR_SHARE * height) & (peaks >= SIMILAR_SHARE * peak) & (longest >= MIN_DIGIT_SIDE)
    is_rest = np.concatenate([[True], (longest < BORDER_SHARE * max(ink.shape)) & ~is_digit]) | is_touching
    return np.asarray(is_rest & np.concatenate([[True], lies_along]))


def _grain(ink: np.ndarray) -> float:
    """Estimate the standard deviation of the paper's grain. The estimate uses a median, because a few pixels are ink."""
    return float(np.median(np.abs(ink[:, 2:] - ink[:, :-2])) / (0.6745 * 2**0.5))


def _without_lines(ink: np.ndarray) -> np.ndarray:
    """Remove the straight, nearly horizontal lines that cross the image."""
    from scipy import ndimage

    height, width = ink.shape
    columns = np.arange(width)
    spread = ndimage.maximum_filter1d(ink, 3, axis=0)
    every = slice(None, None, max(1, width // LINE_COLUMNS))

    def sheared_rows(angle: float, step: slice) -> np.ndarray:
        """Return the rows of a line with this angle through each row of the middle column: (H, columns)."""
        drop = np.round((columns[step] - width / 2) * np.tan(angle)).astype(int)
        return np.asarray(np.clip(np.arange(height)[:, None] + drop, 0, height - 1))

    def profile(angle: float, step: slice) -> np.ndarray:
        """Return the ink that most columns have in each sheared row: (H,)."""
        ink_on_lines = spread[sheared_rows(angle, step), columns[step]]
        return np.asarray(np.percentile(ink_on_lines, 100 * (1 - LINE_SHARE), axis=1))

    angle = max(LINE_ANGLES, key=lambda candidate: float(profile(candidate, every).std()))
    line = profile(angle, slice(None))
    line = np.clip(line - np.median(line), 0, None)
    if line.max() < MIN_INK:
        return ink
    strength = ndimage.maximum_filter1d(line, 3)[sheared_rows(-angle, slice(None))]
    is_line = (strength > MIN_INK / 2) & (ink < MAX_LINE_STRENGTH * strength + MIN_INK)
    removed = np.where(is_line, 0, ink)
    return np.where(is_line, ndimage.grey_closing(removed, (LINE_WIDTH, 1)), removed)
