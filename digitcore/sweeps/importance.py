"""The importance of each parameter of a sweep for good scores, by PED-ANOVA."""

from typing import TYPE_CHECKING

from digitcore.sweeps.search import prepare_optuna, study_of

if TYPE_CHECKING:
    from digitcore.sweeps.runner import Sweep

MIN_COMBINATIONS = 10  # With fewer combinations, fewer than five of them are good ones.
N_GOOD = 5  # number of good combinations that PED-ANOVA needs
GOOD_SHARE = 0.1  # share of the combinations that are good ones, if these are enough


def importances(sweep: "Sweep", score: str) -> dict[str, float]:
    """Estimate how important each parameter is for reaching the scores of the best combinations.

    PED-ANOVA compares where the best combinations lie in the range of a parameter with where all combinations lie. It needs no
    model of the scores, works for conditional parameters, and does not test significance. `effects.effects` tests it.

    Source: S. Watanabe et al., "PED-ANOVA: Efficiently quantifying hyperparameter importance in arbitrary subspaces", IJCAI 2023.

    Args:
        sweep: A sweep. With successive halving, the scores of the first rung are compared.
        score: The score, `trial.VALIDATION` or `trial.HELD_OUT`.

    Returns:
        The share of the importance of each parameter, 0 to 1, largest first. The shares add up to 1. Parameters with only one
        value are left out. The dictionary is empty if fewer than `MIN_COMBINATIONS` combinations have a score, or all scores are
        equal.

    Example:
        >>> from digitcore import models
        >>> from digitcore.samples import SampleSet
        >>> from digitcore.sweeps import Sweep, SweepPlan
        >>> from digitcore.training import TrainSettings
        >>> importances(Sweep(models.load("mlp"), SampleSet(), SweepPlan({"batch_size": [8, 16]}, TrainSettings())), "validation")
        {}
    """
    means = sweep.first_rung_means(score)
    if len(means) < MIN_COMBINATIONS or len({value for _, value in means}) < 2:
        return {}
    prepare_optuna()
    from optuna import importance

    evaluator = importance.PedAnovaImportanceEvaluator(target_quantile=max(GOOD_SHARE, N_GOOD / len(means)))
    return importance.get_param_importances(study_of(sweep.plan, means), evaluator=evaluator)
