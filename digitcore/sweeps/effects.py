"""What each parameter of a sweep does to a score, and whether chance explains it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from digitcore.values import suits_log_scale

if TYPE_CHECKING:
    import pandas as pd

MAX_LEVELS = 8  # values that are compared one by one; of more, or of drawn ones, only the trend is looked at
MIN_RESIDUALS = 2  # degrees of freedom that must be left for the spread
SIGNIFICANCE = 0.05
NOISE = 1e-12  # of a sum of squares, below which it is rounding


@dataclass(frozen=True)
class Effect:
    """What one parameter does.

    Attributes:
        name: of the parameter.
        best: its value with the highest mean score.
        difference: between the highest and the lowest mean of a value; among more than `MAX_LEVELS` values, of the upper and the
            lower half of them.
        p_value: of the F test that the parameter does nothing, 0 to 1, corrected for the number of parameters by Holm's
            method; None where too few trials are done.
    """

    name: str
    best: object
    difference: float
    p_value: float | None

    @property
    def is_significant(self) -> bool:
        """Whether chance alone would seldom show so much."""
        return self.p_value is not None and self.p_value < SIGNIFICANCE


def effects(table: "pd.DataFrame", names: Sequence[str], score: str) -> list[Effect]:
    """The effect of each parameter, the largest first.

    An analysis of variance without interactions: what the score's spread loses when a parameter is left out, beside what stays
    unexplained, which holds the spread over seeds and the interactions. What is common to a seed is taken out first.
    Sources: R. A. Fisher, "Statistical Methods for Research Workers" (1925); S. Holm, "A simple sequentially rejective multiple
    test procedure", Scandinavian Journal of Statistics 6 (1979).

    Args:
        table: one row a trial, with the parameters, `seed` and the score.
        names: of the parameters.
        score: column of the score.
    """
    table = table[table[score].notna()]
    names = [name for name in names if table[name].nunique(dropna=False) > 1]
    if table.empty or not names:
        return []
    values = table[score].to_numpy(float)
    columns = {name: _columns(table[name]) for name in names}
    common = np.hstack([np.ones((len(table), 1)), _columns(table["seed"])])
    found = [_effect(table, name, score, _p_value(values, columns, common, name)) for name in names]
    return sorted(_corrected(found), key=lambda effect: -effect.difference)


def seed_deviation(table: "pd.DataFrame", names: Sequence[str], score: str) -> float | None:
    """Standard deviation of the score between seeds of one combination, pooled over all; None with one seed each."""
    groups = table[table[score].notna()].groupby(list(names), dropna=False)[score]
    freedom = int((groups.count() - 1).sum())
    if freedom < 1:
        return None
    squares = groups.apply(lambda scores: float(((scores - scores.mean()) ** 2).sum())).sum()
    return math.sqrt(squares / freedom)


def _effect(table: "pd.DataFrame", name: str, score: str, p_value: float | None) -> Effect:
    keys = table[name].map(str) if table[name].nunique(dropna=False) <= MAX_LEVELS else table[name] > table[name].median()
    means = table.groupby(keys, sort=False)[score].mean()
    rows = table[keys == means.idxmax()].sort_values(score, ascending=False)
    return Effect(name, rows[name].iloc[0], float(means.max() - means.min()), p_value)


def _columns(values: "pd.Series") -> np.ndarray:
    """Columns of a linear model, (N, K): one for each value but the first; of many numbers their size, or its logarithm."""
    keys = values.map(str).to_numpy(str)
    levels = np.unique(keys)
    if len(levels) <= MAX_LEVELS:
        return np.asarray(keys[:, None] == levels[1:], float)
    try:
        numbers = values.to_numpy(float)
    except (TypeError, ValueError):
        return np.zeros((len(values), 0))
    is_log = suits_log_scale(numbers.min(), numbers.max())
    return (np.log(numbers) if is_log else numbers)[:, None]


def _p_value(values: np.ndarray, columns: dict[str, np.ndarray], common: np.ndarray, name: str) -> float | None:
    from scipy.special import fdtrc

    full, full_rank = _residuals(np.hstack([common, *columns.values()]), values)
    others = [found for other, found in columns.items() if other != name]
    reduced, reduced_rank = _residuals(np.hstack([common, *others]), values)
    freedom, gained = len(values) - full_rank, full_rank - reduced_rank
    if freedom < MIN_RESIDUALS or gained < 1:
        return None
    if full < NOISE:
        return 0.0 if reduced > NOISE else 1.0
    return float(fdtrc(gained, freedom, max(0.0, reduced - full) / gained / (full / freedom)))


def _residuals(matrix: np.ndarray, values: np.ndarray) -> tuple[float, int]:
    """Sum of squares that a linear model leaves, and the rank of its matrix."""
    solution, _, rank, _ = np.linalg.lstsq(matrix, values, rcond=None)
    return float(((values - matrix @ solution) ** 2).sum()), int(rank)


def _corrected(found: list[Effect]) -> list[Effect]:
    """The same with p values by Holm's method."""
    tested = sorted((effect for effect in found if effect.p_value is not None), key=lambda effect: effect.p_value or 0.0)
    corrected, floor = {}, 0.0
    for number, effect in enumerate(tested):
        floor = max(floor, min(1.0, (len(tested) - number) * (effect.p_value or 0.0)))
        corrected[effect.name] = floor
    return [replace(effect, p_value=corrected.get(effect.name)) for effect in found]
