"""The search of a sweep: which combinations it proposes, and which it stops."""

import json
import subprocess
import sys

import numpy as np
import pytest

from digitcore.errors import ModelError
from digitcore.jobs.job import JobStatus
from digitcore.samples import SampleSet
from digitcore.sweeps.local import LocalRunner, run_locally
from digitcore.sweeps.plan import SweepPlan
from digitcore.sweeps.runner import Sweep
from digitcore.sweeps.search import combinations
from digitcore.sweeps.space import Range
from digitcore.sweeps.trial import SCORES, TrialResult, TrialTask
from digitcore.training.settings import TrainSettings

BASE = TrainSettings(mnist_samples=200, epochs=4, validation_samples=100)
NETWORK = '{"blocks": [{"kind": "conv", "size": 4, "pooling": true}, {"kind": "dense", "size": 8}]}'
RATE = {"learning_rate": Range(1e-4, 1e-1)}


@pytest.fixture
def scored(monkeypatch):
    """Replace trainings by a function of the settings."""

    def use(score):
        def run(self, progress, should_stop):
            return TrialResult(dict.fromkeys(SCORES, score(self.settings)), [])

        monkeypatch.setattr(TrialTask, "run", run)

    return use


def near(rate):
    """Return a score that is the better, the nearer a learning rate is to another."""
    return lambda settings: 1 - abs(np.log10(settings.learning_rate / rate)) / 10


def values(plan):
    return [trial.values for trial in plan.trials()]


def test_random_values_are_drawn_evenly():
    plan = SweepPlan(RATE, BASE, n_combinations=100)
    rates = [found["learning_rate"] for found in values(plan)]
    assert len(set(rates)) == 100
    assert 1e-4 <= min(rates) < max(rates) <= 1e-1
    assert 0.15 < np.mean([rate < 1e-3 for rate in rates]) < 0.52, "evenly on a logarithmic scale"
    assert all(rate == float(f"{rate:.3g}") for rate in rates)
    sizes = [found["batch_size"] for found in values(SweepPlan({"batch_size": Range(8, 64, True)}, BASE, n_combinations=30))]
    assert len(set(sizes)) == 30
    assert all(isinstance(size, int) and 8 <= size <= 64 for size in sizes)


def test_the_seed_determines_the_combinations_and_more_combinations_start_with_the_same():
    few, again, more, other = (
        values(SweepPlan(RATE | {"epochs": [1, 2]}, BASE.replace(seed=seed), n_combinations=n))
        for seed, n in ((3, 4), (3, 4), (3, 8), (4, 4))
    )
    assert few == again == more[:4]
    assert few != other


@pytest.mark.parametrize("search", ["grid", "random"])
def test_no_combination_is_tried_twice(search):
    space = {"epochs": [1, 2, 3, 2], "batch_size": [8, 16]}
    found = values(SweepPlan(space, BASE, n_combinations=99, search=search))
    assert len({str(one) for one in found}) == len(found) == 6
    assert (found == sorted(found, key=lambda one: tuple(one.values()))) == (search == "grid")
    many = {name: list(range(100)) for name in ("sample_weight", "mnist_samples", "synthetic_samples", "non_digit_samples")}
    many["sample_weight"] = list(range(1, 101))
    assert len({str(one) for one in values(SweepPlan(many, BASE, n_combinations=5, search=search))}) == 5


@pytest.mark.parametrize("search", ["grid", "random", "tpe"])
def test_a_trial_has_only_the_parameters_of_its_network(search, scored, genius):
    scored(lambda settings: settings.seed / 10)
    space = {"blocks.1.kernel_size": [3, 5], "blocks.1.kind": ["conv", "dense"], "blocks.2.size": [4, 8], "rows": [1, 2]}
    sweep = Sweep(genius, SampleSet(), SweepPlan(space, BASE, NETWORK, n_combinations=20, search=search))
    run_locally(sweep)
    found = [trial.values for trial in sweep.trials]
    assert len(found) == sweep.plan.n_drawn == sweep.n_planned == 9
    assert sum("blocks.2.size" in one for one in found) == 6
    assert sum("blocks.1.kernel_size" in one for one in found) == 6
    assert all(("blocks.2.size" in one) == (one["rows"] == 2) for one in found)
    assert sweep.n_done == 9
    assert len(sweep.means()) == 9
    assert sweep.best() in found
    stored = json.loads(json.dumps(sweep.to_dict()))
    assert [trial.values for trial in Sweep.from_dict(stored, genius, SampleSet()).trials] == found


def test_tpe_finds_better_values_than_random_draws(scored, genius):
    scored(near(0.004))
    errors = {}
    for search in ("random", "tpe"):
        best = []
        for seed in range(5):
            plan = SweepPlan(RATE, BASE.replace(seed=seed), n_combinations=25, search=search)
            sweep = Sweep(genius, SampleSet(), plan)
            run_locally(sweep)
            assert len(sweep.trials) == 25
            best.append(1 - sweep.means()["validation"].max())
        errors[search] = np.median(best)
    assert errors["tpe"] < errors["random"]


