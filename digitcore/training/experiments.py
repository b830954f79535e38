"""Many trainings side by side: filtered, grouped by what differs, and compared with a baseline."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from digitcore.training.run import Point
from digitcore.values import format_value

if TYPE_CHECKING:
    import pandas as pd

SEED = "seed"
CURVE_COLUMNS = ["model", "epoch", "mean", "low", "high", "n"]
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Experiment:
    """One training, of a run or of a sweep.

    Attributes:
        name: shown to people.
        parameters: what it was trained with.
        scores: shares from 0 to 1 by name; those that are not known are missing.
        history: the points of its curves.
    """

    name: str
    parameters: Mapping[str, Any]
    scores: Mapping[str, float]
    history: Sequence[Point] = field(default=(), repr=False)


Groups = dict[str, list[Experiment]]


def differing_parameters(experiments: Sequence[Experiment]) -> list[str]:
    """The parameters in which these are not all the same, in their order; one that is missing counts as a value."""
    names = dict.fromkeys(name for one in experiments for name in one.parameters)
    return [name for name in names if len({str(one.parameters.get(name)) for one in experiments}) > 1]


def select(experiments: Sequence[Experiment], wanted: Mapping[str, Sequence[Any]]) -> list[Experiment]:
    """Those that have one of the wanted values of each parameter.

    Args:
        wanted: parameter → values; an empty list wants any.
    """
    return [
        one for one in experiments if all(not values or one.parameters.get(name) in values for name, values in wanted.items())
    ]


def group(experiments: Sequence[Experiment], names: Sequence[str], labels: Mapping[str, str]) -> Groups:
    """Trainings with the same values of these parameters together, in the order of the first of each.

    Args:
        names: the parameters; none leaves each training by itself, under its own name.
        labels: parameter → its name in the groups' names.
    """
    groups: Groups = {}
    for one in experiments:
        values = [f"{labels.get(name, name)} {format_value(one.parameters.get(name))}" for name in names]
        groups.setdefault(", ".join(values) if names else one.name, []).append(one)
    return groups


def curve_bands(groups: Groups, metric: str) -> "pd.DataFrame":
    """The mean of each group's validation curves and their range: columns model (the group), epoch, mean, low, high, n.

    Args:
        groups: from `group`.
        metric: loss or accuracy.
    """
    import pandas as pd

    rows = [
        {"model": name, "epoch": point["epoch"], "value": point[f"val_{metric}"]}
        for name, members in groups.items()
        for one in members
        for point in one.history
        if f"val_{metric}" in point
    ]
    if not rows:
        return pd.DataFrame(columns=CURVE_COLUMNS)
    grouped = pd.DataFrame(rows).groupby(["model", "epoch"], sort=False)["value"]
    return grouped.agg(mean="mean", low="min", high="max", n="count").reset_index()


def score_table(groups: Groups, score: str, baseline: str) -> "pd.DataFrame":
    """A row a group: n, the mean of the score, its range, and the difference from the baseline's mean.

    The interval of the difference is Welch's, for 95 %; empty where a group has one training only.
    Source: B. L. Welch, "The generalization of Student's problem when several different population variances are involved",
    Biometrika 34 (1947).

    Args:
        groups: from `group`.
        score: name of the score.
        baseline: name of the group that the others are compared with.
    """
    import pandas as pd

    values = {name: [one.scores[score] for one in members if score in one.scores] for name, members in groups.items()}
    rows = []
    for name, own in values.items():
        row: dict[str, Any] = {"group": name, "n": len(own)}
        if own:
            row |= {"mean": sum(own) / len(own), "low": min(own), "high": max(own)}
        if name != baseline and own and values.get(baseline):
            row |= _difference(own, values[baseline])
        rows.append(row)
    columns = ["group", "n", "mean", "low", "high", "difference", "difference_low", "difference_high"]
    return pd.DataFrame(rows, columns=columns)


def _difference(own: Sequence[float], baseline: Sequence[float]) -> dict[str, float]:
    from scipy.stats import ttest_ind

    difference = sum(own) / len(own) - sum(baseline) / len(baseline)
    if min(len(own), len(baseline)) < 2 or len({*own}) == len({*baseline}) == 1:
        return {"difference": difference}
    interval = ttest_ind(own, baseline, equal_var=False).confidence_interval(CONFIDENCE)
    bounds = {"difference_low": float(interval.low), "difference_high": float(interval.high)}
    return {"difference": difference, **{name: bound for name, bound in bounds.items() if math.isfinite(bound)}}
