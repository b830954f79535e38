"""Training curves as tables."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from digitcore import sanitize
from digitcore.training.run import POINT_KEYS, Point

if TYPE_CHECKING:
    import pandas as pd

MAX_CARD_POINTS = 300
MAX_VALIDATED_POINTS = 20
PROGRESS_AXES = ("epoch", "samples_seen", "seconds")
MAX_POINTS = 5_000  # of a stored curve
START: Point = dict.fromkeys(PROGRESS_AXES, 0.0)
COLUMNS = ["model", "subset", *PROGRESS_AXES, "value"]


def curve_table(histories: Mapping[str, Sequence[Point]], metric: str = "loss") -> "pd.DataFrame":
    """Curves in long form: one row a point, with columns model, subset (training or validation), epoch, samples_seen, seconds,
    value.

    Args:
        histories: model name → points, as a run or a card holds them.
        metric: loss or accuracy.
    """
    import pandas as pd  # half a second that the first page need not wait for

    rows = [
        {"model": model, "subset": subset, **{axis: point[axis] for axis in PROGRESS_AXES}, "value": point[key]}
        for model, points in histories.items()
        for subset, key in (("training", metric), ("validation", f"val_{metric}"))
        for point in points
        if key in point
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def concatenate(histories: Iterable[Sequence[Point]]) -> list[Point]:
    """The curves of a training and of its ancestors, oldest first, as one: epochs, samples and seconds add up."""
    points: list[Point] = []
    offsets = dict.fromkeys(PROGRESS_AXES, 0.0)
    for history in histories:
        points += [point | {axis: point[axis] + offsets[axis] for axis in PROGRESS_AXES} for point in history]
        if history:
            offsets = {axis: points[-1][axis] for axis in PROGRESS_AXES}
    return points


def thin(points: Sequence[Point]) -> list[Point]:
    """Every point with a validation, and so many of the others that a card stays short."""
    step = max(1, len(points) // MAX_CARD_POINTS)
    return [point for number, point in enumerate(points) if number % step == 0 or "val_loss" in point]


def validated(points: Sequence[Point]) -> list[Point]:
    """The points with a validation, at most `MAX_VALIDATED_POINTS` and the last one."""
    found = [point for point in points if "val_loss" in point]
    step = -(-len(found) // MAX_VALIDATED_POINTS)
    return [point for number, point in enumerate(found) if number % step == 0 or number == len(found) - 1]


def from_json(points: Any) -> list[Point]:
    """Return the well-formed points of a stored curve, evenly thinned to `MAX_POINTS` and the last point."""
    found = [point for point in map(_point_from_json, points if isinstance(points, list) else []) if point]
    thinned = found[:: max(1, -(-len(found) // MAX_POINTS))]
    return [*thinned, found[-1]] if thinned and thinned[-1] is not found[-1] else thinned


def _point_from_json(values: Any) -> Point | None:
    if not isinstance(values, dict):
        return None
    point = {name: sanitize.finite(values[name], math.nan) for name in POINT_KEYS if name in values}
    point = {name: value for name, value in point.items() if value >= 0}
    return point if all(axis in point for axis in PROGRESS_AXES) else None
