"""Reads numbers, names and curves of a stored lab and drops what is odd, so that one bad value costs no run."""

import base64
import math
from typing import Any

from digitcore.evaluation.score import Score
from digitcore.training.run import POINT_KEYS, Point

MAX_POINTS = 5_000  # of a curve
AXES = POINT_KEYS[:3]
START: Point = dict.fromkeys(AXES, 0.0)


def finite(value: Any, default: float = 0.0) -> float:
    """A number, or the default where it is none or infinite."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return default
    return number if math.isfinite(number) else default


def share(value: Any) -> float | None:
    """A number from 0 to 1; None where it is none."""
    number = finite(value, -1.0)
    return number if 0 <= number <= 1 else None


def history(points: Any) -> list[Point]:
    """The sound points of a curve, evenly thinned to `MAX_POINTS` and the last one."""
    found = [point for point in map(_point, points if isinstance(points, list) else []) if point]
    thinned = found[:: max(1, -(-len(found) // MAX_POINTS))]
    return [*thinned, found[-1]] if thinned and thinned[-1] is not found[-1] else thinned


def strings(value: Any) -> list[str]:
    """The strings of a list; none where it is no list."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def encoded(value: Any, most: int) -> bytes:
    """The bytes of base64 text; b"" where it is none, or more than the most."""
    if not isinstance(value, str) or len(value) > 2 * most:
        return b""
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        return b""


def score(values: Any) -> Score | None:
    """A score; its interval is computed anew where it is odd. None where the counts are."""
    try:
        correct, n = int(values["correct"]), int(values["n"])
        low, high = map(float, values["interval"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if not 0 <= correct <= n:
        return None
    return Score(correct, n, (low, high)) if 0 <= low <= high <= 1 else Score.from_counts(correct, n)


def metrics(values: Any) -> dict[str, Any]:
    """Metrics without those that are not finite."""
    pairs = values.items() if isinstance(values, dict) else []
    return {str(name): value for name, value in pairs if not isinstance(value, float) or math.isfinite(value)}


def _point(values: Any) -> Point | None:
    if not isinstance(values, dict):
        return None
    point = {name: finite(values[name], math.nan) for name in POINT_KEYS if name in values}
    point = {name: value for name, value in point.items() if value >= 0}
    return point if all(axis in point for axis in AXES) else None
