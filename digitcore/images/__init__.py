"""Conversion of canvases, line art and photographs to digits of 28 × 28 pixels."""

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
    ink_from_file,
    ink_from_image,
    text_lines,
)
from digitcore.images.ink import ink_strength

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
    "ink_from_file",
    "ink_from_image",
    "ink_strength",
    "text_lines",
]
