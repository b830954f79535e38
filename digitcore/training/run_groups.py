"""Filtering and grouping of trainings by their parameters, and comparison of the groups with a reference group."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from digitcore.evaluation.score import correct_p_values
from digitcore.training.run import Point
from digitcore.values import format_value

if TYPE_CHECKING:
    import pandas as pd

SEED = "seed"
CURVE_COLUMNS = ["model", "epoch", "mean", "low", "high", "n"]
DIFFERENCE_COLUMNS = ["difference", "difference_low", "difference_high", "p_value", "verdict"]
SCORE_COLUMNS = ["group", "n", "mean", "deviation", "low", "high", *DIFFERENCE_COLUMNS]
CONFIDENCE = 0.95
SIGNIFICANCE_LEVEL = 0.05


@dataclass(frozen=True)
class TrainedRun:
    """A finished training to compare, which is a run of a lab or a trial of a sweep.

    Attributes:
        name: Name that is shown.
        parameters: Parameter name → value that the training used, after "auto" was resolved.
        scores: Score name → share from 0 to 1. Unknown scores are missing.
        history: Points of the curves, oldest first.
        n_scored: Score name → number of samples that the score was measured on.
        network: Name of the network, or the JSON of a built network.

    Example:
        >>> TrainedRun("run 1", {"epochs": 2, "seed": 0}, {"mnist": 0.9})
        TrainedRun(name='run 1', parameters={'epochs': 2, 'seed': 0}, scores={'mnist': 0.9})
    """

    name: str
    parameters: Mapping[str, Any]
    scores: Mapping[str, float]
    history: Sequence[Point] = field(default=(), repr=False)
    n_scored: Mapping[str, int] = field(default_factory=dict, repr=False)
    network: str = field(default="", repr=False)


Groups = dict[str, list[TrainedRun]]


class Verdict(StrEnum):
    """The result of a comparison of two groups of trainings.

    Example:
        >>> str(Verdict.SAME)
        'no clear difference'
    """

    BETTER = "better"
    WORSE = "worse"
    SAME = "no clear difference"
    UNKNOWN = "not known: each group needs two seeds"
    MIXED = "not known: a group has several settings"


@dataclass(frozen=True)
class Difference:
    """The difference between the mean scores of two groups of trainings.

    Attributes:
        difference: Mean of the group minus mean of the reference group, as a share.
        interval: Welch's 95 % interval of the difference; None if a group has fewer than two trainings or no score varies.
        p_value: P value of Welch's test, 0 to 1; None if the test is not possible.

    Example:
        >>> str(Difference(0.02, (0.01, 0.03), p_value=0.01).verdict)
        'better'
    """

    difference: float
    interval: tuple[float, float] | None = None
    p_value: float | None = None

    @property
    def verdict(self) -> Verdict:
        """Whether the group is better than the reference group, as far as the seeds show."""
        if self.p_value is None:
            return Verdict.UNKNOWN
        if self.p_value >= SIGNIFICANCE_LEVEL:
            return Verdict.SAME
        return Verdict.BETTER if self.difference > 0 else Verdict.WORSE


def without_repeats(runs: Sequence[TrainedRun]) -> list[TrainedRun]:
    """Return the trainings without repetitions, because the same training twice is one observation.

    Args:
        runs: Any number of trainings.

    Returns:
        The first of the trainings whose parameters, including the seed, are all equal. It also has the scores that only a
        later repetition has.

    Example:
        >>> runs = [TrainedRun("run 1", {"seed": 0}, {}), TrainedRun("trial 1", {"seed": 0}, {"validation": 0.9})]
        >>> without_repeats(runs)
        [TrainedRun(name='run 1', parameters={'seed': 0}, scores={'validation': 0.9})]
    """
    found: dict[tuple[str, ...], TrainedRun] = {}
    for run in runs:
        first = found.setdefault(_key(run, sorted(run.parameters)), run)
        if missing := [name for name in run.scores if name not in first.scores]:
            scores = {**first.scores, **{name: run.scores[name] for name in missing}}
            n_scored = {**first.n_scored, **{name: run.n_scored[name] for name in missing if name in run.n_scored}}
            found[_key(run, sorted(run.parameters))] = replace(first, scores=scores, n_scored=n_scored)
    return list(found.values())


def differing_parameters(runs: Sequence[TrainedRun]) -> list[str]:
    """Return the names of the parameters that differ. A missing parameter counts as a value.

    Args:
        runs: Any number of trainings.

    Returns:
        Names in the order of the parameters.

    Example:
        >>> differing_parameters([TrainedRun("a", {"epochs": 2, "seed": 0}, {}), TrainedRun("b", {"epochs": 2, "seed": 1}, {})])
        ['seed']
    """
    names = dict.fromkeys(name for run in runs for name in run.parameters)
    return [name for name in names if len({_key(run, [name]) for run in runs}) > 1]


def differ_only_in_seed(runs: Sequence[TrainedRun]) -> bool:
    """Check whether all trainings have the same parameters apart from the seed.

    Args:
        runs: Any number of trainings.

    Returns:
        True if no parameter except the seed differs.

    Example:
        >>> differ_only_in_seed([TrainedRun("a", {"epochs": 2, "seed": 0}, {}), TrainedRun("b", {"epochs": 2, "seed": 1}, {})])
        True
    """
    return set(differing_parameters(runs)) <= {SEED}


def seeds_of(runs: Sequence[TrainedRun], name: str) -> list[TrainedRun]:
    """Return the trainings that have the parameters of one training, apart from the seed.

    Args:
        runs: Any number of trainings.
        name: Name of the training.

    Returns:
        The trainings without repetitions, including the named training. Empty if no training has this name.

    Example:
        >>> runs = [TrainedRun("a", {"epochs": 2, "seed": 0}, {}), TrainedRun("b", {"epochs": 2, "seed": 1}, {})]
        >>> [run.name for run in seeds_of(runs, "a")]
        ['a', 'b']
    """
    one = next((run for run in runs if run.name == name), None)
    return [run for run in without_repeats(runs) if one is not None and differ_only_in_seed([one, run])]


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
        names: The parameters. If empty, all trainings form one group.
        labels: Parameter → its text in the names of the groups.

    Returns:
        Group name → its trainings, in the order of the first training of each group. Each name is unique and states the values
        of the parameters. A parameter that the group does not have is left out.

    Example:
        >>> runs = [TrainedRun("a", {"epochs": 2}, {}), TrainedRun("b", {"epochs": 2}, {})]
        >>> list(group(runs, ["epochs"], {"epochs": "Epochs"}))
        ['Epochs 2']
    """
    found: dict[tuple[str, ...], list[TrainedRun]] = {}
    for run in runs:
        found.setdefault(_key(run, names), []).append(run)
    groups: Groups = {}
    for members in found.values():
        name = describe(members[0], names, labels) or "All trainings"
        groups[f"{name} ({len(groups) + 1})" if name in groups else name] = members
    return groups


