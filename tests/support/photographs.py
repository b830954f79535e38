"""Photographs of digits on paper, drawn by code with light, lines, a tilted and blurred camera, and JPEG compression."""

import io

import numpy as np
from PIL import Image
from scipy import ndimage

from digitcore.data import strokes, synthetic

KINDS = ("pen", "pencil", "shadow", "ruled", "squared", "small", "marker")
PAGE = 1100  # px
LINED_DARKNESS = (0.35, 0.9)
DARKNESS = {"pencil": (0.25, 0.5), "ruled": LINED_DARKNESS, "squared": LINED_DARKNESS}  # share of the light that ink takes
PEN_DARKNESS = (0.6, 0.9)
EXTENT = {"small": (0.1, 0.2)}  # share of the page that a digit's longer side takes; else `USUAL_EXTENT`
USUAL_EXTENT = (0.3, 0.65)
TIP = {"small": (0.05, 0.1), "marker": (0.12, 0.22)}  # width of the pen as a share of the digit; else `USUAL_TIP`
USUAL_TIP = (0.025, 0.07)


def photograph(kind, label, rng, *, n_digits=1):
    """Return the JPEG file of a photograph of a sheet with digits of one label.

    Args:
        kind: of `KINDS`; "shadow" is a pen's in half shadow, "ruled" and "squared" are on such paper,
            "small" is small on its page, "marker" is written with a thick pen.
        label: 0 to 9; None leaves the sheet blank.
        rng: source of the random numbers.
        n_digits: side by side.
    """
    ink = np.zeros((PAGE, PAGE), np.float32)
    if label is not None:
        ink = np.maximum.reduce([_ink(kind, label, rng, i, n_digits) for i in range(n_digits)])
    if kind == "pencil":
        ink *= ndimage.gaussian_filter(rng.uniform(0.2, 1.2, ink.shape), 0.7).clip(0, 1)
    paper = _lines(kind, rng) * (1 - rng.uniform(*DARKNESS.get(kind, PEN_DARKNESS)) * ink)
    picture = rng.uniform(185, 240) * _light(kind, rng) * paper
    picture = ndimage.rotate(picture, rng.uniform(-3, 3), order=1, reshape=False, mode="reflect")
    margin = 60
    picture = ndimage.gaussian_filter(picture[margin:-margin, margin:-margin], rng.uniform(0.6, 1.6))
    picture = picture[:, :, None] * rng.uniform(0.93, 1, 3) + rng.normal(0, rng.uniform(1.5, 4), (*picture.shape, 1))
    file = io.BytesIO()
    Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=int(rng.integers(60, 92)))
    return file.getvalue()


def _ink(kind, label, rng, position, n_digits):
    """Return the ink of the digits, (PAGE, PAGE) float, 0 to 1. Several digits are side by side."""
    written = synthetic.handwritten_strokes(synthetic.choose_glyph(label, rng), rng)
    extent = PAGE * (rng.uniform(*EXTENT.get(kind, USUAL_EXTENT)) if n_digits == 1 else 0.5 / n_digits)
    room = (PAGE - extent) / 2 - 130
    middle = PAGE / 2 + rng.uniform(-room, room, 2)
    if n_digits > 1:
        middle = np.array([PAGE * (0.2 + 0.6 * position / (n_digits - 1)), PAGE / 2 + rng.uniform(-40, 40)])
    fitted = [stroke - strokes.CANVAS_SIDE / 2 + middle for stroke in synthetic.fit(written, extent)]
    return strokes.paint(fitted, brush=extent * rng.uniform(*TIP.get(kind, USUAL_TIP)), side=PAGE).astype(np.float32) / 255


def _light(kind, rng):
    """Return the light, (PAGE, PAGE) float. It decreases to one side, and by half in a shadow with a soft edge."""
    y, x = np.mgrid[-1 : 1 : PAGE * 1j, -1 : 1 : PAGE * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    light = 1 - rng.uniform(0, 0.15) * (np.cos(angle) * x + np.sin(angle) * y) - rng.uniform(0, 0.1) * (x**2 + y**2)
    if kind == "shadow":
        angle, softness = rng.uniform(0, 2 * np.pi), rng.uniform(0.03, 0.2)
        edge = np.cos(angle) * x + np.sin(angle) * y - rng.uniform(-0.4, 0.4)
        light = light * (1 - rng.uniform(0.3, 0.55) / (1 + np.exp(-edge / softness)))
    return light.astype(np.float32)


def _lines(kind, rng):
    """Return the brightness of the lined paper, (PAGE, PAGE) float. 1 is blank paper."""
    paper = np.ones((PAGE, PAGE), np.float32)
    if kind in ("ruled", "squared"):
        gap, width, darkness = rng.integers(40, 90), rng.integers(2, 5), rng.uniform(0.1, 0.35)
        on_line = (np.arange(PAGE) + rng.integers(gap)) % gap < width
        paper[on_line] -= darkness
        if kind == "squared":
            paper[:, on_line] = np.minimum(paper[:, on_line], 1 - darkness)
    return paper
