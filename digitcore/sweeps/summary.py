"""Description of the results of a sweep in sentences and in tables for readers."""

from typing import TYPE_CHECKING

from digitcore import mnist
from digitcore.evaluation.score import COLLAPSE
from digitcore.sweeps import effects
from digitcore.sweeps import space as parameter_space
from digitcore.sweeps.effects import Effect, Interaction, SeedSpread
from digitcore.sweeps.importance import importances
from digitcore.sweeps.runner import Sweep
from digitcore.sweeps.search import HALVING
from digitcore.sweeps.trial import HELD_OUT, VALIDATION
from digitcore.values import format_p_value, format_value, percent, plural

if TYPE_CHECKING:
    import pandas as pd

SCORE_TITLES = {VALIDATION: "MNIST validation", HELD_OUT: "Held-out drawings"}
COLUMN_TITLES = {  # column of `Sweep.table` → its title on the page and in a report
    "seed": "Seed",
    "trained_epochs": "Epochs trained",
    "status": "Status",
    VALIDATION: SCORE_TITLES[VALIDATION],
    "validation_before": "MNIST validation before",
    "added_validation_errors": "Added validation errors",
    HELD_OUT: SCORE_TITLES[HELD_OUT],
    "held_out_before": "Held-out drawings before",
    "parameters": "Parameters",
    "seconds": "Seconds",
    "error": "Error",
}
SHARES = {VALIDATION: 2, "validation_before": 2, HELD_OUT: 1, "held_out_before": 1}  # column → decimal places of its percentages


def describe(sweep: Sweep) -> list[str]:
    """Describe the best combination, the spread between seeds, the effects and interactions of parameters, and their importance.

    Args:
        sweep: The sweep.

    Returns:
        Sentences. The list is empty while no trial is done.

    Example:
        >>> from digitcore import models
        >>> from digitcore.samples import SampleSet
        >>> from digitcore.sweeps import SweepPlan
        >>> from digitcore.training import TrainSettings
        >>> describe(Sweep(models.load("mlp"), SampleSet(), SweepPlan({"batch_size": [8, 16]}, TrainSettings())))
        []
    """
    if sweep.means().empty:
        return []
    table, names, score = sweep.first_rung_table(), list(sweep.plan.space), sweep.plan.ranked_by
    if table[score].isna().all():
        score = VALIDATION
    found = effects.effects(table, names, score)
    lines = [describe_best(sweep)]
    if found:
        lines.append(describe_spread(effects.seed_spread(table, names, score, sweep.n_scored(score))))
        lines += [_describe_effect(effect, sweep) for effect in found]
        lines += describe_interactions(sweep, score)
    important = importances(sweep, score)
    if important:
        shares = (f"{parameter_space.label(name, sweep.plan.network)} {percent(share)}" for name, share in important.items())
        lines.append(f"Importance for good scores (PED-ANOVA): {', '.join(shares)}.")
    return lines


def trials_table(sweep: Sweep) -> "pd.DataFrame":
    """Return the trials with readable titles, with shares as percentages, and without columns that say nothing.

    Args:
        sweep: The sweep.

    Returns:
        One row for each trial, in the order of the trials.

    Example:
        >>> from digitcore import models
        >>> from digitcore.samples import SampleSet
        >>> from digitcore.sweeps import SweepPlan
        >>> from digitcore.training import TrainSettings
        >>> trials_table(Sweep(models.load("mlp"), SampleSet(), SweepPlan({"batch_size": [8, 16]}, TrainSettings())))
           Batch size  Seed   Status
        0           8     0  waiting
        1          16     0  waiting
    """
    table = sweep.table()
    shown = table.drop(columns=[name for name in table if name in COLUMN_TITLES and table[name].isna().all()])
    if not table["error"].any():
        shown = shown.drop(columns="error", errors="ignore")
    if sweep.plan.pruner != HALVING:
        shown = shown.drop(columns="trained_epochs")
    for name, places in SHARES.items():
        if name in shown:
            shown[name] = [percent(share, places) if share == share else None for share in table[name]]
    labels = {name: parameter_space.label(name, sweep.plan.network) for name in sweep.plan.space}
    return shown.rename(columns=COLUMN_TITLES | labels)


def effects_table(sweep: Sweep, score: str) -> list[dict[str, str | float]]:
    """Return the effect of each parameter on a score, with its test and its importance.

    Args:
        sweep: The sweep.
        score: A column of the scores.

    Returns:
        A row for each parameter: title of the column → value. The list is empty while the effects cannot be tested.

    Example:
        >>> from digitcore import models
        >>> from digitcore.samples import SampleSet
        >>> from digitcore.sweeps import SweepPlan
        >>> from digitcore.training import TrainSettings
        >>> sweep = Sweep(models.load("mlp"), SampleSet(), SweepPlan({"batch_size": [8, 16]}, TrainSettings()))
        >>> effects_table(sweep, "validation")
        []
    """
    found = effects.effects(sweep.first_rung_table(), list(sweep.plan.space), score)
    important = importances(sweep, score) if found else {}
    return [
        {
            "Parameter": parameter_space.label(effect.name, sweep.plan.network),
            "Best value": format_value(effect.best),
            "Difference (points)": round(100 * effect.difference, 2),
            "Clear effect": describe_verdict(effect),
            **({"Importance": percent(important.get(effect.name, 0.0))} if important else {}),
        }
        for effect in found
    ]