def single_groups(runs: Sequence[TrainedRun], names: Sequence[str], labels: Mapping[str, str]) -> Groups:
    """Return a group for each training.

    Args:
        runs: Any number of trainings with different names.
        names: The parameters whose values the names of the groups contain.
        labels: Parameter → its text in the names of the groups.

    Returns:
        Group name → its only training.

    Example:
        >>> list(single_groups([TrainedRun("run 1", {"epochs": 2}, {})], ["epochs"], {"epochs": "Epochs"}))
        ['run 1: Epochs 2']
    """
    return {": ".join(filter(None, [run.name, describe(run, names, labels)])): [run] for run in runs}


def describe(run: TrainedRun, names: Sequence[str], labels: Mapping[str, str]) -> str:
    """Return the values of some parameters of a training as text. Parameters that the training does not have are left out.

    Args:
        run: The training.
        names: The parameters.
        labels: Parameter → its text.

    Example:
        >>> describe(TrainedRun("a", {"epochs": 2}, {}), ["epochs", "blocks.1.size"], {"epochs": "Epochs"})
        'Epochs 2'
    """
    return ", ".join(f"{labels.get(name, name)} {value_text(run.parameters[name])}" for name in names if name in run.parameters)


def value_text(value: Any) -> str:
    """Return a value of a parameter as text. An empty text becomes “none”, and a truth value becomes “yes” or “no”.

    Args:
        value: The value.

    Example:
        >>> value_text(""), value_text(True), value_text(0.003)
        ('none', 'yes', '0.003')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format_value(value) or "none"


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


def score_table(groups: Groups, score: str, reference: str) -> "pd.DataFrame":
    """Return the mean score of each group and its difference from the mean of a reference group.

    A verdict needs several seeds: both groups must consist of at least two trainings that differ only in the seed. The
    p values come from Welch's test, corrected with Holm's method for all pairs of such groups, because any group can become
    the reference group.

    Sources: B. L. Welch, "The generalization of Student's problem when several different population variances are involved",
    Biometrika 34 (1947); S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6 (1979).

    Args:
        groups: Result of `group`.
        score: Name of the score.
        reference: Name of the reference group.

    Returns:
        One row for each group, with the columns group, n (trainings), mean, deviation (standard deviation), low, high,
        difference, difference_low, difference_high (Welch's 95 % interval), p_value and verdict (a `Verdict`, or "" for the
        reference group). Unknown values are NaN.

    Example:
        >>> groups = {"a": [TrainedRun("a", {}, {"mnist": 0.5})], "b": [TrainedRun("b", {}, {"mnist": 0.75})]}
        >>> score_table(groups, "mnist", "a")["difference"].tolist()
        [nan, 0.25]
    """
    import numpy as np
    import pandas as pd

    scored = {name: [run for run in members if score in run.scores] for name, members in groups.items()}
    values = {name: [run.scores[score] for run in members] for name, members in scored.items()}
    pure = {name: values[name] for name, members in scored.items() if values[name] and differ_only_in_seed(members)}
    compared = [name for name in groups if name != reference and values[name] and values.get(reference)]
    p_values = _corrected(pure)
    found = {
        name: replace(difference(pure[name], pure[reference]), p_value=p_values.get(frozenset((name, reference))))
        for name in compared
        if name in pure and reference in pure
    }
    rows = []
    for name, own in values.items():
        row: dict[str, Any] = {"group": name, "n": len(own), "verdict": ""}
        if own:
            row |= {"mean": float(np.mean(own)), "low": min(own), "high": max(own)}
            row["deviation"] = float(np.std(own, ddof=1)) if len(own) > 1 else math.nan
        if name in compared:
            row |= {"difference": row["mean"] - float(np.mean(values[reference])), "verdict": Verdict.MIXED}
        if one := found.get(name):
            row |= {"p_value": one.p_value, "verdict": one.verdict}
            row |= dict(zip(("difference_low", "difference_high"), one.interval or (math.nan, math.nan), strict=True))
        rows.append(row)
    numbers = [name for name in SCORE_COLUMNS if name not in ("group", "n", "verdict")]
    return pd.DataFrame(rows, columns=SCORE_COLUMNS).astype(dict.fromkeys(numbers, float))


def difference(own: Sequence[float], reference: Sequence[float]) -> Difference:
    """Compare the scores of two groups of trainings that differ only in the seed.

    Args:
        own: Scores of the group, 0 to 1, one for each seed.
        reference: Scores of the reference group.

    Returns:
        The difference of the means. With at least two seeds each, it has Welch's 95 % interval and p value.

    Example:
        >>> difference([0.95, 0.96], [0.90, 0.91]).verdict
        <Verdict.BETTER: 'better'>
    """
    from scipy.special import stdtrit

    change = sum(own) / len(own) - sum(reference) / len(reference)
    if min(len(own), len(reference)) < 2:
        return Difference(change)
    errors = [_squared_error(own), _squared_error(reference)]
    if not sum(errors):  # Welch's test needs a score that varies.
        return Difference(change, p_value=_p_value(own, reference))
    freedom = sum(errors) ** 2 / (errors[0] ** 2 / (len(own) - 1) + errors[1] ** 2 / (len(reference) - 1))
    half = float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) * math.sqrt(sum(errors))
    return Difference(change, (change - half, change + half), _p_value(own, reference))


def _corrected(values: Mapping[str, Sequence[float]]) -> dict[frozenset[str], float]:
    """Return the p value of each pair of groups that can be tested, corrected for the number of pairs."""
    pairs = itertools.combinations([name for name, scores in values.items() if len(scores) > 1], 2)
    return correct_p_values({frozenset(pair): _p_value(*(values[name] for name in pair)) for pair in pairs})


def _p_value(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return the p value of Welch's test; None if the scores of neither group vary and the means differ."""
    from scipy.special import stdtr

    (low, spread_low), (high, spread_high) = sorted((sum(one) / len(one), _squared_error(one)) for one in (first, second))
    spread = spread_low + spread_high
    if not spread:
        return 1.0 if low == high else None
    freedom = spread**2 / sum(_squared_error(one) ** 2 / (len(one) - 1) for one in (first, second))
    return float(2 * stdtr(freedom, (low - high) / math.sqrt(spread)))


def _squared_error(scores: Sequence[float]) -> float:
    """Return the squared standard error of the mean."""
    mean = sum(scores) / len(scores)
    return sum((score - mean) ** 2 for score in scores) / (len(scores) - 1) / len(scores)


def _key(run: TrainedRun, names: Sequence[str]) -> tuple[str, ...]:
    """Return a text for each value, so that 1 and True differ and a missing parameter is a value."""
    return tuple(f"{name}={run.parameters[name]!r}" if name in run.parameters else "" for name in names)
