"""Conversion of ink to digits by the method of MNIST.

A digit is a (28, 28) uint8 array with ink 255 on 0. The ink is cropped and its longer side is scaled to 20 px, with the aspect
ratio and the anti-aliasing kept. The center of mass is placed in the middle.
Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits" (the "size-normalised and centred" step).
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from digitcore.errors import ImageError
from digitcore.images import photographs
from digitcore.images.decoding import FORMATS, decode, open_image
from digitcore.images.ink import MIN_CONTRAST, ink_strength, separate_ink, stretch_contrast

SIDE = 28  # px, side of a digit
INK_SIDE = 20  # px, longer side of a digit's ink
CROP_THRESHOLD = 0.12  # of the strongest ink: weaker ink is ignored when a drawing is cropped
LARGE = 4_000_000  # number of pixels; larger images are decoded one at a time

# Large images are always decoded on the same thread, because the memory allocator keeps the freed memory of each thread.
_large = ThreadPoolExecutor(1, thread_name_prefix="large-images")


class FoundDigit(NamedTuple):
    """A digit that was found in an image.

    Attributes:
        digit: (28, 28) uint8, ink 255 on 0.
        box: left, top, right and bottom of the digit in px of the upright image; right and bottom are exclusive.
        n_found: number of digits in the image, at most `photographs.MAX_PARTS`.
        line: number of the line of writing, from 0 at the top.

    Example:
        >>> FoundDigit(np.zeros((28, 28), np.uint8), box=(10, 20, 50, 80), n_found=1).box
        (10, 20, 50, 80)
    """

    digit: np.ndarray
    box: tuple[int, int, int, int]
    n_found: int
    line: int = 0


@dataclass(frozen=True, eq=False)
class ImageInk:
    """The ink of an image, in which digits can be found.

    Attributes:
        ink: (H, W) uint8, ink up to 255 on 0.
        is_photograph: whether the image is a photograph of paper rather than line art.
        size: width and height of the upright image, in px.

    Example:
        >>> ink_from_image(Image.new("L", (300, 200), "white"))
        ImageInk(is_photograph=False, size=(300, 200))
    """

    ink: np.ndarray = field(repr=False)
    is_photograph: bool
    size: tuple[int, int]

    def digits(self, *, every: bool = False) -> list[FoundDigit]:
        """Find the digits in the image.

        Parts that lie close together are one digit. Line art is one digit unless several parts of similar height stand side by
        side.

        Args:
            every: whether to return all digits instead of only the largest digit.

        Returns:
            All digits in reading order, or only the digit with the most ink. Lines are read from top to bottom, and digits from
            left to right. The list is empty if the image is blank.

        Example:
            >>> image = Image.new("L", (300, 200), "white")
            >>> image.paste("black", (50, 40, 70, 160))
            >>> image.paste("black", (200, 40, 220, 160))
            >>> [found.box for found in ink_from_image(image).digits(every=True)]
            [(50, 40, 70, 160), (200, 40, 220, 160)]
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
        lines = photographs.sort_into_lines(regions)
        return self._convert(lines, regions[0], every)

    def _separate_regions(self, threshold: int) -> list[photographs.Region]:
        regions = photographs.find_regions(self.ink, threshold)
        return [region for region in regions if region.ink.max() >= MIN_CONTRAST]

    def _convert(self, lines: list[list[photographs.Region]], largest: photographs.Region, every: bool) -> list[FoundDigit]:
        """Convert all regions or the largest to digits, with boxes in px of the upright image."""
        height, width = self.ink.shape
        scale = np.array([*self.size, *self.size]) / np.maximum(1, [width, height, width, height])
        n_found, found = sum(map(len, lines)), []
        for number, region in ((number, region) for number, line in enumerate(lines) for region in line):
            if every or region is largest:
                left, top, right, bottom = np.round(scale * region[:4]).astype(int).tolist()
                found.append(FoundDigit(_to_digit(region.ink), (left, top, right, bottom), n_found, number))
        return found


def text_lines(found: Sequence[FoundDigit], digits: Sequence[int]) -> list[str]:
    """Return the numbers in an image, with one text for each line of writing.

    Args:
        found: all digits of an image, as `ImageInk.digits(every=True)` returns them.
        digits: the predicted digit for each item of `found`.

    Returns:
        The lines from top to bottom.

    Example:
        >>> blank = np.zeros((28, 28), np.uint8)
        >>> found = [FoundDigit(blank, (0, 0, 9, 9), n_found=3, line=line) for line in (0, 0, 1)]
        >>> text_lines(found, [1, 9, 8])
        ['19', '8']
    """
    lines: dict[int, str] = {}
    for part, digit in zip(found, digits, strict=True):
        lines[part.line] = lines.get(part.line, "") + str(digit)
    return list(lines.values())


def digit_from_canvas(rgba: ArrayLike) -> np.ndarray | None:
    """Convert the image of a canvas to a digit.

    Args:
        rgba: (H, W, 4) uint8 image, dark ink on light or light ink on dark, opaque or transparent.

    Returns:
        (28, 28) uint8, ink 255 on 0, or `None` if the canvas is blank.

    Raises:
        ImageError: If the array is not an RGBA image.

    Example:
        >>> canvas = np.zeros((280, 280, 4), np.uint8)
        >>> digit_from_canvas(canvas) is None
        True
        >>> canvas[60:220, 130:150] = 255
        >>> digit_from_canvas(canvas).shape
        (28, 28)
    """
    return digit_from_ink(ink_strength(rgba))


