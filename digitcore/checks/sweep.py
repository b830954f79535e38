"""Checks of a sweep."""

from statistics import pstdev

from digitcore.checks.check import Finding, check, issue, not_applicable, passed
from digitcore.checks.subject import Subject
from digitcore.sweeps import effects
from digitcore.sweeps import space as parameter_space
from digitcore.sweeps.runner import Sweep
from digitcore.training.settings import SETTING_SPECS
from digitcore.values import format_value

NO_SWEEP = "The lab has no sweep with a result."
MIN_VALUES = 3  # tried values of a parameter; of two values, each is at the edge


@check(
    "S01",
    "Best value at the edge",
    rule=f"A parameter of the sweep has a clear effect, at least {MIN_VALUES} values were tried, and the best is the lowest or "
    "highest of them, although lower or higher values are allowed.",
    reason="A value beyond the edge may be better.",
    tip="Run the sweep again with values beyond the edge.",
)
def _find_edges(subject: Subject) -> Finding:
    """Search for parameters whose best value is the lowest or the highest that was tried."""
    found = subject.sweep
    if found is None:
        return not_applicable(NO_SWEEP)
    numeric = {name: values for name in found.plan.space if len(values := _tried(found, name)) >= MIN_VALUES}
    if not numeric:
        return not_applicable(f"No numeric parameter of the sweep was tried with at least {MIN_VALUES} values.")
    clear = [
        effect
        for effect in effects.effects(found.first_rung_table(), list(found.plan.space), found.plan.ranked_by)
        if effect.is_significant and effect.name in numeric
    ]
    if not clear:
        return not_applicable(f"No numeric parameter with at least {MIN_VALUES} values has a clear effect.")
    texts = [
        f"{parameter_space.label(effect.name, found.plan.network)} {format_value(effect.best)}"
        for effect in clear
        if _is_edge(effect.name, effect.best, numeric[effect.name])
    ]
    if texts:
        return issue(f"The best value is at the edge of the tried values: {', '.join(texts)}.")
    return passed("The best values are between other values that were tried.")


@check(
    "S02",
    "Seeds disagree more than settings",
    rule="The standard deviation between the seeds of a combination is at least as large as the standard deviation between the "
    "means of the combinations, and no parameter has a clear effect.",
    reason="The order of the combinations is chance, and another seed gives another best combination.",
    tip="Do not use this order. Run the sweep with more seeds, more epochs, or values that differ more.",
)
def _compare_seeds_with_settings(subject: Subject) -> Finding:
    """Compare the variation between seeds with the variation between combinations."""
    found = subject.sweep
    if found is None:
        return not_applicable(NO_SWEEP)
    table, names, score = found.first_rung_table(), list(found.plan.space), found.plan.ranked_by
    means = table.groupby(names, dropna=False)[score].mean().dropna().tolist()
    spread = effects.seed_spread(table, names, score, found.n_scored(score)).deviation
    if spread is None or len(means) < 2:
        return not_applicable("The sweep has only one seed or one combination.")
    between = pstdev(means)
    sentence = (
        f"The scores of the seeds of a combination differ by {100 * spread:.2f} points and the combinations by "
        f"{100 * between:.2f} points (standard deviations)."
    )
    has_effect = any(effect.is_significant for effect in effects.effects(table, names, score))
    return passed(sentence) if has_effect or spread < between else issue(sentence)


def _tried(sweep: Sweep, name: str) -> list[float]:
    """Return the numbers of a parameter that have a score, in ascending order; [] if a value is not a number."""
    values = set(sweep.done_table()[name].tolist())
    is_number = all(isinstance(value, int | float) and not isinstance(value, bool) and value == value for value in values)
    return sorted(values) if is_number else []


def _is_edge(name: str, best: object, values: list[float]) -> bool:
    spec = SETTING_SPECS.get(name)
    is_lowest = best == values[0] and not (spec and best == spec.low)
    return is_lowest or (best == values[-1] and not (spec and best == spec.high))
