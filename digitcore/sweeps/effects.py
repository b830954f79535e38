"""The effect of each parameter of a sweep on a score, and the interactions of two parameters."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from digitcore.evaluation.score import Score, correct_p_values, has_collapsed
from digitcore.sweeps import space as parameter_space
from digitcore.values import suits_log_scale

if TYPE_CHECKING:
    import pandas as pd

MAX_LEVELS = 8  # Up to 8 values, the means of all values are compared. For more values, only the trend is tested.
MIN_RESIDUALS = 2  # minimum degrees of freedom of the residuals
SIGNIFICANCE = 0.05
NOISE = 1e-12  # A smaller sum of squares is a rounding error.


@dataclass(frozen=True)
class Effect:
    """The effect of one parameter on a score.

    Attributes:
        name: Name of the parameter.
        best: The value with the highest mean score.
        difference: Difference between the highest and the lowest mean score of a value. With more than `MAX_LEVELS` values, the
            upper and the lower half of the values are compared.
        p_value: p value of the F test of the parameter, 0 to 1, or `None` if there are too few trials. Holm's method corrects
            the p value for the number of parameters.

    Example:
        >>> Effect("epochs", best=3, difference=0.01, p_value=0.2).is_significant
        False
    """

    name: str
    best: object
    difference: float
    p_value: float | None

    @property
    def is_significant(self) -> bool:
        """Whether the effect is significant at the 5 % level."""
        return self.p_value is not None and self.p_value < SIGNIFICANCE


def effects(table: "pd.DataFrame", names: Sequence[str], score: str) -> list[Effect]:
    """Estimate the effect of each parameter with an analysis of variance without interactions.

    The variance that a parameter explains is compared with the residual variance. The residual variance contains the
    interactions and the random variation. The differences between the mean scores of seeds are removed.

    Sources: R. A. Fisher, "Statistical Methods for Research Workers" (1925); S. Holm, "A simple sequentially rejective multiple
    test procedure", Scandinavian Journal of Statistics 6 (1979).

    Args:
        table: One row for each trial, with the parameters, `seed` and the score.
        names: Names of the parameters.
        score: Column of the score.

    Returns:
        The effects, largest difference first. Parameters with only one value are left out.

    Example:
        >>> import pandas as pd
        >>> rows = [(size, seed, 0.90 + 0.001 * size + 0.0001 * seed) for size in (8, 16, 32) for seed in range(3)]
        >>> table = pd.DataFrame(rows, columns=["batch_size", "seed", "validation"])
        >>> [(effect.name, int(effect.best), effect.is_significant) for effect in effects(table, ["batch_size"], "validation")]
        [('batch_size', 32, True)]
    """
    table, columns = _design(table, names, score)
    common = _common(table)
    values = table[score].to_numpy(float)
    found = []
    for name in columns:
        others = [columns[other] for other in columns if other != name]
        found.append(_effect(table, name, score, _p_value(values, [common, *others], columns[name])))
    corrected = correct_p_values({effect.name: effect.p_value for effect in found})
    return sorted(
        (replace(effect, p_value=corrected.get(effect.name)) for effect in found), key=lambda effect: -effect.difference
    )


@dataclass(frozen=True)
class Interaction:
    """The interaction of two parameters: whether the effect of one parameter depends on the value of the other.

    Attributes:
        names: Names of the parameters.
        best: The values of the two parameters with the highest mean score.
        p_value: p value of the F test of the interaction, 0 to 1. Holm's method corrects it for the number of pairs.

    Example:
        >>> Interaction(("epochs", "batch_size"), best=(3, 8), p_value=0.2).is_significant
        False
    """

    names: tuple[str, str]
    best: tuple[object, object]
    p_value: float

    @property
    def is_significant(self) -> bool:
        """Whether the interaction is significant at the 5 % level."""
        return self.p_value < SIGNIFICANCE


def interactions(table: "pd.DataFrame", names: Sequence[str], score: str) -> list[Interaction]:
    """Test for each pair of parameters whether they interact, with an analysis of variance.

    The variance that the products of two parameters explain beyond the parameters themselves is compared with the residual
    variance of the model with all parameters and these products.

    Args:
        table: One row for each trial, with the parameters, `seed` and the score.
        names: Names of the parameters.
        score: Column of the score.

    Returns:
        The interactions, smallest p value first. Pairs with too few trials for a test are left out.

    Example:
        >>> import pandas as pd
        >>> rows = [(a, b, seed, a * b + 0.01 * seed * (a + b)) for a in (0, 1) for b in (0, 1) for seed in range(3)]
        >>> found = interactions(pd.DataFrame(rows, columns=["a", "b", "seed", "score"]), ["a", "b"], "score")
        >>> found[0].names, [int(value) for value in found[0].best], found[0].is_significant
        (('a', 'b'), [1, 1], True)
    """
    table, columns = _design(table, names, score)
    known, values = [_common(table), *columns.values()], table[score].to_numpy(float)
    found = {}
    for first, second in itertools.combinations(columns, 2):
        products = np.einsum("ni,nj->nij", columns[first], columns[second]).reshape(len(table), -1)
        p_value = _p_value(values, known, products)
        if p_value is not None:
            found[first, second] = p_value
    return [Interaction(pair, _best_pair(table, pair, score), p_value) for pair, p_value in correct_p_values(found).items()]


@dataclass(frozen=True)
class SeedSpread:
    """The variation of a score between the seeds of one combination.

    Attributes:
        deviation: Standard deviation between seeds, pooled over the combinations; `None` if each combination has only one seed.
        n_collapsed: Number of combinations that are left out, because a seed has collapsed.

    Example:
        >>> SeedSpread(0.002).n_collapsed
        0
    """

    deviation: float | None
    n_collapsed: int = 0


def seed_spread(table: "pd.DataFrame", names: Sequence[str], score: str, n_scored: int) -> SeedSpread:
    """Compute the standard deviation of the score between seeds, pooled over the combinations in which no seed has collapsed.

    A collapsed training varies by many points, and would hide how little the other combinations vary. A seed has collapsed if
    `score.has_collapsed` says so in comparison with the best mean of a combination.

    Args:
        table: One row for each trial, with the parameters and the score.
        names: Names of the parameters.
        score: Column of the score.
        n_scored: Number of samples on which the trials were scored.

    Returns:
        The spread.

    Example:
        >>> import pandas as pd
        >>> table = pd.DataFrame({"epochs": [1, 1, 2, 2], "seed": [0, 1, 0, 1], "validation": [0.9, 0.92, 0.1, 0.95]})
        >>> spread = seed_spread(table, ["epochs"], "validation", 5000)
        >>> round(spread.deviation, 4), spread.n_collapsed
        (0.0141, 1)
    """
    groups = [found.tolist() for _, found in table[table[score].notna()].groupby(list(names), dropna=False)[score]]
    if not groups:
        return SeedSpread(None)
    best = _score(max(map(fmean, groups)), n_scored)
    stable = [scores for scores in groups if not has_collapsed(best, _score(min(scores), n_scored))]
    freedom = sum(len(scores) - 1 for scores in stable)
    squares = sum((value - fmean(scores)) ** 2 for scores in stable for value in scores)
    return SeedSpread(math.sqrt(squares / freedom) if freedom else None, len(groups) - len(stable))


def _score(share: float, n: int) -> Score:
    return Score.from_counts(round(share * n), n)


def _design(table: "pd.DataFrame", names: Sequence[str], score: str) -> tuple["pd.DataFrame", dict[str, np.ndarray]]:
    """Return the trials that have a score, and the columns of each parameter that has at least two values."""
    table = table[table[score].notna()]
    return table, {name: _columns(table[name]) for name in names if table[name].nunique(dropna=False) > 1}


def _common(table: "pd.DataFrame") -> np.ndarray:
    return np.hstack([np.ones((len(table), 1)), _columns(table["seed"])])


def _effect(table: "pd.DataFrame", name: str, score: str, p_value: float | None) -> Effect:
    if parameter_space.is_conditional(name):  # A missing value means that the network has no such parameter.
        table = table[table[name].notna()]
    keys = _levels(table, name)
    means = table.groupby(keys, sort=False)[score].mean()
    rows = table[keys == means.idxmax()].sort_values(score, ascending=False)
    return Effect(name, rows[name].iloc[0], float(means.max() - means.min()), p_value)


def _best_pair(table: "pd.DataFrame", names: tuple[str, str], score: str) -> tuple[object, object]:
    """Return the values of the best trial in the best cell of two parameters."""
    first, second = (_levels(table, name) for name in names)
    means = table.groupby([first, second], sort=False)[score].transform("mean")
    best = table[means == means.max()].sort_values(score, ascending=False)
    return best[names[0]].iloc[0], best[names[1]].iloc[0]


def _levels(table: "pd.DataFrame", name: str) -> "pd.Series":
    """Return the level of each row: its value, or with many values whether the value is above the median."""
    return table[name].map(str) if table[name].nunique(dropna=False) <= MAX_LEVELS else table[name] > table[name].median()


def _columns(values: "pd.Series") -> np.ndarray:
    """Return the columns of a linear model, (N, K): indicators of the values, or one numeric column for many numbers.

    If some rows have no number, the second column marks them.
    """
    keys = values.map(str).to_numpy(str)
    levels = np.unique(keys)
    if len(levels) <= MAX_LEVELS:
        return np.asarray(keys[:, None] == levels[1:], float)
    try:
        numbers = values.to_numpy(float)
    except (TypeError, ValueError):
        return np.zeros((len(values), 0))
    is_missing = np.isnan(numbers)
    is_log = suits_log_scale(np.nanmin(numbers), np.nanmax(numbers))
    numbers = np.log(numbers) if is_log else numbers
    numbers = np.where(is_missing, np.nanmean(numbers), numbers)
    return np.stack([numbers, is_missing], 1) if is_missing.any() else numbers[:, None]


def _p_value(values: np.ndarray, known: Sequence[np.ndarray], added: np.ndarray) -> float | None:
    """Return the p value of the F test whether more columns explain more than the known columns do."""
    from scipy.special import fdtrc

    full, full_rank = _residuals(np.hstack([*known, added]), values)
    reduced, reduced_rank = _residuals(np.hstack(known), values)
    freedom, gained = len(values) - full_rank, full_rank - reduced_rank
    if freedom < MIN_RESIDUALS or gained < 1:
        return None
    if full < NOISE:
        return 0.0 if reduced > NOISE else 1.0
    return float(fdtrc(gained, freedom, max(0.0, reduced - full) / gained / (full / freedom)))


def _residuals(matrix: np.ndarray, values: np.ndarray) -> tuple[float, int]:
    """Return the residual sum of squares of a linear model, and the rank of its matrix."""
    solution, _, rank, _ = np.linalg.lstsq(matrix, values, rcond=None)
    return float(((values - matrix @ solution) ** 2).sum()), int(rank)
