"""Training curves: tables, concatenation, thinning and validation of stored points."""

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
MAX_POINTS = 5_000  # of a curve that is read from a file or a database
START: Point = dict.fromkeys(PROGRESS_AXES, 0.0)
COLUMNS = ["model", "subset", *PROGRESS_AXES, "value"]


def curve_table(histories: Mapping[str, Sequence[Point]], metric: str = "loss") -> "pd.DataFrame":
    """Return curves as a table in long form.

    Args:
        histories: Model name → points, as a run or a card holds them.
        metric: `loss` or `accuracy`.

    Returns:
        One row for each value, with the columns model, subset (training or validation), epoch, samples_seen, seconds and value.

    Example:
        >>> points = [START | {"val_loss": 2.3}]
        >>> curve_table({"run 1": points})["value"].tolist()
        [2.3]
    """
    import pandas as pd  # Imported here because it takes half a second and the first page does not need it.

    rows = [
        {"model": model, "subset": subset, **{axis: point[axis] for axis in PROGRESS_AXES}, "value": point[key]}
        for model, points in histories.items()
        for subset, key in (("training", metric), ("validation", f"val_{metric}"))
        for point in points
        if key in point
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def concatenate(histories: Iterable[Sequence[Point]]) -> list[Point]:
    """Join the curves of consecutive trainings into one curve.

    Args:
        histories: Points of each training, oldest first.

    Returns:
        All points. Epochs, samples and seconds continue from one training to the next.

    Example:
        >>> first = [{"epoch": 2.0, "samples_seen": 40, "seconds": 1.0}]
        >>> concatenate([first, first])[-1]
        {'epoch': 4.0, 'samples_seen': 80.0, 'seconds': 2.0}
    """
    points: list[Point] = []
    offsets = dict.fromkeys(PROGRESS_AXES, 0.0)
    for history in histories:
        points += [point | {axis: point[axis] + offsets[axis] for axis in PROGRESS_AXES} for point in history]
        if history:
            offsets = {axis: points[-1][axis] for axis in PROGRESS_AXES}
    return points


def thin(points: Sequence[Point]) -> list[Point]:
    """Return fewer points, so that a card stays short. All points with a validation are kept.

    Args:
        points: Points of a curve, oldest first.

    Example:
        >>> points = [START | {"epoch": float(epoch)} for epoch in range(900)]
        >>> len(thin(points))
        300
    """
    step = max(1, len(points) // MAX_CARD_POINTS)
    return [point for number, point in enumerate(points) if number % step == 0 or "val_loss" in point]


def validated(points: Sequence[Point]) -> list[Point]:
    """Return at most `MAX_VALIDATED_POINTS` evenly spaced points with a validation, and the last of these points.

    Args:
        points: Points of a curve, oldest first.

    Example:
        >>> validated([START, START | {"val_loss": 2.3}])
        [{'epoch': 0.0, 'samples_seen': 0.0, 'seconds': 0.0, 'val_loss': 2.3}]
    """
    found = [point for point in points if "val_loss" in point]
    step = -(-len(found) // MAX_VALIDATED_POINTS)
    return [point for number, point in enumerate(found) if number % step == 0 or number == len(found) - 1]


def from_json(points: Any) -> list[Point]:
    """Return the well-formed points of a stored curve.

    Args:
        points: Any object that was parsed from JSON.

    Returns:
        At most `MAX_POINTS` evenly spaced points, and the last point.

    Example:
        >>> from_json([{"epoch": 1, "samples_seen": 20, "seconds": 0.5}, "no point"])
        [{'epoch': 1.0, 'samples_seen': 20.0, 'seconds': 0.5}]
    """
    found = [point for point in map(_point_from_json, points if isinstance(points, list) else []) if point]
    thinned = found[:: max(1, -(-len(found) // MAX_POINTS))]
    return [*thinned, found[-1]] if thinned and thinned[-1] is not found[-1] else thinned


def _point_from_json(values: Any) -> Point | None:
    """Return the known, finite, non-negative values of a point, or None if its position is missing."""
    if not isinstance(values, dict):
        return None
    point = {name: sanitize.finite(values[name], math.nan) for name in POINT_KEYS if name in values}
    point = {name: value for name, value in point.items() if value >= 0}
    return point if all(axis in point for axis in PROGRESS_AXES) else None
