"""Decoding of untrusted image files: size limits, reduction, 16-bit and float images, HEIC, and the EXIF orientation."""

import functools
import io
from collections.abc import Sequence

import numpy as np
from PIL import ExifTags, Image, ImageOps

from digitcore.errors import ImageError, UnreadableImageError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "HEIF")
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")  # brands of photographs from phones
NEW_SUBFILE_TYPE = 254  # tag of a TIFF picture; its first bit marks a smaller copy of another picture
MAX_PIXELS = 8192 * 6144  # of a camera with 50 megapixels, which has a little more than 50 million pixels
MAX_SIDE = 1000  # px; larger images are reduced
SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations of images that are rotated by 90°
STRIP_PIXELS = 1_000_000  # number of pixels that are converted at a time


def open_image(content: bytes, formats: Sequence[str] = FORMATS) -> Image.Image:
    """Open an image file without decoding its pixels.

    Args:
        content: bytes of the file.
        formats: names of the accepted Pillow formats.

    Returns:
        The image. Its size and mode are known, and its pixels are not decoded.

    Raises:
        UnreadableImageError: If the file is damaged or has another format.
        ImageError: If the image has too many pixels, or if a TIFF file has several pages.

    Example:
        >>> file = io.BytesIO()
        >>> Image.new("L", (200, 100)).save(file, "PNG")
        >>> open_image(file.getvalue()).size
        (200, 100)
    """
    if is_heif(content):
        _register_heif()
    try:
        image = Image.open(io.BytesIO(content), formats=[name for name in formats if name in Image.OPEN or name != "HEIF"])
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    except Exception as error:  # A damaged or hostile file can make Pillow raise any exception.
        raise UnreadableImageError from error
    _check_pixels(image)
    if image.format == "TIFF" and _has_pages(content):
        raise ImageError("The TIFF file has several pages. Save the page with the digit as a PNG or JPEG picture.")
    return image


def is_heif(content: bytes) -> bool:
    r"""Check whether a file is a HEIC picture, as phones take them.

    Args:
        content: at least the first 12 bytes of the file.

    Returns:
        Whether the first bytes have the signature of such a file.

    Example:
        >>> is_heif(b"\0\0\0\x18ftypheic"), is_heif(b"\x89PNG")
        (True, False)
    """
    return content[4:8] == b"ftyp" and content[8:12] in HEIF_BRANDS


def decode(image: Image.Image) -> tuple[np.ndarray, tuple[int, int]]:
    """Decode an image, turn it upright and reduce it by an integer factor to about `MAX_SIDE`.

    Args:
        image: Pillow image of any size and mode.

    Returns:
        A tuple of the pixels, (H, W, 4) uint8, and the width and height in px of the upright image before it was reduced.

    Raises:
        UnreadableImageError: If the image cannot be decoded.
        ImageError: If the image has too many pixels.

    Example:
        >>> pixels, size = decode(Image.new("L", (2000, 1200)))
        >>> pixels.shape, size
        ((600, 1000, 4), (2000, 1200))
    """
    _check_pixels(image)
    (width, height), orientation = image.size, _orientation(image)
    try:
        rgba = np.asarray(_upright(_reduce(image), orientation))
    except Exception as error:  # A damaged or hostile file can make Pillow raise any exception.
        raise UnreadableImageError from error
    return rgba, (height, width) if orientation in SIDEWAYS else (width, height)


def _has_pages(content: bytes) -> bool:
    """Return whether a TIFF file has a second picture that is not a smaller copy of the first picture."""
    try:
        with Image.open(io.BytesIO(content), formats=["TIFF"]) as image:
            image.seek(1)
            return not image.getexif().get(NEW_SUBFILE_TYPE, 0) & 1
    except Exception:  # noqa: BLE001 There is no second picture, or it is damaged.
        return False


@functools.cache
def _register_heif() -> None:
    """Let Pillow open HEIC files. Only the first call has an effect."""
    try:
        import pi_heif
    except ImportError as error:  # The package has no wheel for some platforms.
        raise UnreadableImageError("This server cannot read HEIC pictures. Save the picture as JPEG and try again.") from error
    pi_heif.register_heif_opener(thumbnails=False)


def _too_large() -> ImageError:
    return ImageError(f"The image has more than {MAX_PIXELS // 1_000_000} million pixels. Make the image smaller and try again.")


def _check_pixels(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise _too_large()


def _reduce(image: Image.Image) -> Image.Image:
    """Convert the image to RGBA, reduced by an integer factor to about `MAX_SIDE`."""
    factor = max(image.size) // MAX_SIDE
    if factor > 1:
        image.draft(None, (image.width // factor, image.height // factor))  # A JPEG decoder then decodes fewer pixels.
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
    """Return whether the image has one channel of more than 8 bits."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def _to_reducible(image: Image.Image) -> Image.Image:
    """Convert the image to a mode that Pillow can reduce."""
    return Image.fromarray(_finite(image).astype(np.float32)) if _is_deep(image) else image.convert("RGBA")


def _to_rgba(image: Image.Image) -> Image.Image:
    return (_to_8_bits(image) if _is_deep(image) else image).convert("RGBA")


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, or 1 if it is missing or cannot be read."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 The EXIF data are untrusted, and reading them can raise any exception.
        return 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    image.info = {}  # The EXIF data of the file are untrusted, so only the orientation is set again.
    image.getexif()[ExifTags.Base.Orientation] = orientation
    return ImageOps.exif_transpose(image)


def _finite(image: Image.Image) -> np.ndarray:
    """Return the values as (H, W) float64, with infinite values and NaN replaced by 0."""
    return np.nan_to_num(np.asarray(image, np.float64), posinf=0, neginf=0)


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Scale the values linearly so that the darkest pixel is 0 and the brightest pixel is 255."""
    values = _finite(image)
    low, high = values.min(), values.max()
    return Image.fromarray(((values - low) * (255 / (high - low or 1))).round().astype(np.uint8))
