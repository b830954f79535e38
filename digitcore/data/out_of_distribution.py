"""Generation of images that show no digit. A network should predict such images with low confidence.

The letters come from the font that Pillow contains. Letters that look like a digit (B D G I O S Z b g i j l o q s z) and upright
bars are not generated.
"""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from digitcore.data import synthetic
from digitcore.data.glyphs import LETTERS as LETTER_GLYPHS
from digitcore.images import SIDE, digit_from_ink

CANVAS_SIDE = 112  # px
MIDDLE = CANVAS_SIDE / 2
LETTERS = "ACEFHJKLMNPQRTUVWXYacdefhkmnprtuvwxy&?#@%"
TRAINING_KINDS = ("shape", "scribble", "noise", "blot", "handwritten letter")  # No model is trained on letters of the font.
KINDS = ("letter", "shape", "scribble", "noise", "blot")
Pen = ImageDraw.ImageDraw


def generate(n: int, seed: int, kinds: Sequence[str] = KINDS) -> tuple[np.ndarray, list[str]]:
    """Generate images of the given kinds in turn, and convert them to 28 × 28 pixels in the same way as drawings.

    Args:
        n: number of images.
        seed: seed of the random numbers. The same seed gives the same images.
        kinds: kinds of images, from `KINDS` or `TRAINING_KINDS`.

    Returns:
        A tuple of the images, (n, 28, 28) uint8, and the kind of each.

    Example:
        >>> images, kinds = generate(3, seed=0)
        >>> images.shape, kinds
        ((3, 28, 28), ['letter', 'shape', 'scribble'])
    """
    rng = np.random.default_rng(seed)
    kind_of = [kinds[i % len(kinds)] for i in range(n)]
    return np.array([_generate_one(kind, rng) for kind in kind_of], np.uint8).reshape(-1, SIDE, SIDE), kind_of


def _generate_one(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Generate a (28, 28) uint8 image that is not blank."""
    if kind == "noise":
        return _noise(rng)
    if kind == "handwritten letter":
        return synthetic.render_handwritten(rng.choice(list(LETTER_GLYPHS.values())), rng)
    while True:
        canvas = Image.new("L", (CANVAS_SIDE, CANVAS_SIDE))
        _PAINTERS[kind](ImageDraw.Draw(canvas), rng)
        if (digit := digit_from_ink(np.asarray(canvas))) is not None:
            return digit


def _letter(pen: Pen, rng: np.random.Generator) -> None:
    font = ImageFont.load_default(size=float(rng.uniform(60, 90)))
    pen.text((MIDDLE, MIDDLE), rng.choice(list(LETTERS)), 255, font, anchor="mm", stroke_width=int(rng.integers(0, 3)))


def _shape(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a star, a polygon with its diagonals, parallel lines, a spiral, a wave, or a grid."""
    brush = int(rng.integers(5, 10))
    kind = rng.integers(6)
    if kind < 2:
        _polygon(pen, rng, brush, is_star=kind == 0)
    elif kind == 2:
        gap, vertical = rng.integers(18, 30), rng.random() < 0.5
        for offset in range(12, CANVAS_SIDE, int(gap)):
            pen.line([(offset, 8), (offset, 104)] if vertical else [(8, offset), (104, offset)], 255, brush)
    elif kind == 3:
        turns = np.linspace(0, rng.uniform(4, 7) * np.pi, 80)
        pen.line([_on_circle(angle, 3 + 42 * angle / turns[-1]) for angle in turns], 255, brush)
    elif kind == 4:
        x = np.linspace(6, 106, 60)
        y = 56 + 30 * np.sin(x * rng.uniform(0.15, 0.35))
        pen.line(list(zip(x, y, strict=True)), 255, brush)
    else:
        for offset in (30, 56, 82):
            pen.line([(offset, 8), (offset, 104)], 255, brush)
            pen.line([(8, offset), (104, offset)], 255, brush)


def _polygon(pen: Pen, rng: np.random.Generator, brush: int, is_star: bool) -> None:
    corners = int(rng.integers(4, 8))
    rotation = rng.uniform(0, 2 * np.pi)
    points = [_on_circle(rotation + 2 * np.pi * k / corners, 45) for k in range(corners)]
    step = 2 if is_star and corners > 4 else 1
    pairs = [(points[k], points[(k + step) % corners]) for k in range(corners)]
    pairs += [(points[0], points[corners // 2]), (points[1], points[(1 + corners // 2) % corners])]
    for start, end in pairs:
        pen.line([start, end], 255, brush)


def _scribble(pen: Pen, rng: np.random.Generator) -> None:
    """Draw one to three random walks."""
    for _ in range(int(rng.integers(1, 4))):
        points = (rng.uniform(10, 102, (int(rng.integers(5, 14)), 2))).round()
        pen.line([(x, y) for x, y in points], 255, int(rng.integers(5, 11)), joint="curve")


def _blot(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a filled ellipse or a filled box."""
    x, y = rng.uniform(30, 80, 2)
    height = rng.uniform(10, 50)
    width = height * rng.uniform(0.8, 3)
    box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    if rng.random() < 0.5:
        pen.ellipse(box, fill=255)
    else:
        pen.rectangle(box, fill=255)


def _noise(rng: np.random.Generator) -> np.ndarray:
    if rng.random() < 0.5:
        return rng.integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
    return np.where(rng.random((SIDE, SIDE)) < rng.uniform(0.1, 0.5), 255, 0).astype(np.uint8)


def _on_circle(angle: float, radius: float) -> tuple[float, float]:
    return MIDDLE + radius * np.cos(angle), MIDDLE + radius * np.sin(angle)


_PAINTERS: dict[str, Callable[[Pen, np.random.Generator], None]] = {
    "letter": _letter,
    "shape": _shape,
    "scribble": _scribble,
    "blot": _blot,
}
