"""Extraction of the ink from the pixels of a drawing, of line art or of a photograph."""

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from digitcore.errors import ImageError
from digitcore.images import photographs
from digitcore.images.masks import label_components
from digitcore.images.surroundings import find_drawing

MIN_CONTRAST = 24  # of 255: smaller differences from the background are not ink
GRAIN_LEVELS = 48  # of 255: weaker ink is grain of the paper if many pixels have it
MIN_PHOTOGRAPH_SIDE = 64  # px
MIN_SHADED_SHARE = 0.5  # of a photograph's pixels
PAPER_SHARE = 0.85  # minimum share of the border that has one level if there is paper around the ink
PAPER_PERCENTILE = 5  # of the pixels: the level of the paper of a picture that is cropped to the ink
PIECE_WEIGHT = 0.2  # weight of a connected piece relative to the mean levels of border, corners and picture
EXTREME_LEVELS = 20  # of 255: maximum difference of a pixel that counts as black or white
MIN_EXTREME_SHARE = 0.1  # minimum share of black pixels, and of white pixels, in line art without a margin
SMOOTH_EXTREME_SHARE = 0.35  # minimum share of black and white pixels in line art that was cropped and enlarged smoothly
MAX_SMOOTH_STEP = 2  # of 255: maximum median change of the slope from pixel to pixel in a picture without grain
COARSE_SIDE = 40  # px: a smooth crop can be reduced to this size and enlarged again with little change
MAX_DETAIL = 40  # of 255: maximum change of 99 % of the pixels then; the pen strokes of a photograph change by 50 or more
MIN_CROPPED_SIDES = 2  # minimum number of sides that ink touches in a picture that is cropped to the ink
INK_LEVEL = 100  # of 255: minimum strength of ink that touches a side
GRAIN_SHARE = 0.05  # of the pixels: an image with less grain is line art, and its grain is kept


def ink_strength(rgba: ArrayLike) -> np.ndarray:
    """Return how much each pixel differs from the background.

    Args:
        rgba: (H, W, 4) uint8 image, dark ink on light or light ink on dark, opaque or transparent.

    Returns:
        (H, W) uint8, from 0 (background) to 255 (strongest ink). All values are 0 if the image is blank.

    Raises:
        ImageError: If the array is not an RGBA image.

    Example:
        >>> white_canvas = np.full((280, 280, 4), 255, np.uint8)
        >>> white_canvas[100:180, 130:150, :3] = 0
        >>> ink = ink_strength(white_canvas)
        >>> int(ink[0, 0]), int(ink[140, 140])
        (0, 255)
    """
    rgba = np.asarray(rgba)
    if rgba.ndim != 3 or rgba.shape[2] != 4 or rgba.dtype != np.uint8:
        raise ImageError("This array is not an RGBA image. Pass an array of height × width × 4 bytes.")
    if rgba.size == 0:
        return np.zeros(rgba.shape[:2], np.uint8)
    return _strength(_to_grey(rgba))


def separate_ink(rgba: np.ndarray) -> tuple[np.ndarray, bool]:
    """Separate the ink of an image from its background, in line art and in photographs of paper.

    Args:
        rgba: (H, W, 4) uint8 image of either polarity.

    Returns:
        A tuple of the ink, (h, w) uint8 with 0 for the background, and whether the image is a photograph.
        The ink of a large photograph is smaller than the image.

    Example:
        >>> line_art = np.zeros((100, 80, 4), np.uint8)
        >>> line_art[20:80, 35:45] = 255
        >>> ink, is_photograph = separate_ink(line_art)
        >>> ink.shape, is_photograph
        ((100, 80), False)
    """
    if rgba.size == 0:
        return ink_strength(rgba), False
    grey = _to_grey(rgba)
    top, bottom, left, right = find_drawing(grey)
    drawing = grey[top:bottom, left:right]
    strength = _line_art_strength(drawing)
    if not _is_photograph(strength) or _is_black_on_white(drawing) or _is_smooth_crop(drawing, strength):
        ink = np.zeros(grey.shape, np.uint8)
        ink[top:bottom, left:right] = _suppress_grain(strength)
        return ink, False
    factor = max(1, round(max(grey.shape) / photographs.WORKING_SIDE))
    return photographs.extract_ink(np.asarray(Image.fromarray(grey).reduce(factor))), True


def stretch_contrast(ink: np.ndarray) -> np.ndarray:
    """Scale ink so that its strongest pixel is 255.

    Args:
        ink: numbers of any shape and type. At least one number must be greater than 0.

    Returns:
        uint8 array of the same shape.

    Example:
        >>> stretch_contrast(np.array([0, 20, 40]))
        array([  0, 128, 255], dtype=uint8)
    """
    stretched: np.ndarray = (ink * (255.0 / ink.max())).round().astype(np.uint8)
    return stretched


def _border(grey: np.ndarray) -> np.ndarray:
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def _strength(grey: np.ndarray) -> np.ndarray:
    """Return how much each pixel differs from the median of the border, (H, W) uint8."""
    strength = np.abs(grey.astype(np.int16) - int(np.median(_border(grey))))
    if strength.max() < MIN_CONTRAST:
        return np.zeros(strength.shape, np.uint8)
    return stretch_contrast(strength)


