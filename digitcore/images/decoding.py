"""Decoding of untrusted image files: size limits, reduction, 16-bit and float images, EXIF orientation."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import ExifTags, Image, ImageOps

from digitcore.errors import ImageError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
MAX_PIXELS = 40_000_000
MAX_SIDE = 1000  # px: larger images are reduced first
SIDEWAYS = (5, 6, 7, 8)  # EXIF's orientations of a picture that lies on its side
STRIP_PIXELS = 1_000_000  # that are converted at a time
TOO_LARGE = f"The picture has more than {MAX_PIXELS // 1_000_000} million pixels. Make it smaller and try again."
UNREADABLE = "This file cannot be read as an image. Save it as PNG or JPEG and try again."


def open_image(content: bytes, formats: Sequence[str] = FORMATS) -> Image.Image:
    """Read an image file's header; its pixels are not decoded yet.

    Args:
        content: of the file.
        formats: names of Pillow's formats that are accepted.

    Raises:
        ImageError: when it is no such file, or has too many pixels.
    """
    try:
        image = Image.open(io.BytesIO(content), formats=list(formats))
    except Image.DecompressionBombError as error:
        raise ImageError(TOO_LARGE) from error
    except Exception as error:  # whatever a damaged or hostile file makes Pillow raise
        raise ImageError(UNREADABLE) from error
    _check_pixels(image)
    return image


def decode(image: Image.Image) -> tuple[np.ndarray, tuple[int, int]]:
    """Decode an image, upright and reduced by a whole number to about `MAX_SIDE`.

    Returns:
        (H, W, 4) uint8, and the width and height in px of the upright image before it was reduced.

    Raises:
        ImageError: when the image is too large or cannot be decoded.
    """
    _check_pixels(image)
    (width, height), orientation = image.size, _orientation(image)
    try:
        rgba = np.asarray(_upright(_reduce(image), orientation))
    except Exception as error:  # whatever a damaged or hostile file makes Pillow raise
        raise ImageError(UNREADABLE) from error
    return rgba, (height, width) if orientation in SIDEWAYS else (width, height)


def _check_pixels(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(TOO_LARGE)


def _reduce(image: Image.Image) -> Image.Image:
    """The image as RGBA, reduced by a whole number to about `MAX_SIDE`."""
    factor = max(image.size) // MAX_SIDE
    if factor > 1:
        image.draft(None, (image.width // factor, image.height // factor))  # JPEG: decodes fewer pixels
        factor = max(image.size) // MAX_SIDE
    if factor <= 1:
        return _to_rgba(image)
    image.load()
    rows = factor * max(1, STRIP_PIXELS // (image.width * factor))
    strips = [
        _to_reducible(image.crop((0, top, image.width, min(top + rows, image.height)))).reduce(factor)
        for top in range(0, image.height, rows)
    ]
    reduced = Image.new(strips[0].mode, (strips[0].width, sum(strip.height for strip in strips)))
    top = 0
    for strip in strips:
        reduced.paste(strip, (0, top))
        top += strip.height
    return _to_rgba(reduced)


def _is_deep(image: Image.Image) -> bool:
    """Whether the image has one channel of more than 8 bits."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def _to_reducible(image: Image.Image) -> Image.Image:
    return Image.fromarray(_finite(image).astype(np.float32)) if _is_deep(image) else image.convert("RGBA")


def _to_rgba(image: Image.Image) -> Image.Image:
    return (_to_8_bits(image) if _is_deep(image) else image).convert("RGBA")


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation; 1 where there is none or it cannot be read."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 EXIF may hold anything
        return 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    image.info = {}  # the file's EXIF, which cannot be trusted
    image.getexif()[ExifTags.Base.Orientation] = orientation
    return ImageOps.exif_transpose(image)


def _finite(image: Image.Image) -> np.ndarray:
    """(H, W) float64."""
    return np.nan_to_num(np.asarray(image, np.float64), posinf=0, neginf=0)


def _to_8_bits(image: Image.Image) -> Image.Image:
    values = _finite(image)
    low, high = values.min(), values.max()
    return Image.fromarray(((values - low) * (255 / (high - low or 1))).round().astype(np.uint8))
