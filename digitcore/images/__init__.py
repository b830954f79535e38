"""Images of any kind to digits: canvases, line art and photographs."""

from digitcore.images.digit import (
    INK_SIDE,
    SIDE,
    FoundDigit,
    ImageInk,
    decode_canvas,
    digit_from_canvas,
    digit_from_file,
    digit_from_image,
    digit_from_ink,
    ink,
    ink_from_file,
    ink_from_image,
)

__all__ = [
    "INK_SIDE",
    "SIDE",
    "FoundDigit",
    "ImageInk",
    "decode_canvas",
    "digit_from_canvas",
    "digit_from_file",
    "digit_from_image",
    "digit_from_ink",
    "ink",
    "ink_from_file",
    "ink_from_image",
]
