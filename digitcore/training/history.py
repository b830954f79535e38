"""Training curves as tables."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from digitcore.training.run import Point

if TYPE_CHECKING:
    import pandas as pd

MAX_CARD_POINTS = 300
MAX_VALIDATED_POINTS = 20
PROGRESS_AXES = ("epoch", "samples_seen", "seconds")
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