def digit_from_file(content: bytes, formats: Sequence[str] = FORMATS) -> np.ndarray | None:
    """Convert an image file to a digit. If the image shows several digits, the largest is converted.

    Args:
        content: bytes of the file. The image has dark ink on light or light ink on dark.
        formats: names of the Pillow formats that are accepted.

    Returns:
        (28, 28) uint8, ink 255 on 0, or `None` if the image is blank.

    Raises:
        UnreadableImageError: If the file is damaged or has another format.
        ImageError: If the image has too many pixels.

    Example:
        >>> import io
        >>> image, file = Image.new("L", (200, 200), "white"), io.BytesIO()
        >>> image.paste("black", (90, 40, 110, 160))
        >>> image.save(file, "PNG")
        >>> digit_from_file(file.getvalue()).shape
        (28, 28)
    """
    found = ink_from_file(content, formats).digits()
    return found[0].digit if found else None


def digit_from_image(image: Image.Image) -> np.ndarray | None:
    """Convert a Pillow image to a digit. If the image shows several digits, the largest is converted.

    Args:
        image: image of any size and mode, with dark ink on light or light ink on dark.

    Returns:
        (28, 28) uint8, ink 255 on 0, or `None` if the image is blank.

    Raises:
        UnreadableImageError: If the image cannot be decoded.
        ImageError: If the image has too many pixels.

    Example:
        >>> image = Image.new("L", (200, 200), "white")
        >>> digit_from_image(image) is None
        True
        >>> image.paste("black", (90, 40, 110, 160))
        >>> digit_from_image(image).shape
        (28, 28)
    """
    found = ink_from_image(image).digits()
    return found[0].digit if found else None


def digit_from_ink(ink: np.ndarray) -> np.ndarray | None:
    """Crop, scale and center ink.

    Args:
        ink: (H, W) uint8, ink bright on 0.

    Returns:
        (28, 28) uint8, ink 255 on 0, or `None` if there is no ink.

    Example:
        >>> ink = np.zeros((100, 100), np.uint8)
        >>> ink[:80, :20] = 255
        >>> digit = digit_from_ink(ink)
        >>> rows, columns = np.nonzero(digit)
        >>> int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())
        (4, 23, 12, 16)
    """
    return None if ink.size == 0 or ink.max() < MIN_CONTRAST else _to_digit(ink)


def ink_from_file(content: bytes, formats: Sequence[str] = FORMATS) -> ImageInk:
    """Extract the ink of an image file.

    A large image is reduced while it is decoded, and its memory is freed before the next image is decoded.

    Args:
        content: bytes of the file. The image has dark ink on light or light ink on dark.
        formats: names of the Pillow formats that are accepted.

    Returns:
        The ink, in which `ImageInk.digits` finds the digits.

    Raises:
        UnreadableImageError: If the file is damaged or has another format.
        ImageError: If the image has too many pixels.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> Image.new("L", (200, 100), "white").save(file, "PNG")
        >>> ink_from_file(file.getvalue()).size
        (200, 100)
    """
    image = open_image(content, formats)
    if image.width * image.height > LARGE:
        return _large.submit(_convert_and_close, image).result()
    return _convert_and_close(image)


def ink_from_image(image: Image.Image) -> ImageInk:
    """Extract the ink of a Pillow image.

    Args:
        image: image of any size and mode, with dark ink on light or light ink on dark.

    Returns:
        The ink, in which `ImageInk.digits` finds the digits.

    Raises:
        UnreadableImageError: If the image cannot be decoded.
        ImageError: If the image has too many pixels.

    Example:
        >>> ink_from_image(Image.new("L", (200, 100), "white")).digits()
        []
    """
    rgba, size = decode(image)
    return ImageInk(*separate_ink(rgba), size)


def decode_canvas(content: bytes) -> np.ndarray:
    """Decode the PNG file of a canvas.

    Args:
        content: bytes of the file.

    Returns:
        The pixels. Their shape is (H, W, 4) uint8 if the file is RGBA.

    Raises:
        UnreadableImageError: If the file is not a PNG image.
        ImageError: If the file is damaged, or larger than a canvas.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> Image.new("RGBA", (280, 280)).save(file, "PNG")
        >>> decode_canvas(file.getvalue()).shape
        (280, 280, 4)
    """
    image = open_image(content, ["PNG"])
    try:
        if image.width * image.height > LARGE:
            raise ValueError(image.size)
        return np.asarray(image)
    except Exception as error:  # A damaged or hostile file can make Pillow raise any exception.
        raise ImageError("The drawing cannot be read. Clear the canvas and draw again.") from error


def _convert_and_close(image: Image.Image) -> ImageInk:
    try:
        return ink_from_image(image)
    finally:
        image.close()


def _has_empty_column(mask: np.ndarray) -> bool:
    """Return whether a column without ink lies between two columns with ink."""
    columns = np.flatnonzero(mask.any(0))
    return bool(columns[-1] - columns[0] >= len(columns))


def _to_digit(ink: np.ndarray) -> np.ndarray:
    """Convert ink that is not blank to a (28, 28) uint8 digit."""
    top, bottom, left, right = _bounding_box(ink > CROP_THRESHOLD * ink.max())
    height, width = bottom - top, right - left
    scale = INK_SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = Image.fromarray(ink[top:bottom, left:right]).resize(size, Image.Resampling.BILINEAR)
    return _center(stretch_contrast(np.asarray(small)))


def _bounding_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Return the first row, the last row + 1, the first column and the last column + 1 that contain ink."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _center(small: np.ndarray) -> np.ndarray:
    """Place (h, w) uint8 ink, h and w ≤ 20, on a digit so that its center of mass is in the middle."""
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
