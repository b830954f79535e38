"""Strokes of a drawing: conversion from the canvas's JSON, painting, and random variants."""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from digitcore.images import SIDE, digit_from_ink

CANVAS_SIDE = 280  # px, of the Draw page's canvas
OVERSAMPLING = 2  # Strokes are painted at this scale and then reduced, which makes them anti-aliased.
MAX_POINTS = 2000  # maximum number of points of a drawing; additional points are dropped
MAX_STROKES = 200  # maximum number of strokes of a drawing; additional strokes are dropped
MAX_COORDINATE = 10_000  # px, in both directions
Stroke = list[tuple[int, int]]
MAX_SLANT = 0.15  # px sideways per px of height
MAX_ROTATION = 7.0  # degrees
MAX_STRETCH = 0.12  # natural logarithm of the factor
MAX_BRUSH = 0.25  # natural logarithm of the factor by which the width of the brush changes
WOBBLE = 0.02  # of the drawing's size: standard deviation of the shift of the points
N_WAVES = 3  # number of sine waves in the wobble
MIN_SIMILARITY = 0.6  # cosine similarity of a digit and the digit painted from its strokes
MAX_VARIANTS = 640  # maximum number of variants of all drawings together


def encode_strokes(raw: dict[str, Any] | None, side: int) -> str:
    """Encode the strokes of a canvas as JSON.

    Args:
        raw: JSON object of the canvas, as Fabric.js writes it, or `None` for a blank canvas.
        side: side of the canvas, in px.

    Returns:
        JSON text {"side": px, "width": px of the brush, "strokes": [[[x, y], …], …]}, or "" if there are no strokes.

    Example:
        >>> raw = {"objects": [{"path": [["M", 10, 20], ["L", 30, 40]], "strokeWidth": 16}]}
        >>> encode_strokes(raw, side=280)
        '{"side":280,"width":16,"strokes":[[[10,20],[30,40]]]}'
    """
    objects = [item for item in (raw or {}).get("objects", []) if isinstance(item, dict) and item.get("path")]
    strokes = [_points(item["path"]) for item in objects]
    strokes = [stroke for stroke in strokes if stroke]
    if not strokes:
        return ""
    return to_json(_thin(strokes), objects[0].get("strokeWidth", 0), side)


def to_json(strokes: Sequence[Sequence[Sequence[int]]], brush: float, side: int = CANVAS_SIDE) -> str:
    """Encode strokes in the JSON format of `encode_strokes`.

    Args:
        strokes: strokes, each a sequence of [x, y] points in px.
        brush: width of the brush, in px.
        side: side of the canvas, in px.

    Returns:
        JSON text.

    Example:
        >>> to_json([[[10, 20], [30, 40]]], brush=16)
        '{"side":280,"width":16,"strokes":[[[10,20],[30,40]]]}'
    """
    return json.dumps({"side": side, "width": brush, "strokes": strokes}, separators=(",", ":"))


def decode_strokes(text: str) -> tuple[int, int, list[Stroke]]:
    """Decode the JSON of `encode_strokes`.

    Args:
        text: untrusted text.

    Returns:
        A tuple of the canvas's side in px, the brush's width in px, and the strokes as lists of (x, y) points in px. If the text
        does not have this format, the list of strokes is empty.

    Example:
        >>> decode_strokes('{"side":280,"width":16,"strokes":[[[10,20],[30,40]]]}')
        (280, 16, [[(10, 20), (30, 40)]])
        >>> decode_strokes("")
        (0, 0, [])
    """
    try:
        content = json.loads(text)
        strokes = [[(_coordinate(x), _coordinate(y)) for x, y in stroke] for stroke in content["strokes"] if stroke]
        return _coordinate(content["side"]), _coordinate(content["width"]), strokes
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return 0, 0, []


