"""How a drawing was made: its strokes as lists of points, read from the canvas's own JSON."""

import json
from typing import Any

MOST_POINTS = 2000  # of one drawing; more are thinned out
Stroke = list[tuple[int, int]]


def from_canvas(raw: dict[str, Any] | None, side: int) -> str:
    """The strokes of a canvas.

    Args:
        raw: the canvas's JSON, as Fabric.js writes it; None is a blank canvas.
        side: of the canvas, in px.

    Returns:
        JSON: {"side": px, "width": px of the brush, "strokes": [[[x, y], …], …]}; "" when there are none.
    """
    objects = [one for one in (raw or {}).get("objects", []) if isinstance(one, dict) and one.get("path")]
    strokes = [_points(one["path"]) for one in objects]
    strokes = [stroke for stroke in strokes if stroke]
    if not strokes:
        return ""
    step = max(1, sum(map(len, strokes)) // MOST_POINTS)
    thinned = [[*stroke[:-1:step], stroke[-1]] for stroke in strokes]
    return json.dumps({"side": side, "width": objects[0].get("strokeWidth", 0), "strokes": thinned}, separators=(",", ":"))


def read(text: str) -> tuple[int, int, list[Stroke]]:
    """Back from JSON: the canvas's side and the brush's width in px, and the strokes; none when the text is no such JSON."""
    try:
        found = json.loads(text)
        strokes = [[(int(x), int(y)) for x, y in stroke] for stroke in found["strokes"] if stroke]
        return int(found["side"]), int(found["width"]), strokes
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return 0, 0, []


def _points(path):
    """The end points of a path's commands: ["M", x, y], ["Q", cx, cy, x, y], ["L", x, y]."""
    ends = [command[-2:] for command in path if isinstance(command, list) and len(command) > 2]
    return [(round(x), round(y)) for x, y in ends if isinstance(x, int | float) and isinstance(y, int | float)]
