"""The strokes of a drawing: read from the canvas's own JSON, painted, and drawn anew."""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from digitcore.images import SIDE, digit_from_ink

CANVAS_SIDE = 280  # px, of the Draw page's canvas
OVERSAMPLING = 2  # painted this many times larger, then reduced: the anti-aliasing
MAX_POINTS = 2000  # of one drawing; more are thinned out
MAX_STROKES = 200  # of one drawing; more are thinned out too
MAX_COORDINATE = 10_000  # px, to either side
Stroke = list[tuple[int, int]]
MAX_SLANT, MAX_ROTATION, MAX_STRETCH, MAX_BRUSH = 0.15, 7.0, 0.12, 0.25  # px a px, degrees, two natural logarithms
WOBBLE = 0.02  # share of the size: standard deviation of the points
N_WAVES = 3  # of the wobble
MIN_SIMILARITY = 0.6  # cosine, of a drawing and of what its strokes paint
MAX_VARIANTS = 640  # of all drawings together: with many, each is drawn anew less often


def encode_strokes(raw: dict[str, Any] | None, side: int) -> str:
    """The strokes of a canvas as JSON.

    Args:
        raw: the canvas's JSON, as Fabric.js writes it; None is a blank canvas.
        side: of the canvas, in px.

    Returns:
        JSON: {"side": px, "width": px of the brush, "strokes": [[[x, y], …], …]}; "" when there are none.
    """
    objects = [item for item in (raw or {}).get("objects", []) if isinstance(item, dict) and item.get("path")]
    strokes = [_points(item["path"]) for item in objects]
    strokes = [stroke for stroke in strokes if stroke]
    if not strokes:
        return ""
    return to_json(_thin(strokes), objects[0].get("strokeWidth", 0), side)


def to_json(strokes: Sequence[Sequence[Sequence[int]]], brush: float, side: int = CANVAS_SIDE) -> str:
    """Strokes of [x, y] points in px as the JSON of `encode_strokes`; the brush's width and the canvas's side are in px."""
    return json.dumps({"side": side, "width": brush, "strokes": strokes}, separators=(",", ":"))


def decode_strokes(text: str) -> tuple[int, int, list[Stroke]]:
    """The canvas's side and the brush's width in px, and the strokes; none when the text is no such JSON."""
    try:
        content = json.loads(text)
        strokes = [[(_coordinate(x), _coordinate(y)) for x, y in stroke] for stroke in content["strokes"] if stroke]
        return _coordinate(content["side"]), _coordinate(content["width"]), strokes
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return 0, 0, []


def paint(strokes: Sequence[np.ndarray], brush: float, side: int = CANVAS_SIDE) -> np.ndarray:
    """Paint strokes with a round brush.

    Args:
        strokes: each (m, 2) float, x and y in px.
        brush: its diameter in px.
        side: of the canvas, in px.

    Returns:
        (side, side) uint8, ink 255 on 0.
    """
    canvas = Image.new("L", (side * OVERSAMPLING,) * 2, 0)
    pen = ImageDraw.Draw(canvas)
    radius = brush * OVERSAMPLING / 2
    for stroke in strokes:
        path = stroke * OVERSAMPLING
        pen.line([(x, y) for x, y in path], fill=255, width=round(2 * radius))
        for x, y in path:
            pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=255)
    return np.asarray(canvas.reduce(OVERSAMPLING))


