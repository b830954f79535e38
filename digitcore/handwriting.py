"""Digits drawn by code, in the forms that MNIST lacks: flagged ones, crossed sevens, open fours, curled nines.

A form is a pen path. A sample is a form with every point a little off, smoothed, slanted, stretched and turned as a
hand would, painted with a round brush on the canvas, and brought to a digit as every drawing is.
"""

from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from digitcore.handwriting_forms import FORMS
from digitcore.images import SIDE, digit_from_ink

CANVAS = 280  # px, the Draw page's canvas
FINE = 2  # painted this many times larger, then reduced: the anti-aliasing
STEPS = 8  # straight pieces between two points of a form
ROUNDED = 0.25  # share of corners that a quick hand rounds


def forms():
    """The names of all forms, the digit first: "7 crossed"."""
    return list(FORMS)


def draw(n, seed):
    """Draw digits, each of a form picked at random.

    Args:
        n: how many, as many of each digit as of every other, within one.
        seed: the same number gives the same digits.

    Returns:
        digits (n, 28, 28) uint8, ink 255 on 0, and labels (n,) uint8, in random order.
    """
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 10).astype(np.uint8)
    names = [[name for name in FORMS if name.startswith(str(label))] for label in range(10)]
    digits = np.empty((n, SIDE, SIDE), np.uint8)
    for i, label in enumerate(labels):
        digits[i] = written(names[label][rng.integers(len(names[label]))], rng)
    return digits, labels


def written(name, rng):
    """One digit in this form as a hand would write it: (28, 28) uint8."""
    wobble = rng.uniform(0.1, 0.5)  # units of a form
    strokes = [_by_hand(points, corners, wobble, rng) for points, corners in parse(FORMS[name])]
    return digit_from_ink(_painted(_placed(strokes, _hand(rng), rng), brush=rng.uniform(12, 28)))


def picture(name):
    """This form as it stands in the table: (28, 28) uint8."""
    strokes = [smooth(points, corners) for points, corners in parse(FORMS[name])]
    return digit_from_ink(_painted(_fitted(strokes, extent=200.0), brush=16))


def contact_sheet(samples=7, seed=0, zoom=2):
    """One row a form: the form as it stands, then `samples` written ones, three forms side by side → a Pillow image."""
    rng = np.random.default_rng(seed)
    cell, label, columns = SIDE * zoom, 200, 3
    width, rows = label + cell * (samples + 1), -(-len(FORMS) // columns)
    sheet = Image.new("L", (width * columns, cell * rows), 40)
    pen = ImageDraw.Draw(sheet)
    for k, name in enumerate(FORMS):
        left, top = k // rows * width, k % rows * cell
        pen.text((left + 4, top + cell // 2 - 6), name, fill=255)
        for j, digit in enumerate([picture(name)] + [written(name, rng) for _ in range(samples)]):
            sheet.paste(Image.fromarray(digit).resize((cell, cell)), (left + label + j * cell, top))
    return sheet


def parse(form):
    """A line of the table → a list of strokes: points (k, 2) float, and corners (k,) bool."""
    strokes = []
    for stroke in form.split(" / "):
        words = stroke.split()
        points = np.array([[float(number) for number in word.rstrip("!").split(",")] for word in words])
        strokes.append((points, np.array([word.endswith("!") for word in words])))
    return strokes


def smooth(points, corners):
    """The line through (k, 2) points, smooth but for the corners → (m, 2).

    Source: C. Yuksel, S. Schaefer, J. Keyser, "Parameterization and applications of Catmull-Rom curves" (2011): the
    centripetal ones make no loops of their own.
    """
    cuts = [0, *np.flatnonzero(corners[1:-1]) + 1, len(points) - 1]
    pieces = [_spline(points[a : b + 1]) for a, b in pairwise(cuts)]
    return np.concatenate(pieces)


def _spline(points):
    """(k, 2) → ((k - 1) · STEPS + 1, 2), by the pyramid of P. Barry and R. Goldman (1988)."""
    if len(points) == 2:
        return np.linspace(points[0], points[1], STEPS + 1)
    p = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    gaps = np.sqrt(np.hypot(*np.diff(p, axis=0).T)).clip(1e-3)
    knots = np.concatenate([[0], np.cumsum(gaps)])
    t0, t1, t2, t3 = (knots[i : i + len(p) - 3, None, None] for i in range(4))  # (k - 1, 1, 1)
    p0, p1, p2, p3 = (p[i : i + len(p) - 3, None] for i in range(4))  # (k - 1, 1, 2)
    t = t1 + (t2 - t1) * (np.arange(STEPS) / STEPS)[None, :, None]  # (k - 1, STEPS, 1)
    a1, a2, a3 = _between(p0, p1, t0, t1, t), _between(p1, p2, t1, t2, t), _between(p2, p3, t2, t3, t)
    b1, b2 = _between(a1, a2, t0, t2, t), _between(a2, a3, t1, t3, t)
    return np.vstack([_between(b1, b2, t1, t2, t).reshape(-1, 2), points[-1]])


def _between(a, b, start, end, t):
    return a + (b - a) * ((t - start) / (end - start))


def _by_hand(points, corners, wobble, rng):
    """A stroke with every point a little off and some corners rounded → (m, 2)."""
    shift = rng.normal(0, wobble / 2, (1, 2))
    off = points + shift + rng.normal(0, wobble, points.shape)
    return smooth(off, corners & (rng.random(len(corners)) > ROUNDED))


def _hand(rng):
    """How this hand slants, stretches and turns: a (2, 2) matrix for (x, y) columns."""
    slant, turn = rng.normal(0.1, 0.2), np.radians(rng.normal(0, 6))
    wide = np.exp(rng.normal(0, 0.2))
    lean = np.array([[wide, -slant], [0, 1]])
    return np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ lean


def _placed(strokes, hand, rng):
    """Put strokes on the canvas: turned by this hand, at a size of its own."""
    return _fitted([stroke @ hand.T for stroke in strokes], extent=rng.uniform(110, 240))


def _fitted(strokes, extent):
    """Strokes with their longer side `extent` px, in the middle of the canvas."""
    every = np.concatenate(strokes)
    low, high = every.min(0), every.max(0)
    scale = extent / (high - low).max()
    return [(stroke - (low + high) / 2) * scale + CANVAS / 2 for stroke in strokes]


def _painted(strokes, brush):
    """Canvas px → (280, 280) uint8, white ink on black, round caps and joints."""
    ink = Image.new("L", (CANVAS * FINE,) * 2, 0)
    pen = ImageDraw.Draw(ink)
    radius = brush * FINE / 2
    for stroke in strokes:
        path = stroke * FINE
        pen.line([tuple(p) for p in path], fill=255, width=round(2 * radius))
        for x, y in path:
            pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=255)
    return np.asarray(ink.reduce(FINE))
