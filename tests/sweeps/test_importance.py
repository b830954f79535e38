"""The importance of parameters for good scores."""

import numpy as np
import pytest

from digitcore.jobs.job import JobStatus
from digitcore.samples import SampleSet
from digitcore.sweeps.importance import MIN_COMBINATIONS, importances
from digitcore.sweeps.plan import SweepPlan
from digitcore.sweeps.runner import Sweep
from digitcore.sweeps.space import Range
from digitcore.training.settings import TrainSettings

SPACE = {"learning_rate": Range(1e-5, 1e-1), "batch_size": Range(4, 128, True), "optimizer": ["adam", "sgd"], "epochs": [2]}
NETWORK = '{"blocks": [{"kind": "conv", "size": 4}, {"kind": "dense", "size": 8}]}'


def sweep_with(genius, space, score, n, **options):
    sweep = Sweep(genius, SampleSet(), SweepPlan(space, TrainSettings(), n_combinations=n, search="random", **options))
    for trial in sweep.trials:
        trial.status, trial.scores = JobStatus.DONE, {"validation": score(trial.values)}
    return sweep


def test_the_parameter_that_decides_is_the_most_important(genius):
    sweep = sweep_with(genius, SPACE, lambda values: 1 - abs(np.log10(values["learning_rate"]) + 3), 60)
    found = importances(sweep, "validation")
    assert next(iter(found)) == "learning_rate"
    assert found["learning_rate"] > 0.5
    assert sum(found.values()) == pytest.approx(1)
    assert found.get("epochs", 0.0) == 0


def test_conditional_parameters_have_an_importance(genius):
    space = {"rows": [1, 2], "blocks.1.kind": ["conv", "dense"], "blocks.2.size": [4, 8, 16, 32]}
    sweep = sweep_with(genius, space, lambda values: 0.5 + values.get("blocks.2.size", 0) / 100, 20, network=NETWORK)
    assert next(iter(importances(sweep, "validation"))) in ("blocks.2.size", "rows")


def test_few_combinations_or_equal_scores_have_no_importance(genius):
    few = sweep_with(genius, SPACE, lambda values: values["learning_rate"], MIN_COMBINATIONS - 1)
    assert importances(few, "validation") == {}
    assert importances(sweep_with(genius, SPACE, lambda values: 0.5, 20), "validation") == {}
    assert importances(few, "held_out") == {}