def variants_of_each(redraws: int, n_drawings: int) -> int:
    """How many variants a training makes of each of several drawings, the drawing itself not counted.

    Args:
        redraws: the setting.
        n_drawings: whose strokes are known.
    """
    return min(redraws, max(1, MAX_VARIANTS // max(1, n_drawings))) - 1


def redraw(text: str, digit: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a drawing's strokes anew, each time with another slant, rotation, stretch, brush and a smooth wobble.

    Args:
        text: of `encode_strokes`.
        digit: (28, 28) uint8, what the strokes were drawn for.
        n: number of drawings.
        rng: source of the random numbers.

    Returns:
        (n, 28, 28) uint8, ink 255 on 0; no digit when the text holds no strokes, or those of something else.
    """
    side, brush, encoded = decode_strokes(text)
    strokes = [np.array(stroke, float) for stroke in _thin(encoded)]
    if not strokes or not 0 < brush <= side:
        return np.zeros((0, SIDE, SIDE), np.uint8)
    scaled, brush_px = [stroke * (CANVAS_SIDE / side) for stroke in strokes], brush * CANVAS_SIDE / side
    if not n or not _is_like(digit_from_ink(paint(scaled, brush_px)), digit):
        return np.zeros((0, SIDE, SIDE), np.uint8)
    redrawn = [_redraw_once(scaled, brush_px, rng) for _ in range(n)]
    return np.array(redrawn, np.uint8).reshape(-1, SIDE, SIDE)


def _redraw_once(strokes: list[np.ndarray], brush: float, rng: np.random.Generator) -> np.ndarray:
    """(28, 28) uint8; the strokes as they are, should none of the new ones lie on the canvas."""
    points = np.concatenate(strokes)
    middle, size = (points.max(0) + points.min(0)) / 2, max(1.0, np.ptp(points, axis=0).max())
    slant, angle = rng.uniform(-MAX_SLANT, MAX_SLANT), np.radians(rng.uniform(-MAX_ROTATION, MAX_ROTATION))
    stretch = np.exp(rng.uniform(-MAX_STRETCH, MAX_STRETCH))
    style = affine_matrix(slant, angle, stretch)
    frequencies, phases = rng.normal(0, 3 / size, (N_WAVES, 2, 2)), rng.uniform(0, 2 * np.pi, (N_WAVES, 2))
    amplitude = WOBBLE * size * np.sqrt(2 / N_WAVES)
    redrawn = []
    for stroke in strokes:
        centred = stroke - middle
        wobble = np.sin(np.einsum("mk,wck->wmc", centred, frequencies) + phases[:, None]).sum(0) * amplitude
        redrawn.append((centred + wobble) @ style.T + CANVAS_SIDE / 2)
    new_brush = brush * np.exp(rng.uniform(-MAX_BRUSH, MAX_BRUSH))
    for candidate, width in ((redrawn, new_brush), (strokes, brush)):
        if (digit := digit_from_ink(paint(candidate, width))) is not None:
            return digit
    return np.zeros((SIDE, SIDE), np.uint8)


def _is_like(painted: np.ndarray | None, digit: np.ndarray) -> bool:
    """Whether two digits are the same drawing, perhaps with brushes of other widths."""
    if painted is None:
        return False
    one, other = painted.astype(float), digit.astype(float)
    return bool((one * other).sum() >= MIN_SIMILARITY * np.linalg.norm(one) * np.linalg.norm(other))


def affine_matrix(slant: float, angle: float, stretch: float) -> np.ndarray:
    """Stretch sideways, slant, then rotate by an angle in radians: (2, 2), for (x, y) columns."""
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(rotation @ np.array([[stretch, -slant], [0, 1]]))


def _thin(strokes: list[Stroke]) -> list[Stroke]:
    """At most `MAX_STROKES` strokes and about `MAX_POINTS` points, the last of each stroke among them."""
    strokes = strokes[:: max(1, math.ceil(len(strokes) / MAX_STROKES))]
    step = max(1, sum(map(len, strokes)) // MAX_POINTS)
    return [[*stroke[:-1:step], stroke[-1]] for stroke in strokes]


def _coordinate(value: Any) -> int:
    return max(-MAX_COORDINATE, min(MAX_COORDINATE, int(value)))


def _points(path: Any) -> Stroke:
    """The end points of a path's commands: ["M", x, y], ["Q", cx, cy, x, y], ["L", x, y]."""
    ends = [command[-2:] for command in path if isinstance(command, list) and len(command) > 2]
    return [(round(x), round(y)) for x, y in ends if isinstance(x, int | float) and isinstance(y, int | float)]
