"""The strokes of a drawing as lists of points, read from the canvas's own JSON."""

import json
from typing import Any

MAX_POINTS = 2000  # of one drawing; more are thinned out
Stroke = list[tuple[int, int]]


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
    step = max(1, sum(map(len, strokes)) // MAX_POINTS)
    thinned = [[*stroke[:-1:step], stroke[-1]] for stroke in strokes]
    return json.dumps({"side": side, "width": objects[0].get("strokeWidth", 0), "strokes": thinned}, separators=(",", ":"))


def decode_strokes(text: str) -> tuple[int, int, list[Stroke]]:
    """The canvas's side and the brush's width in px, and the strokes; none when the text is no such JSON."""
    try:
        content = json.loads(text)
        strokes = [[(int(x), int(y)) for x, y in stroke] for stroke in content["strokes"] if stroke]
        return int(content["side"]), int(content["width"]), strokes
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return 0, 0, []


def _points(path: Any) -> Stroke:
    """The end points of a path's commands: ["M", x, y], ["Q", cx, cy, x, y], ["L", x, y]."""
    ends = [command[-2:] for command in path if isinstance(command, list) and len(command) > 2]
    return [(round(x), round(y)) for x, y in ends if isinstance(x, int | float) and isinstance(y, int | float)]