def paint(strokes: Sequence[np.ndarray], brush: float, side: int = CANVAS_SIDE) -> np.ndarray:
    """Paint strokes with a round brush.

    Args:
        strokes: strokes, each (m, 2) float with x and y in px.
        brush: diameter of the brush, in px.
        side: side of the canvas, in px.

    Returns:
        (side, side) uint8, ink 255 on 0.

    Example:
        >>> ink = paint([np.array([[140, 60], [140, 220]])], brush=20)
        >>> ink.shape, int(ink[140, 140]), int(ink[0, 0])
        ((280, 280), 255, 0)
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
    """Return the number of variants that a training makes of each drawing, without the drawing itself.

    Args:
        redraws: value of the training setting `redraws`, at least 1.
        n_drawings: number of drawings whose strokes are known.

    Returns:
        Number of variants per drawing, limited by `MAX_VARIANTS` in total.

    Example:
        >>> variants_of_each(redraws=8, n_drawings=20), variants_of_each(redraws=8, n_drawings=640)
        (7, 0)
    """
    return min(redraws, max(1, MAX_VARIANTS // max(1, n_drawings))) - 1


def redraw(text: str, digit: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Paint random variants of a drawing, with different slant, rotation, stretch, brush and a smooth wobble.

    Args:
        text: strokes of the drawing, as `encode_strokes` returns them.
        digit: (28, 28) uint8, digit of the drawing.
        n: number of variants.
        rng: random generator.

    Returns:
        (n, 28, 28) uint8, ink 255 on 0. The array is empty if the text contains no strokes, or if the strokes do not show the
        given digit.

    Example:
        >>> stroke = [[140, 60], [140, 220]]
        >>> digit = digit_from_ink(paint([np.array(stroke)], brush=20))
        >>> redraw(to_json([stroke], brush=20), digit, 3, np.random.default_rng(0)).shape
        (3, 28, 28)
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


def distort(strokes: Sequence[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Apply a random slant, rotation, stretch and smooth wobble to strokes.

    Args:
        strokes: strokes, each (m, 2) float with x and y, in any unit.
        rng: random generator.

    Returns:
        The distorted strokes, each (m, 2) float in the same unit, with their middle at (0, 0).

    Example:
        >>> [stroke] = distort([np.array([[0.0, 0.0], [0.0, 10.0]])], np.random.default_rng(0))
        >>> stroke.shape
        (2, 2)
    """
    points = np.concatenate(strokes)
    middle, size = (points.max(0) + points.min(0)) / 2, max(1.0, np.ptp(points, axis=0).max())
    slant, angle = rng.uniform(-MAX_SLANT, MAX_SLANT), np.radians(rng.uniform(-MAX_ROTATION, MAX_ROTATION))
    stretch = np.exp(rng.uniform(-MAX_STRETCH, MAX_STRETCH))
    style = affine_matrix(slant, angle, stretch)
    frequencies, phases = rng.normal(0, 3 / size, (N_WAVES, 2, 2)), rng.uniform(0, 2 * np.pi, (N_WAVES, 2))
    amplitude = WOBBLE * size * np.sqrt(2 / N_WAVES)
    distorted = []
    for stroke in strokes:
        centred = stroke - middle
        wobble = np.sin(np.einsum("mk,wck->wmc", centred, frequencies) + phases[:, None]).sum(0) * amplitude
        distorted.append((centred + wobble) @ style.T)
    return distorted


def _redraw_once(strokes: list[np.ndarray], brush: float, rng: np.random.Generator) -> np.ndarray:
    """Return a variant, (28, 28) uint8, or the original digit if the variant lies outside the canvas."""
    redrawn = [stroke + CANVAS_SIDE / 2 for stroke in distort(strokes, rng)]
    new_brush = brush * np.exp(rng.uniform(-MAX_BRUSH, MAX_BRUSH))
    for candidate, width in ((redrawn, new_brush), (strokes, brush)):
        if (digit := digit_from_ink(paint(candidate, width))) is not None:
            return digit
    return np.zeros((SIDE, SIDE), np.uint8)


def _is_like(painted: np.ndarray | None, digit: np.ndarray) -> bool:
    """Return whether two digits show the same drawing. The widths of their brushes may differ."""
    if painted is None:
        return False
    first, second = painted.astype(float), digit.astype(float)
    return bool((first * second).sum() >= MIN_SIMILARITY * np.linalg.norm(first) * np.linalg.norm(second))


def affine_matrix(slant: float, angle: float, stretch: float) -> np.ndarray:
    """Return the matrix that stretches horizontally, then slants, then rotates.

    Args:
        slant: horizontal shift per unit of height.
        angle: rotation in radians.
        stretch: horizontal factor.

    Returns:
        (2, 2) float, for columns of (x, y).

    Example:
        >>> affine_matrix(slant=0, angle=0, stretch=2).tolist()
        [[2.0, 0.0], [0.0, 1.0]]
    """
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(rotation @ np.array([[stretch, -slant], [0, 1]]))


def _thin(strokes: list[Stroke]) -> list[Stroke]:
    """Keep at most `MAX_STROKES` strokes and about `MAX_POINTS` points, including the last point of each stroke."""
    strokes = strokes[:: max(1, math.ceil(len(strokes) / MAX_STROKES))]
    step = max(1, sum(map(len, strokes)) // MAX_POINTS)
    return [[*stroke[:-1:step], stroke[-1]] for stroke in strokes]


def _coordinate(value: Any) -> int:
    return max(-MAX_COORDINATE, min(MAX_COORDINATE, int(value)))


def _points(path: Any) -> Stroke:
    """Return the end points of a path's commands, for example ["M", x, y], ["Q", cx, cy, x, y] or ["L", x, y]."""
    ends = [command[-2:] for command in path if isinstance(command, list) and len(command) > 2]
    return [(round(x), round(y)) for x, y in ends if isinstance(x, int | float) and isinstance(y, int | float)]
