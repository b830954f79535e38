"""Extraction of ink: from the pixels of a drawing, of line art or of a photograph to the strength of the ink in each pixel."""

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from digitcore.errors import ImageError
from digitcore.images import photographs

MIN_CONTRAST = 24  # of 255: smaller differences from the background are not ink
GRAIN_LEVELS = 48  # of 255: ink below this level is grain of the paper if there is much of it
MIN_PHOTOGRAPH_SIDE = 64  # px
MIN_SHADED_SHARE = 0.5  # of a photograph's pixels
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
    grey = _to_grey(rgba)
    background = int(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))
    strength = np.abs(grey.astype(np.int16) - background)
    if strength.max() < MIN_CONTRAST:
        return np.zeros(strength.shape, np.uint8)
    return stretch_contrast(strength)


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
    strength = ink_strength(rgba)
    if not _is_photograph(strength):
        return _suppress_grain(strength), False
    factor = max(1, round(max(strength.shape) / photographs.WORKING_SIDE))
    return photographs.extract_ink(np.asarray(Image.fromarray(_to_grey(rgba)).reduce(factor))), True


def stretch_contrast(ink: np.ndarray) -> np.ndarray:
    """Scale ink so that its strongest pixel is 255.

    Args:
        ink: numbers of any shape and type, at least one of them above 0.

    Returns:
        uint8 array of the same shape.

    Example:
        >>> stretch_contrast(np.array([0, 20, 40]))
        array([  0, 128, 255], dtype=uint8)
    """
    stretched: np.ndarray = (ink * (255.0 / ink.max())).round().astype(np.uint8)
    return stretched


def _to_grey(rgba: np.ndarray) -> np.ndarray:
    """Convert (H, W, 4) uint8 to (H, W) uint8. Dark transparent ink is put on white, bright transparent ink on black."""
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
    """Return whether few pixels share the two most common levels, because of the grain and the shading of a photograph."""
    if min(ink.shape) < MIN_PHOTOGRAPH_SIDE:
        return False
    counts = np.bincount(ink.ravel(), minlength=256)
    n_plain = max(counts[0], np.sort(counts)[-2:].sum())
    return bool(n_plain < (1 - MIN_SHADED_SHARE) * ink.size)


def _suppress_grain(ink: np.ndarray) -> np.ndarray:
    """Push blurred and grainy surroundings below the ink (Otsu's threshold).

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