def test_a_restored_search_goes_on_as_an_uninterrupted_search(scored, genius):
    scored(near(0.01))
    plan = SweepPlan(RATE | {"batch_size": [8, 16, 32]}, BASE, n_combinations=12, search="tpe", n_seeds=2)
    whole = Sweep(genius, SampleSet(), plan)
    run_locally(whole)
    first = Sweep(genius, SampleSet(), plan)
    run_locally(first, should_stop=lambda: first.n_done == 9)
    second = Sweep.from_dict(json.loads(json.dumps(first.to_dict())), genius, SampleSet())
    assert len(second.trials) == 10
    assert second.n_planned == 24
    assert not second.is_complete
    run_locally(second)
    assert second.is_complete
    assert [trial.values for trial in second.trials] == [trial.values for trial in whole.trials]


def test_tpe_submits_only_as_many_trials_as_run(genius):
    class TwoAtATime(LocalRunner):
        capacity = 2

    runner, sweep = TwoAtATime(), Sweep(genius, SampleSet(), SweepPlan(RATE, BASE, n_combinations=5, search="tpe"))
    sweep.resume(runner)
    assert [trial.status for trial in sweep.trials] == ["waiting"] * 2
    assert sweep.is_running
    for n_trials in (3, 4, 5, 5, 5):
        job = sweep.jobs()[0]
        job.finish(TrialResult(dict.fromkeys(SCORES, 0.5), []))
        sweep.advance(runner)
        assert len(sweep.trials) == n_trials
    assert not sweep.is_running
    assert sweep.is_complete


def test_a_failed_training_does_not_end_the_search(scored, genius):
    def score(settings):
        if settings.learning_rate > 0.01:
            raise ValueError("diverged")
        return 0.5

    scored(score)
    sweep = Sweep(genius, SampleSet(), SweepPlan(RATE, BASE, n_combinations=12, search="tpe"))
    run_locally(sweep)
    assert len(sweep.trials) == 12
    assert {"done", "failed"} == set(sweep.table()["status"])


def test_wilcoxon_s_test_stops_seeds_of_poor_combinations(scored, genius):
    scored(lambda settings: settings.batch_size / 1000 + settings.seed / 1e6)
    plan = SweepPlan({"batch_size": [64, 8, 16]}, BASE, n_seeds=6, pruner="wilcoxon")
    sweep = Sweep(genius, SampleSet(), plan)
    run_locally(sweep)
    groups = {group[0].values["batch_size"]: group for group in combinations(sweep.trials)}
    n_trained = {size: sum(trial.status == JobStatus.DONE for trial in group) for size, group in groups.items()}
    assert n_trained[64] == 6
    assert min(n_trained.values()) == 4, "the smallest p value of four seeds is 1/16"
    assert sweep.best() == {"batch_size": 64}
    assert sweep.is_complete
    assert sweep.table()["validation"].notna().sum() == sum(n_trained.values())
    restored = Sweep.from_dict(json.loads(json.dumps(sweep.to_dict())), genius, SampleSet())
    assert restored.is_complete
    restored.resume(LocalRunner())
    assert not restored.jobs(), "a stopped combination stays stopped"


def test_restored_rungs_are_compared_with_new_results(scored, genius):
    scored(lambda settings: settings.batch_size / 1000)
    plan = SweepPlan({"batch_size": [8, 16, 32, 48, 64, 80, 96, 112]}, BASE, pruner="halving")
    whole, first = (Sweep(genius, SampleSet(), plan) for _ in range(2))
    run_locally(whole)
    run_locally(first, should_stop=lambda: first.n_ended >= 5)
    second = Sweep.from_dict(json.loads(json.dumps(first.to_dict())), genius, SampleSet())
    run_locally(second)
    columns = ["batch_size", "trained_epochs", "status"]
    assert second.table()[columns].equals(whole.table()[columns])
    assert second.best() == {"batch_size": 112}


def test_a_space_without_a_valid_network_is_rejected():
    space = {"blocks.1.size": [1024], "blocks.2.size": [1024]}
    network = '{"blocks": [{"kind": "dense", "size": 8}, {"kind": "dense", "size": 8}, {"kind": "dense", "size": 1024}]}'
    with pytest.raises(ModelError, match="parameters, more than the limit"):
        SweepPlan(space, BASE, network, n_combinations=3, search="random").trials()


def test_optuna_is_loaded_when_a_search_begins():
    code = """
import sys
from digitcore.sweeps import Sweep, SweepPlan
from digitcore.training import TrainSettings
plan = SweepPlan({"batch_size": [8, 16]}, TrainSettings())
assert "optuna" not in sys.modules
plan.trials()
assert "optuna" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
