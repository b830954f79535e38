"""Pictures that are no digits, drawn by code: a network should say that it does not know.

The letters, from the font that Pillow carries, leave out those that look like a digit (B D G I O S Z b g i j l o q s z);
the blots leave out upright bars.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from digitcore.images import SIDE, digit_from_ink

CANVAS = 112  # px
LETTERS = "ACEFHJKLMNPQRTUVWXYacdefhkmnprtuvwxy&?#@%"
TAUGHT = ("shape", "scribble", "noise", "blot")  # what models may learn from; letters stay unseen
KINDS = ("letter", "shape", "scribble", "noise", "blot")


def draw(n: int, seed: int, kinds: tuple[str, ...] = KINDS) -> tuple[np.ndarray, list[str]]:
    """Pictures of each kind in turn, brought to 28×28 as every drawing is.

    Args:
        n: how many.
        seed: the same number gives the same pictures.
        kinds: which of `KINDS`.

    Returns:
        (n, 28, 28) uint8, and the kind of each.
    """
    rng = np.random.default_rng(seed)
    named = [kinds[i % len(kinds)] for i in range(n)]
    return np.array([_picture(kind, rng) for kind in named], np.uint8).reshape(-1, SIDE, SIDE), named


def _picture(kind, rng):
    """One (28, 28) uint8 picture that is not blank."""
    if kind == "noise":
        return _noise(rng)
    while True:
        picture = Image.new("L", (CANVAS, CANVAS))
        _PAINTERS[kind](ImageDraw.Draw(picture), rng)
        if (digit := digit_from_ink(np.asarray(picture))) is not None:
            return digit


def _letter(pen, rng):
    font = ImageFont.load_default(size=float(rng.uniform(60, 90)))
    pen.text((CANVAS / 2, CANVAS / 2), rng.choice(list(LETTERS)), 255, font, anchor="mm", stroke_width=int(rng.integers(0, 3)))


def _shape(pen, rng):
    """A star, a polygon with its diagonals, parallel lines, a spiral, a wave, or a grid."""
    brush = int(rng.integers(5, 10))
    kind = rng.integers(6)
    if kind < 2:
        corners = int(rng.integers(4, 8))
        turn = rng.uniform(0, 2 * np.pi)
        points = [_around(turn + 2 * np.pi * k / corners, 45) for k in range(corners)]
        step = 2 if kind == 0 and corners > 4 else 1
        pairs = [(points[k], points[(k + step) % corners]) for k in range(corners)]
        pairs += [(points[0], points[corners // 2]), (points[1], points[(1 + corners // 2) % corners])]
        for start, end in pairs:
            pen.line([start, end], 255, brush)
    elif kind == 2:
        gap, tall = rng.integers(18, 30), rng.random() < 0.5
        for offset in range(12, CANVAS, int(gap)):
            pen.line([(offset, 8), (offset, 104)] if tall else [(8, offset), (104, offset)], 255, brush)
    elif kind == 3:
        turns = np.linspace(0, rng.uniform(4, 7) * np.pi, 80)
        pen.line([_around(angle, 3 + 42 * angle / turns[-1]) for angle in turns], 255, brush)
    elif kind == 4:
        x = np.linspace(6, 106, 60)
        y = 56 + 30 * np.sin(x * rng.uniform(0.15, 0.35))
        pen.line(list(zip(x, y, strict=True)), 255, brush)
    else:
        for offset in (30, 56, 82):
            pen.line([(offset, 8), (offset, 104)], 255, brush)
            pen.line([(8, offset), (104, offset)], 255, brush)


def _scribble(pen, rng):
    """A long random walk, or several short strokes."""
    for _ in range(int(rng.integers(1, 4))):
        points = (rng.uniform(10, 102, (int(rng.integers(5, 14)), 2))).round()
        pen.line([tuple(point) for point in points], 255, int(rng.integers(5, 11)), joint="curve")


def _blot(pen, rng):
    """A dot, a filled box, a frame, or a full page."""
    x, y = rng.uniform(30, 80, 2)
    height = rng.uniform(10, 50)
    width = height * rng.uniform(0.8, 3)
    box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    if rng.random() < 0.5:
        pen.ellipse(box, fill=255)
    else:
        pen.rectangle(box, fill=255)


def _noise(rng):
    if rng.random() < 0.5:
        return rng.integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
    return np.where(rng.random((SIDE, SIDE)) < rng.uniform(0.1, 0.5), 255, 0).astype(np.uint8)


def _around(angle, radius):
    return CANVAS / 2 + radius * np.cos(angle), CANVAS / 2 + radius * np.sin(angle)


_PAINTERS = {"letter": _letter, "shape": _shape, "scribble": _scribble, "blot": _blot}
