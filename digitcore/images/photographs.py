"""Ink in photographs of paper: uneven light, shadows, pencil, ruled and squared paper, specks.

SciPy is imported when a photograph is read: what is drawn on the canvas needs none.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

WORKING_SIDE = 512  # px: photographs are reduced to it
PAPER_SIDE = 128  # px, of the picture from which the paper is estimated
PAPER_WINDOW = 25  # px of that: larger than a digit's strokes are wide
NOISE_FACTOR = 4  # standard deviations of the paper's grain that are no ink
MIN_INK = 0.05  # share of the light that weak ink takes
STRONG_SHARE = 0.45  # of the strongest ink: what weak ink must touch
MIN_STRONG = 0.14  # share of the light that the strongest ink takes; less is blank paper
PEAK_PERCENTILE = 99.5  # of the ink's pixels: the strongest
LINE_SHARE = 0.8  # of the picture's width that a ruled line must cross
LINE_COLUMNS = 32  # from which the angle of the lines is found
LINE_ANGLES = np.radians(np.arange(-5, 5.1, 0.5))
LINE_WIDTH = 9  # px: ink on both sides of a line so wide goes on across it
MAX_LINE_STRENGTH = 1.7  # times the line's own ink: more is a pen that crosses it
BORDER_SHARE = 0.08  # of the picture's side: small ink whose middle lies so close to the border is none
EXTREME_PERCENTILE = 0.05  # of the pixels, that tell whether ink is dark or bright
MIN_PART_SHARE = 0.04  # of the largest part's ink: less is a speck
MAX_PARTS = 300  # of a picture: of more, those with the most ink count
HEIGHT_SHARE = 0.7  # of the highest part: a digit beside it is as high
MAX_GAP = 0.15  # of the larger part's longer side, between parts of one digit

Box = tuple[slice, ...]  # rows and columns


class Region(NamedTuple):
    """Where a digit's ink lies.

    Attributes:
        left, top, right, bottom: its box, in px of the picture; right and bottom are outside.
        ink: (bottom - top, right - left) uint8, that of other digits left out.
    """

    left: int
    top: int
    right: int
    bottom: int
    ink: np.ndarray


def extract_ink(grey: np.ndarray) -> np.ndarray:
    """The ink of a photographed sheet, of either polarity.

    Args:
        grey: (H, W) uint8, at most about `WORKING_SIDE` and at least 3 px a side.

    Returns:
        (H, W) uint8, ink up to 255 on 0; all 0 when the sheet is blank.
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
    """The digits in an ink image, the one with the most ink first.

    Parts that lie close together are one digit; specks are none.

    Args:
        ink: (H, W) uint8, ink bright on 0.
        threshold: above which a pixel is ink.
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
        groups = [group for group in groups if group not in near] + [[part, *(one for group in near for one in group)]]
    groups.sort(key=lambda group: -sum(mass[i] for i in group))
    return [_region(ink, labels, boxes, group) for group in groups]


def stand_side_by_side(regions: Sequence[Region]) -> bool:
    """Whether parts of a picture are several digits, rather than strokes of one."""
    heights = [region.bottom - region.top for region in regions]
    high = sorted(
        (region.left, region.right)
        for region, height in zip(regions, heights, strict=True)
        if height >= HEIGHT_SHARE * max(heights)
    )
    return any(right <= left for (_, right), (left, _) in itertools.pairwise(high))


def _region(ink: np.ndarray, labels: np.ndarray, boxes: list[Box], group: list[int]) -> Region:
    top, bottom = min(boxes[i][0].start for i in group), max(boxes[i][0].stop for i in group)
    left, right = min(boxes[i][1].start for i in group), max(boxes[i][1].stop for i in group)
    is_own = np.isin(labels[top:bottom, left:right], [i + 1 for i in group])
    return Region(left, top, right, bottom, np.where(is_own, ink[top:bottom, left:right], 0).astype(np.uint8))


def _are_close(one: Box, other: Box) -> bool:
    gaps = [max(a.start, b.start) - min(a.stop, b.stop) for a, b in zip(one, other, strict=True)]
    longest = max(side.stop - side.start for box in (one, other) for side in box)
    return bool(max(gaps) <= MAX_GAP * longest)


def _share_of_paper(light: np.ndarray) -> np.ndarray:
    """How much of the paper's light each pixel lacks: (H, W) float32, 0 to 1."""
    from scipy import ndimage

    height, width = light.shape
    scale = min(1.0, PAPER_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(Image.fromarray(light).resize(size, Image.Resampling.BOX))
    padded = np.pad(small, PAPER_WINDOW, mode="reflect", reflect_type="odd")  # light that falls off goes on doing so
    closed = ndimage.grey_closing(padded, (PAPER_WINDOW, PAPER_WINDOW))[PAPER_WINDOW:-PAPER_WINDOW, PAPER_WINDOW:-PAPER_WINDOW]
    paper = ndimage.gaussian_filter(closed, 1)
    full = np.asarray(Image.fromarray(paper).resize((width, height), Image.Resampling.BILINEAR))
    return np.asarray(np.clip(1 - light / np.maximum(full, 1), 0, 1))


def _is_ink_dark(light: np.ndarray) -> bool:
    """Whether the picture's extremes are darker than what is around them, rather than brighter.

    The window is as large as the picture: in a smaller one the edge of a thick stroke is as bright as its middle is dark.
    """
    from scipy import ndimage

    detail = light - ndimage.uniform_filter(light, max(light.shape))
    dark, bright = np.percentile(detail, [EXTREME_PERCENTILE, 100 - EXTREME_PERCENTILE])
    return bool(-dark >= bright)


def _is_at_border(ink: np.ndarray, labels: np.ndarray, n_parts: int) -> np.ndarray:
    """Which parts are the rest of a line or of a shadow: they lie along the border, and touch it or are small.

    Returns:
        (n_parts + 1,) bool.
    """
    from scipy import ndimage

    centers = np.array(ndimage.center_of_mass(ink, labels, np.arange(1, n_parts + 1))) / np.array(ink.shape)
    lies_along = (np.minimum(centers, 1 - centers) < BORDER_SHARE).any(1)
    longest = np.array([max(side.stop - side.start for side in box) for box in ndimage.find_objects(labels)])
    is_rest = np.concatenate([[True], longest < BORDER_SHARE * max(ink.shape)])
    is_rest[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = True
    return np.asarray(is_rest & np.concatenate([[True], lies_along]))


def _grain(ink: np.ndarray) -> float:
    """Standard deviation of the paper's grain, from the differences of neighbors (robust: ink is seldom)."""
    return float(np.median(np.abs(ink[:, 2:] - ink[:, :-2])) / (0.6745 * 2**0.5))


def _without_lines(ink: np.ndarray) -> np.ndarray:
    """Ink without the straight, nearly horizontal lines that cross the picture."""
    from scipy import ndimage

    height, width = ink.shape
    columns = np.arange(width)
    spread = ndimage.maximum_filter1d(ink, 3, axis=0)
    every = slice(None, None, max(1, width // LINE_COLUMNS))

    def sheared_rows(angle: float, step: slice) -> np.ndarray:
        """The row in each column of a line at this angle that crosses the middle column in each row: (H, columns)."""
        drop = np.round((columns[step] - width / 2) * np.tan(angle)).astype(int)
        return np.asarray(np.clip(np.arange(height)[:, None] + drop, 0, height - 1))

    def profile(angle: float, step: slice) -> np.ndarray:
        """The ink that most columns have in each sheared row: (H,)."""
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