def _line_art_strength(grey: np.ndarray) -> np.ndarray:
    """Return the strength of the ink. The picture may be cropped to the ink, so that ink fills much of the border."""
    border = _border(grey).astype(np.int16)
    is_paper = np.abs(border - int(np.median(border))) <= MIN_CONTRAST
    if is_paper.mean() >= PAPER_SHARE or int(grey.max()) - int(grey.min()) < MIN_CONTRAST:
        return _strength(grey)
    signed = grey.astype(np.int16) if _is_ink_bright(grey) else 255 - grey.astype(np.int16)
    strength = np.clip(signed - np.percentile(signed, PAPER_PERCENTILE), 0, None)
    return stretch_contrast(strength)


def _is_ink_bright(grey: np.ndarray) -> bool:
    """Return whether the ink is brighter than the paper in a picture that is cropped to the ink.

    Ink covers a smaller share of the border, of the corners and of the picture than paper. It is one piece, and it divides the
    paper. Each of these four criteria alone is correct for 92 to 99 % of MNIST's digits, cropped and scaled to 6 to 40 px. Their
    sum is correct for 99.7 %.
    """
    level = (grey.astype(np.float32) - grey.min()) / (int(grey.max()) - int(grey.min())) - 0.5  # −0.5 to 0.5
    corners = level[[0, 0, -1, -1], [0, -1, 0, -1]]
    n_pieces = [len(label_components(mask)[1]) for mask in (level > 0, level <= 0)]
    score = _border(level).mean() + level.mean() + corners.mean() + PIECE_WEIGHT * (n_pieces[0] - n_pieces[1])
    return bool(score < 0)


def _is_black_on_white(grey: np.ndarray) -> bool:
    """Return whether most pixels are black or white. This is possible in smooth line art, but not in a photograph of paper."""
    dark, bright = (grey < EXTREME_LEVELS).mean(), (grey > 255 - EXTREME_LEVELS).mean()
    return bool(min(dark, bright) >= MIN_EXTREME_SHARE and dark + bright >= 0.5)


def _is_smooth_crop(grey: np.ndarray, strength: np.ndarray) -> bool:
    """Return whether a picture is line art that was cropped to the ink and enlarged smoothly.

    The ink of such a picture touches several sides. Many pixels are black or white, and the picture has no grain. The lack of
    grain alone is not enough, because a photograph that was blurred, reduced or compressed has no grain either. The picture has
    no detail finer than the pixels before it was enlarged, but the pen strokes of a photograph are finer.
    """
    dark, bright = (grey < EXTREME_LEVELS).mean(), (grey > 255 - EXTREME_LEVELS).mean()
    if not (dark and bright and dark + bright >= SMOOTH_EXTREME_SHARE):
        return False
    sides = (strength[0], strength[-1], strength[:, 0], strength[:, -1])
    if sum(bool((side >= INK_LEVEL).any()) for side in sides) < MIN_CROPPED_SIDES:
        return False
    if np.median(np.abs(np.diff(grey.astype(np.int16), 2, axis=1))) > MAX_SMOOTH_STEP:
        return False
    image = Image.fromarray(grey)
    size = [max(2, round(side * COARSE_SIDE / max(image.size))) for side in image.size]
    coarse = image.resize(size, Image.Resampling.BOX).resize(image.size, Image.Resampling.BICUBIC)
    return bool(np.percentile(np.abs(np.asarray(coarse, np.int16) - grey), 99) <= MAX_DETAIL)


def _to_grey(rgba: np.ndarray) -> np.ndarray:
    """Convert (H, W, 4) uint8 to (H, W) uint8. Dark transparent ink is placed on white, and bright transparent ink on black."""
    grey = np.asarray(Image.fromarray(np.ascontiguousarray(rgba[..., :3])).convert("L"))
    alpha = rgba[..., 3]
    if alpha.min() == 255:
        return grey
    weight = alpha.astype(np.float32) / 255
    if weight.sum() == 0:
        return np.zeros_like(grey)
    background = 255.0 if np.average(grey, weights=weight) < 128 else 0.0
    composed: np.ndarray = (grey * weight + background * (1 - weight)).round().astype(np.uint8)
    return composed


def _is_photograph(ink: np.ndarray) -> bool:
    """Return whether few pixels have the two most common levels, because a photograph has grain and shading."""
    if min(ink.shape) < MIN_PHOTOGRAPH_SIDE:
        return False
    counts = np.bincount(ink.ravel(), minlength=256)
    n_plain = max(counts[0], np.sort(counts)[-2:].sum())
    return bool(n_plain < (1 - MIN_SHADED_SHARE) * ink.size)


def _suppress_grain(ink: np.ndarray) -> np.ndarray:
    """Remove blurred and grainy surroundings of the ink with Otsu's threshold.

    Source: N. Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. SMC 9 (1979).
    """
    counts = np.bincount(ink.ravel(), minlength=256).astype(float)
    if counts[1:GRAIN_LEVELS].sum() < GRAIN_SHARE * ink.size:
        return ink
    below, levels = np.cumsum(counts), np.arange(256)
    mass = np.cumsum(counts * levels)
    with np.errstate(divide="ignore", invalid="ignore"):
        between_variance = (mass[-1] * below / below[-1] - mass) ** 2 / (below * (below[-1] - below))
    threshold = int(np.nanargmax(between_variance))
    soft = np.clip((ink.astype(np.float32) - threshold * 0.8) / max(1.0, 255 - threshold), 0, 1)
    suppressed: np.ndarray = (soft * 255).round().astype(np.uint8)
    return suppressed
