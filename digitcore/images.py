"""Pictures of any kind to digits, in the way that MNIST's own digits were made.

A digit is (28, 28) uint8, ink 255 on 0: the ink cropped, its longer side scaled to 20 px with the aspect ratio
and the anti-aliasing kept, its centre of mass put in the middle.
Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits" (the "size-normalised and centred" step).
"""

import numpy as np
from PIL import Image, ImageOps

from digitcore.errors import PictureError

SIDE = 28  # px, a digit's side
BOX = 20  # px, the longer side of its ink
FAINT = 24  # of 255: less contrast than this is paper, not ink
EDGE = 0.12  # of the strongest ink: where a stroke ends when the drawing is cropped
MAX_PIXELS = 40_000_000
LARGE = 1000  # px of a side: what is larger is shrunk first


def digit_from_canvas(rgba):
    """Bring a canvas to a digit.

    Args:
        rgba: (H, W, 4) uint8 picture, dark ink on light or light ink on dark, opaque or transparent.

    Returns:
        (28, 28) uint8, ink 255 on 0, or None when nothing is drawn.

    Raises:
        PictureError: when the array is not an RGBA picture.
    """
    rgba = np.asarray(rgba)
    if rgba.ndim != 3 or rgba.shape[2] != 4 or rgba.dtype != np.uint8:
        raise PictureError("A canvas must be an RGBA picture: an array of height × width × 4 bytes.")
    return digit_from_ink(ink(rgba))


def digit_from_image(image):
    """Bring any Pillow image, of either polarity, to a digit: (28, 28) uint8, or None when it is blank.

    Raises:
        PictureError: when the picture is too large or cannot be decoded.
    """
    if image.width * image.height > MAX_PIXELS:
        raise PictureError(f"The picture has more than {MAX_PIXELS // 1_000_000} million pixels. Make it smaller and try again.")
    try:
        image = ImageOps.exif_transpose(image)
        if image.mode in ("I", "F") or image.mode.startswith("I;16"):
            image = _eight_bits(image)
        image = image.convert("RGBA")
        if shrink := max(image.size) // LARGE:
            image = image.reduce(shrink)
        rgba = np.asarray(image)  # (H, W, 4) uint8
    except (OSError, ValueError, SyntaxError, MemoryError) as error:
        raise PictureError("The picture cannot be read. Save it as PNG or JPEG and try again.") from error
    return digit_from_ink(_without_paper(ink(rgba)))


def digit_from_ink(ink):
    """Crop, scale and centre an ink picture: (H, W) uint8, ink bright on 0 → (28, 28) uint8, or None when blank."""
    if ink.size == 0 or ink.max() < FAINT:
        return None
    top, bottom, left, right = _bounds(ink > EDGE * ink.max())
    height, width = bottom - top, right - left
    scale = BOX / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = Image.fromarray(ink[top:bottom, left:right]).resize(size, Image.Resampling.BILINEAR)
    return _centred(_full_contrast(np.asarray(small)))


def ink(rgba):
    """How far each pixel stands off the background: (H, W, 4) uint8 → (H, W) uint8, 255 the strongest ink."""
    if rgba.size == 0:
        return np.zeros(rgba.shape[:2], np.uint8)
    grey = np.asarray(Image.fromarray(np.ascontiguousarray(rgba[..., :3])).convert("L"))  # (H, W) uint8
    alpha = rgba[..., 3]
    if alpha.min() < 255:
        grey = _over_contrasting_paper(grey, alpha)
    paper = int(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))
    strength = np.abs(grey.astype(np.int16) - paper)
    if strength.max() < FAINT:
        return np.zeros(strength.shape, np.uint8)
    return _full_contrast(strength)


def _over_contrasting_paper(grey, alpha):
    """Lay a see-through picture on white if its ink is dark, on black if it is bright."""
    weight = alpha.astype(np.float32) / 255
    if weight.sum() == 0:
        return np.zeros_like(grey)
    paper = 255.0 if np.average(grey, weights=weight) < 128 else 0.0
    return (grey * weight + paper * (1 - weight)).round().astype(np.uint8)


def _without_paper(ink):
    """Push the grain and the shading of a photographed sheet below the ink (Otsu's threshold); line art stays as it is.

    Source: N. Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. SMC 9 (1979).
    """
    counts = np.bincount(ink.ravel(), minlength=256).astype(float)
    if counts[1:48].sum() < 0.05 * ink.size:
        return ink
    below, levels = np.cumsum(counts), np.arange(256)
    mass = np.cumsum(counts * levels)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (mass[-1] * below / below[-1] - mass) ** 2 / (below * (below[-1] - below))
    threshold = int(np.nanargmax(between))
    soft = np.clip((ink.astype(np.float32) - threshold * 0.8) / max(1.0, 255 - threshold), 0, 1)
    return (soft * 255).round().astype(np.uint8)


def _bounds(mask):
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def _centred(small):
    """Put the centre of mass of (h, w) uint8, h and w ≤ 20, in the middle of (28, 28)."""
    weight = small.astype(np.float64)
    height, width = small.shape
    row = (weight.sum(1) @ np.arange(height)) / weight.sum()
    column = (weight.sum(0) @ np.arange(width)) / weight.sum()
    middle = (SIDE - 1) / 2
    top = int(np.clip(round(middle - row), 0, SIDE - height))
    left = int(np.clip(round(middle - column), 0, SIDE - width))
    digit = np.zeros((SIDE, SIDE), np.uint8)
    digit[top : top + height, left : left + width] = small
    return digit


def _full_contrast(ink):
    """Scale so that the strongest ink is 255."""
    return (ink * (255.0 / ink.max())).round().astype(np.uint8)


def _eight_bits(image):
    values = np.asarray(image, np.float64)
    values = np.nan_to_num(values, posinf=0, neginf=0)
    low, high = values.min(), values.max()
    return Image.fromarray(((values - low) * (255 / (high - low or 1))).round().astype(np.uint8))
