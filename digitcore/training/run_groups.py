"""Filtering and grouping of trainings by their parameters, and comparison of the groups with a baseline."""

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
class TrainedRun:
    """A finished training to compare, which is a run of a lab or a trial of a sweep.

    Attributes:
        name: Name that is shown.
        parameters: Parameter name → value that the training used.
        scores: Score name → share from 0 to 1. Unknown scores are missing.
        history: Points of the curves, oldest first.

    Example:
        >>> TrainedRun("run 1", {"epochs": 2, "seed": 0}, {"mnist": 0.9})
        TrainedRun(name='run 1', parameters={'epochs': 2, 'seed': 0}, scores={'mnist': 0.9})
    """

    name: str
    parameters: Mapping[str, Any]
    scores: Mapping[str, float]
    history: Sequence[Point] = field(default=(), repr=False)


Groups = dict[str, list[TrainedRun]]


def differing_parameters(runs: Sequence[TrainedRun]) -> list[str]:
    """Return the parameters whose values are not all the same. A missing parameter counts as a value.

    Args:
        runs: Any number of trainings.

    Returns:
        Names in the order of the parameters.

    Example:
        >>> differing_parameters([TrainedRun("a", {"epochs": 2, "seed": 0}, {}), TrainedRun("b", {"epochs": 2, "seed": 1}, {})])
        ['seed']
    """
    names = dict.fromkeys(name for run in runs for name in run.parameters)
    return [name for name in names if len({str(run.parameters.get(name)) for run in runs}) > 1]


def select(runs: Sequence[TrainedRun], wanted: Mapping[str, Sequence[Any]]) -> list[TrainedRun]:
    """Return the trainings that have a wanted value of each parameter.

    Args:
        runs: Any number of trainings.
        wanted: Parameter → wanted values. An empty list selects every value.

    Example:
        >>> runs = [TrainedRun("a", {"seed": 0}, {}), TrainedRun("b", {"seed": 1}, {})]
        >>> [run.name for run in select(runs, {"seed": [1]})]
        ['b']
    """
    return [run for run in runs if all(not values or run.parameters.get(name) in values for name, values in wanted.items())]


def group(runs: Sequence[TrainedRun], names: Sequence[str], labels: Mapping[str, str]) -> Groups:
    """Group trainings that have the same values of some parameters.

    Args:
        runs: Any number of trainings.
        names: The parameters. If empty, each training is a group with the training's name.
        labels: Parameter → its text in the names of the groups.

    Returns:
        Group name → its trainings, in the order of the first training of each group.

    Example:
        >>> runs = [TrainedRun("a", {"epochs": 2}, {}), TrainedRun("b", {"epochs": 2}, {})]
        >>> list(group(runs, ["epochs"], {"epochs": "Epochs"}))
        ['Epochs 2']
    """
    groups: Groups = {}
    for run in runs:
        values = [f"{labels.get(name, name)} {format_value(run.parameters.get(name))}" for name in names]
        groups.setdefault(", ".join(values) if names else run.name, []).append(run)
    return groups


def curve_bands(groups: Groups, metric: str) -> "pd.DataFrame":
    """Return the mean and the range of the validation curves of each group.

    Args:
        groups: Result of `group`.
        metric: `loss` or `accuracy`.

    Returns:
        One row for each group and epoch, with the columns model (name of the group), epoch, mean, low, high and n.

    Example:
        >>> runs = [TrainedRun(name, {}, {}, [{"epoch": 1.0, "val_loss": loss}]) for name, loss in (("a", 1.0), ("b", 2.0))]
        >>> curve_bands({"both": runs}, "loss")["mean"].tolist()
        [1.5]
    """
    import pandas as pd

    rows = [
        {"model": name, "epoch": point["epoch"], "value": point[f"val_{metric}"]}
        for name, members in groups.items()
        for run in members
        for point in run.history
        if f"val_{metric}" in point
    ]
    if not rows:
        return pd.DataFrame(columns=CURVE_COLUMNS)
    grouped = pd.DataFrame(rows).groupby(["model", "epoch"], sort=False)["value"]
    return grouped.agg(mean="mean", low="min", high="max", n="count").reset_index()


def score_table(groups: Groups, score: str, baseline: str) -> "pd.DataFrame":
    """Return the mean score of each group and its difference from the mean of a baseline group.

    The difference has a 95 % interval by Welch's method if both groups have at least two trainings.

    Source: B. L. Welch, "The generalization of Student's problem when several different population variances are involved",
    Biometrika 34 (1947).

    Args:
        groups: Result of `group`.
        score: Name of the score.
        baseline: Name of the baseline group.

    Returns:
        One row for each group, with the columns group, n, mean, low, high, difference, difference_low and difference_high.
        Unknown values are NaN.

    Example:
        >>> groups = {"a": [TrainedRun("a", {}, {"mnist": 0.5})], "b": [TrainedRun("b", {}, {"mnist": 0.75})]}
        >>> score_table(groups, "mnist", "a")["difference"].tolist()
        [nan, 0.25]
    """
    import pandas as pd

    values = {name: [run.scores[score] for run in members if score in run.scores] for name, members in groups.items()}
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
    """Return the difference of two means, and its interval if there is one."""
    from scipy.stats import ttest_ind

    difference = sum(own) / len(own) - sum(baseline) / len(baseline)
    if min(len(own), len(baseline)) < 2 or len({*own}) == len({*baseline}) == 1:
        return {"difference": difference}
    interval = ttest_ind(own, baseline, equal_var=False).confidence_interval(CONFIDENCE)
    bounds = {"difference_low": float(interval.low), "difference_high": float(interval.high)}
    return {"difference": difference, **{name: bound for name, bound in bounds.items() if math.isfinite(bound)}}
