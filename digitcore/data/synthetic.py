"""Synthetic digits in forms that MNIST lacks, for example 1s with a flag, crossed 7s, open 4s and curled 9s.

A glyph is a pen path of `digitcore.data.glyphs`. To generate a digit, the points of a glyph are shifted at random, and the line
is smoothed, slanted, stretched and rotated as in handwriting. The line is painted with a round brush on the canvas and converted
in the same way as drawings.
"""

from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from digitcore.data.glyphs import GLYPHS
from digitcore.data.strokes import CANVAS_SIDE, affine_matrix, paint
from digitcore.images import SIDE, digit_from_ink

SPLINE_STEPS = 8  # line segments between two points of a glyph
ROUNDED_SHARE = 0.25  # of the corners
PICTURE_EXTENT, PICTURE_BRUSH = 200.0, 16.0  # px, size and brush of a glyph without variation

Strokes = list[np.ndarray]  # each (m, 2) float, x and y


def glyph_names() -> list[str]:
    """Return the names of all glyphs. Each name starts with the digit.

    Returns:
        The names, for example "7 crossed".

    Example:
        >>> glyph_names()[:2]
        ['0 round', '0 oval']
    """
    return list(GLYPHS)


def generate(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Generate digits from random glyphs. The numbers of digits of two classes differ at most by one.

    Args:
        n: number of digits.
        seed: seed of the random numbers. The same seed gives the same digits.

    Returns:
        A tuple of the digits, (n, 28, 28) uint8 with ink 255 on 0, and the labels, (n,) uint8, in random order.

    Example:
        >>> digits, labels = generate(10, seed=0)
        >>> digits.shape, sorted(labels.tolist())
        ((10, 28, 28), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 10).astype(np.uint8)
    digits = np.empty((n, SIDE, SIDE), np.uint8)
    for i, label in enumerate(labels):
        digits[i] = render_handwritten(choose_glyph(label, rng), rng)
    return digits, labels


def choose_glyph(label: int, rng: np.random.Generator) -> str:
    """Choose a random glyph of a digit.

    Args:
        label: digit, 0 to 9.
        rng: random generator.

    Returns:
        Pen path of the glyph, as in `digitcore.data.glyphs`.

    Example:
        >>> choose_glyph(7, np.random.default_rng(0)) in GLYPHS.values()
        True
    """
    paths = [path for name, path in GLYPHS.items() if name.startswith(str(label))]
    return paths[rng.integers(len(paths))]


def render_handwritten(glyph: str, rng: np.random.Generator) -> np.ndarray:
    """Draw a glyph with the variation of handwriting.

    Args:
        glyph: pen path of the glyph.
        rng: random generator.

    Returns:
        (28, 28) uint8, ink 255 on 0.

    Example:
        >>> render_handwritten(GLYPHS["7 plain"], np.random.default_rng(0)).shape
        (28, 28)
    """
    strokes = handwritten_strokes(glyph, rng)
    fitted = fit(strokes, extent=rng.uniform(110, 240))
    return _digit(paint(fitted, brush=rng.uniform(12, 28)))


def handwritten_strokes(glyph: str, rng: np.random.Generator) -> Strokes:
    """Return the strokes of a glyph with the variation of handwriting.

    Args:
        glyph: pen path of the glyph.
        rng: random generator.

    Returns:
        Strokes, each (m, 2) float with x and y in the units of the glyph.

    Example:
        >>> [stroke] = handwritten_strokes(GLYPHS["7 plain"], np.random.default_rng(0))
        >>> stroke.shape[1]
        2
    """
    jitter = rng.uniform(0.1, 0.5)
    strokes = [_jitter_stroke(points, corners, jitter, rng) for points, corners in parse_glyph(glyph)]
    style = _writing_style(rng)
    return [stroke @ style.T for stroke in strokes]


def render_glyph(name: str) -> np.ndarray:
    """Draw a glyph without variation.

    Args:
        name: name of the glyph.

    Returns:
        (28, 28) uint8, ink 255 on 0.

    Example:
        >>> render_glyph("7 plain").shape
        (28, 28)
    """
    strokes = [smooth(points, corners) for points, corners in parse_glyph(GLYPHS[name])]
    return _digit(paint(fit(strokes, extent=PICTURE_EXTENT), brush=PICTURE_BRUSH))


def contact_sheet(n_samples: int = 7, seed: int = 0, zoom: int = 2) -> Image.Image:
    """Draw an overview of all glyphs. Each glyph is drawn without variation and with the variation of handwriting.

    Args:
        n_samples: number of digits with variation per glyph.
        seed: seed of the random numbers.
        zoom: side of a pixel of a digit, in px of the overview.

    Returns:
        Grey image with three columns of glyphs.

    Example:
        >>> contact_sheet(n_samples=0, zoom=1).mode
        'L'
    """
    rng = np.random.default_rng(seed)
    cell, label_width, columns = SIDE * zoom, 200, 3
    width, rows = label_width + cell * (n_samples + 1), -(-len(GLYPHS) // columns)
    sheet = Image.new("L", (width * columns, cell * rows), 40)
    pen = ImageDraw.Draw(sheet)
    for k, name in enumerate(GLYPHS):
        left, top = k // rows * width, k % rows * cell
        pen.text((left + 4, top + cell // 2 - 6), name, fill=255)
        for j, digit in enumerate([render_glyph(name)] + [render_handwritten(GLYPHS[name], rng) for _ in range(n_samples)]):
            sheet.paste(Image.fromarray(digit).resize((cell, cell)), (left + label_width + j * cell, top))
    return sheet


def parse_glyph(text: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Parse the pen path of a glyph.

    Args:
        text: pen path, as in `digitcore.data.glyphs`.

    Returns:
        A tuple for each stroke: the points, (k, 2) float, and whether each point is a corner, (k,) bool.

    Example:
        >>> [(points, corners)] = parse_glyph("1,0 7,0! 3,10")
        >>> points.tolist(), corners.tolist()
        ([[1.0, 0.0], [7.0, 0.0], [3.0, 10.0]], [False, True, False])
    """
    strokes = []
    for stroke in text.split(" / "):
        words = stroke.split()
        points = np.array([[float(number) for number in word.rstrip("!").split(",")] for word in words])
        strokes.append((points, np.array([word.endswith("!") for word in words])))
    return strokes


def smooth(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Interpolate a line through points. The line is smooth except at the corners.

    The line is a centripetal Catmull-Rom curve, which makes no loops between the points.

    Args:
        points: (k, 2) float.
        corners: (k,) bool, whether each point is a corner.

    Returns:
        (m, 2) float.

    Example:
        >>> smooth(np.array([[0.0, 0.0], [5.0, 0.0], [5.0, 5.0]]), np.array([False, True, False])).shape
        (18, 2)

    Source:
        C. Yuksel, S. Schaefer, J. Keyser, "Parameterization and applications of Catmull-Rom curves" (2011).
    """
    cuts = [0, *np.flatnonzero(corners[1:-1]) + 1, len(points) - 1]
    return np.concatenate([_catmull_rom(points[a : b + 1]) for a, b in pairwise(cuts)])


def _catmull_rom(points: np.ndarray) -> np.ndarray:
    """Interpolate (k, 2) points to ((k - 1) · SPLINE_STEPS + 1, 2) points by the pyramid of P. Barry and R. Goldman (1988)."""
    if len(points) == 2:
        return np.linspace(points[0], points[1], SPLINE_STEPS + 1)
    p = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    gaps = np.sqrt(np.hypot(*np.diff(p, axis=0).T)).clip(1e-3)
    knots = np.concatenate([[0], np.cumsum(gaps)])
    t0, t1, t2, t3 = (knots[i : i + len(p) - 3, None, None] for i in range(4))  # (k - 1, 1, 1)
    p0, p1, p2, p3 = (p[i : i + len(p) - 3, None] for i in range(4))  # (k - 1, 1, 2)
    t = t1 + (t2 - t1) * (np.arange(SPLINE_STEPS) / SPLINE_STEPS)[None, :, None]  # (k - 1, SPLINE_STEPS, 1)
    a1, a2, a3 = _lerp(p0, p1, t0, t1, t), _lerp(p1, p2, t1, t2, t), _lerp(p2, p3, t2, t3, t)
    b1, b2 = _lerp(a1, a2, t0, t2, t), _lerp(a2, a3, t1, t3, t)
    return np.vstack([_lerp(b1, b2, t1, t2, t).reshape(-1, 2), points[-1]])


def _lerp(a: np.ndarray, b: np.ndarray, start: np.ndarray, end: np.ndarray, t: np.ndarray) -> np.ndarray:
    interpolated: np.ndarray = a + (b - a) * ((t - start) / (end - start))
    return interpolated


def _jitter_stroke(points: np.ndarray, corners: np.ndarray, jitter: float, rng: np.random.Generator) -> np.ndarray:
    """Shift every point of a stroke at random, round some corners, and interpolate: (m, 2)."""
    shift = rng.normal(0, jitter / 2, (1, 2))
    moved = points + shift + rng.normal(0, jitter, points.shape)
    return smooth(moved, corners & (rng.random(len(corners)) > ROUNDED_SHARE))


def _writing_style(rng: np.random.Generator) -> np.ndarray:
    """Return a random slant, stretch and rotation as a (2, 2) matrix for columns of (x, y)."""
    slant, angle = rng.normal(0.1, 0.2), np.radians(rng.normal(0, 6))
    return affine_matrix(slant, angle, stretch=np.exp(rng.normal(0, 0.2)))


def fit(strokes: Strokes, extent: float) -> Strokes:
    """Scale strokes and place them in the middle of the canvas.

    Args:
        strokes: strokes, each (m, 2) float, in any unit.
        extent: length of the longer side, in px.

    Returns:
        Strokes, each (m, 2) float, in px of the canvas.

    Example:
        >>> fit([np.array([[0.0, 0.0], [0.0, 10.0]])], extent=200)[0].tolist()
        [[140.0, 40.0], [140.0, 240.0]]
    """
    points = np.concatenate(strokes)
    low, high = points.min(0), points.max(0)
    scale = extent / (high - low).max()
    return [(stroke - (low + high) / 2) * scale + CANVAS_SIDE / 2 for stroke in strokes]


def _digit(ink: np.ndarray) -> np.ndarray:
    digit = digit_from_ink(ink)
    if digit is None:
        raise ValueError("This glyph has no ink. Correct its pen path.")
    return digit
