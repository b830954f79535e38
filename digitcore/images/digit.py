"""Images of any kind to digits, by the method that made MNIST's own digits.

A digit is (28, 28) uint8, ink 255 on 0: the ink cropped, its longer side scaled to 20 px with the aspect ratio
and the anti-aliasing kept, its center of mass in the middle.
Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits" (the "size-normalised and centred" step).
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from digitcore.errors import ImageError
from digitcore.images import photographs
from digitcore.images.decoding import FORMATS, decode, open_image

SIDE = 28  # px, a digit's side
INK_SIDE = 20  # px, the longer side of a digit's ink
MIN_CONTRAST = 24  # of 255: less is paper, not ink
CROP_THRESHOLD = 0.12  # of the strongest ink: where a stroke ends when the drawing is cropped
LARGE = 4_000_000  # pixels: of files with more, one is decoded at a time
GRAIN_LEVELS = 48  # of 255: ink below this is the grain of paper where there is much of it
MIN_PHOTOGRAPH_SIDE = 64  # px
MIN_SHADED_SHARE = 0.5  # of a photograph's pixels
GRAIN_SHARE = 0.05  # of the pixels: less grain than this is line art, which stays as it is


# One at a time, and on one thread, because a memory allocator keeps for each thread what it has freed.
_large = ThreadPoolExecutor(1, thread_name_prefix="large-images")


def decode_canvas(content: bytes) -> np.ndarray:
    """The pixels of a canvas's PNG file, (H, W, 4) uint8 where it is RGBA.

    Raises:
        ImageError: when it is no PNG, or larger than a canvas is.
    """
    image = open_image(content, ["PNG"])
    try:
        if image.width * image.height > LARGE:
            raise ValueError(image.size)
        return np.asarray(image)
    except Exception as error:  # whatever a damaged or hostile file makes Pillow raise
        raise ImageError("The drawing cannot be read. Clear the canvas and draw again.") from error


def digit_from_canvas(rgba: ArrayLike) -> np.ndarray | None:
    """Convert a canvas to a digit.

    Args:
        rgba: (H, W, 4) uint8 image, dark ink on light or light ink on dark, opaque or transparent.

    Returns:
        (28, 28) uint8, ink 255 on 0, or None when nothing is drawn.

    Raises:
        ImageError: when the array is not an RGBA image.
    """
    rgba = np.asarray(rgba)
    if rgba.ndim != 3 or rgba.shape[2] != 4 or rgba.dtype != np.uint8:
        raise ImageError("A canvas must be an RGBA picture: an array of height × width × 4 bytes.")
    return digit_from_ink(ink(rgba))


def digit_from_file(content: bytes, formats: Sequence[str] = FORMATS) -> np.ndarray | None:
    """Convert an image file, of either polarity, to a digit: (28, 28) uint8, or None when it is blank.

    Args:
        content: of the file.
        formats: names of Pillow's formats that are accepted.

    Raises:
        ImageError: when it is no such file, is too large or cannot be decoded.
    """
    found = ink_from_file(content, formats).digits()
    return found[0].digit if found else None


def ink_from_file(content: bytes, formats: Sequence[str] = FORMATS) -> "ImageInk":
    """The ink of an image file, of either polarity.

    A large image is shrunk while it is decoded, and gone before the next one is decoded.

    Args:
        content: of the file.
        formats: names of Pillow's formats that are accepted.

    Raises:
        ImageError: when it is no such file, is too large or cannot be decoded.
    """
    image = open_image(content, formats)
    if image.width * image.height > LARGE:
        return _large.submit(_convert_and_close, image).result()
    return _convert_and_close(image)


def _convert_and_close(image: Image.Image) -> "ImageInk":
    try:
        return ink_from_image(image)
    finally:
        image.close()


def digit_from_image(image: Image.Image) -> np.ndarray | None:
    """Convert any Pillow image, of either polarity, to a digit: (28, 28) uint8, or None when it is blank.

    Raises:
        ImageError: when the image is too large or cannot be decoded.
    """
    found = ink_from_image(image).digits()
    return found[0].digit if found else None


def ink_from_image(image: Image.Image) -> "ImageInk":
    """The ink of any Pillow image, of either polarity.

    Raises:
        ImageError: when the image is too large or cannot be decoded.
    """
    rgba, size = decode(image)
    strength = ink(rgba)
    is_photograph = _is_photograph(strength)
    if is_photograph:
        factor = max(1, round(max(strength.shape) / photographs.WORKING_SIDE))
        strength = photographs.extract_ink(np.asarray(Image.fromarray(_grey(rgba)).reduce(factor)))
    else:
        strength = _suppress_grain(strength)
    return ImageInk(strength, is_photograph, size)


class FoundDigit(NamedTuple):
    """One of the digits in a picture.

    Attributes:
        digit: (28, 28) uint8, ink 255 on 0.
        box: left, top, right, bottom in px of the upright picture; right and bottom are outside.
        n_found: number of digits in the picture, at most `photographs.MAX_PARTS`.
    """

    digit: np.ndarray
    box: tuple[int, int, int, int]
    n_found: int


@dataclass(frozen=True, eq=False)
class ImageInk:
    """The ink of a picture.

    Attributes:
        ink: (H, W) uint8, ink up to 255 on 0.
        is_photograph: of paper, rather than line art.
        size: width and height of the upright picture, in px.
    """

    ink: np.ndarray
    is_photograph: bool
    size: tuple[int, int]

    def digits(self, *, every: bool = False) -> list[FoundDigit]:
        """The digits, none where the picture is blank.

        Args:
            every: all of them, the one with the most ink first, where parts that lie close together are one digit; else the
                largest. Line art is one digit unless several parts stand side by side that are about as high.
        """
        if self.ink.size == 0 or self.ink.max() < MIN_CONTRAST:
            return []
        threshold = int(CROP_THRESHOLD * self.ink.max())
        mask = self.ink > threshold
        is_separated = every or self.is_photograph
        regions = self._separate_regions(threshold) if is_separated or _has_empty_column(mask) else []
        if not (is_separated or photographs.stand_side_by_side(regions)):
            top, bottom, left, right = _bounding_box(mask)
            regions = [photographs.Region(left, top, right, bottom, self.ink[top:bottom, left:right])]
        return self._convert(regions, len(regions) if every else 1)

    def _separate_regions(self, threshold: int) -> list[photographs.Region]:
        regions = photographs.find_regions(self.ink, threshold)
        return [region for region in regions if region.ink.max() >= MIN_CONTRAST]

    def _convert(self, regions: list[photographs.Region], most: int) -> list[FoundDigit]:
        height, width = self.ink.shape
        scale = np.array([*self.size, *self.size]) / np.maximum(1, [width, height, width, height])
        found = []
        for region in regions[:most]:
            left, top, right, bottom = np.round(scale * region[:4]).astype(int).tolist()
            found.append(FoundDigit(_to_digit(region.ink), (left, top, right, bottom), len(regions)))
        return found


def _has_empty_column(mask: np.ndarray) -> bool:
    """Whether a column without ink lies between columns with some."""
    columns = np.flatnonzero(mask.any(0))
    return bool(columns[-1] - columns[0] >= len(columns))


def digit_from_ink(ink: np.ndarray) -> np.ndarray | None:
    """Crop, scale and center an ink image: (H, W) uint8, ink bright on 0 → (28, 28) uint8, or None when blank."""
    return None if ink.size == 0 or ink.max() < MIN_CONTRAST else _to_digit(ink)


def _to_digit(ink: np.ndarray) -> np.ndarray:
    """(28, 28) uint8 of ink that is not blank."""
    top, bottom, left, right = _bounding_box(ink > CROP_THRESHOLD * ink.max())
    height, width = bottom - top, right - left
    scale = INK_SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = Image.fromarray(ink[top:bottom, left:right]).resize(size, Image.Resampling.BILINEAR)
    return _center(_stretch_contrast(np.asarray(small)))


def ink(rgba: np.ndarray) -> np.ndarray:
    """How far each pixel stands off the background: (H, W, 4) uint8 → (H, W) uint8, 255 the strongest ink."""
    if rgba.size == 0:
        return np.zeros(rgba.shape[:2], np.uint8)
    grey = _grey(rgba)
    background = int(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))
    strength = np.abs(grey.astype(np.int16) - background)
    if strength.max() < MIN_CONTRAST:
        return np.zeros(strength.shape, np.uint8)
    return _stretch_contrast(strength)


def _grey(rgba: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8 as grey: (H, W) uint8, what is transparent put on white if its ink is dark, on black if it is bright."""
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
    """Whether hardly a pixel is quite the background, nor of one other level: the grain and shading of a photographed sheet."""
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


def _bounding_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _center(small: np.ndarray) -> np.ndarray:
    """Put the center of mass of (h, w) uint8, h and w ≤ 20, in the middle of (28, 28)."""
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


def _stretch_contrast(ink: np.ndarray) -> np.ndarray:
    """Scale so that the strongest ink is 255."""
    stretched: np.ndarray = (ink * (255.0 / ink.max())).round().astype(np.uint8)
    return stretched