def describe_best(sweep: Sweep) -> str:
    """Describe the combination with the highest mean score.

    Args:
        sweep: A sweep with at least one completed trial.

    Returns:
        A sentence.

    Example:
        >>> from digitcore import models
        >>> from digitcore.jobs.job import JobStatus
        >>> from digitcore.samples import SampleSet
        >>> from digitcore.sweeps import SweepPlan
        >>> from digitcore.training import TrainSettings
        >>> sweep = Sweep(models.load("mlp"), SampleSet(), SweepPlan({"epochs": [3]}, TrainSettings()))
        >>> sweep.trials[0].status, sweep.trials[0].scores = JobStatus.DONE, {"validation": 0.98}
        >>> describe_best(sweep)
        "Highest mean on MNIST's 5,000 validation digits: Epochs 3."
    """
    means, ranking, so_far = sweep.means(), sweep.plan.ranked_by, " so far" * (not sweep.is_complete)
    best = ", ".join(
        f"{parameter_space.label(name, sweep.plan.network)} {format_value(value)}" for name, value in (sweep.best() or {}).items()
    )
    if means[ranking].nunique() > 1 or len(means) == 1:
        longest = ", among the trials with the most epochs" * (sweep.plan.pruner == HALVING)
        return f"Highest mean{so_far} on {_describe_subset(sweep, ranking)}{longest}: {best}."
    if ranking == HELD_OUT and means[VALIDATION].nunique() > 1:
        no_difference = f"No difference on {_describe_subset(sweep, ranking)}{so_far}."
        return f"{no_difference} Highest mean on {_describe_subset(sweep, VALIDATION)}: {best}."
    return f"No difference on {_describe_subset(sweep, ranking)}{so_far}."


def describe_spread(spread: SeedSpread) -> str:
    """Describe the standard deviation of the score between seeds.

    Args:
        spread: The spread between seeds.

    Returns:
        One or two sentences.

    Example:
        >>> describe_spread(SeedSpread(0.002))
        "The standard deviation of a combination's score between seeds is 0.2 points."
    """
    n = spread.n_collapsed
    far_below = f"{plural(n, 'combination')} with a training more than {100 * COLLAPSE:.0f} points below the best"
    if spread.deviation is None:
        reason = f"no combination but {far_below} has two seeds" if n else "each combination has only one seed"
        return f"The random variation of the scores is not known, because {reason}."
    left_out = f" This value leaves out {far_below}." * bool(n)
    return f"The standard deviation of a combination's score between seeds is {100 * spread.deviation:.2g} points.{left_out}"


def describe_verdict(effect: Effect) -> str:
    """Describe whether a parameter has a clear effect.

    Args:
        effect: The effect of the parameter.

    Returns:
        “yes” or “no” with the corrected p value, or “unknown” with the reason, in parentheses.

    Example:
        >>> describe_verdict(Effect("epochs", best=3, difference=0.01, p_value=0.2))
        'no (p = 0.2)'
    """
    if effect.p_value is None:
        return "unknown (too few trials)"
    return f"{'yes' if effect.is_significant else 'no'} ({format_p_value(effect.p_value)})"


def describe_interactions(sweep: Sweep, score: str) -> list[str]:
    """Describe the significant interactions of two parameters.

    Args:
        sweep: The sweep.
        score: A column of the scores.

    Returns:
        Two sentences for each interaction, smallest p value first.

    Example:
        >>> from digitcore import models
        >>> from digitcore.samples import SampleSet
        >>> from digitcore.sweeps import SweepPlan
        >>> from digitcore.training import TrainSettings
        >>> plan = SweepPlan({"epochs": [1, 3], "batch_size": [8, 16]}, TrainSettings())
        >>> describe_interactions(Sweep(models.load("mlp"), SampleSet(), plan), "validation")
        []
    """
    found = effects.interactions(sweep.first_rung_table(), list(sweep.plan.space), score)
    return [_describe_interaction(one, sweep) for one in found if one.is_significant]


def _describe_interaction(interaction: Interaction, sweep: Sweep) -> str:
    labels = [parameter_space.label(name, sweep.plan.network) for name in interaction.names]
    best = ", ".join(f"{label} {format_value(value)}" for label, value in zip(labels, interaction.best, strict=True))
    return (
        f"The effects of {labels[0]} and {labels[1]} depend on each other ({format_p_value(interaction.p_value)}). "
        f"Best together: {best}."
    )


def _describe_effect(effect: Effect, sweep: Sweep) -> str:
    label = parameter_space.label(effect.name, sweep.plan.network)
    return (
        f"{label}: best value {format_value(effect.best)}, difference {100 * effect.difference:.2f} points, "
        f"clear effect: {describe_verdict(effect)}."
    )


def _describe_subset(sweep: Sweep, score: str) -> str:
    if score == VALIDATION:
        return f"MNIST's {mnist.VALIDATION_SIZE:,} validation digits"
    return f"your {plural(sweep.n_scored(HELD_OUT), 'held-out drawing')}"
