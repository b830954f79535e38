import json
import time

import pytest

from digitcore.errors import SettingsError
from digitcore.jobs.job import JobStatus
from digitcore.jobs.sweep import MAX_TRIALS, SCORES, Sweep
from digitcore.training.settings import TrainSettings

BASE = TrainSettings(mnist_samples=200, epochs=1, validation_samples=100)


def until_idle(sweep, seconds=240):
    end = time.monotonic() + seconds
    while not sweep.is_idle:
        assert time.monotonic() < end
        time.sleep(0.1)
        sweep.poll()


def test_trials_are_all_combinations_and_seeds(genius, few):
    sweep = Sweep.create(genius, few, BASE, {"sample_weight": [1, 20, 1], "epochs": [1, 2]}, n_seeds=3)
    assert len(sweep.trials) == 12 and sweep.trials[-1].settings == BASE.replace(sample_weight=20, epochs=2, seed=2)
    assert sweep.best() is None and sweep.means().empty and len(sweep.table()) == 12


def test_random_draws_are_some_of_the_combinations(genius, few):
    grid = {"sample_weight": [1, 5, 20, 50], "epochs": [1, 2, 3], "mnist_samples": [200] * 2}
    drawn, again = (Sweep.create(genius, few, BASE, grid, 2, n_combinations=5).trials for _ in range(2))
    assert len(drawn) == 10 and len({tuple(trial.values.values()) for trial in drawn}) == 5
    assert [trial.settings for trial in drawn] == [trial.settings for trial in again]
    other = Sweep.create(genius, few, BASE.replace(seed=7), grid, 2, n_combinations=5).trials
    assert [trial.values for trial in other] != [trial.values for trial in drawn]
    assert len(Sweep.create(genius, few, BASE, grid, n_combinations=99).trials) == 12


@pytest.mark.parametrize(
    ("grid", "seeds"), [({"epochs": [0]}, 1), ({"nothing": [1]}, 1), ({"epochs": []}, 1), ({"seed": [1]}, MAX_TRIALS + 1)]
)
def test_wrong_grids_are_rejected(genius, few, grid, seeds):
    with pytest.raises(SettingsError):
        Sweep.create(genius, few, BASE, grid, seeds)


def test_a_sweep_finds_the_best_and_survives_a_failed_trial(service, untrained, few):
    """Without MNIST and without samples to learn there is nothing to learn from: that trial fails, the others do not."""
    sweep = Sweep.create(untrained, few.take([]), BASE, {"mnist_samples": [0, 200, 1000]})
    sweep.submit_pending(service)
    until_idle(sweep)
    table = sweep.table().set_index("mnist_samples")
    assert table["status"].to_dict() == {0: "failed", 200: "done", 1000: "done"}
    assert "label a drawing" in table.loc[0, "error"]
    assert table.loc[1000, "mnist"] > table.loc[200, "mnist"]
    assert sweep.best() == {"mnist_samples": 1000}
    assert set(SCORES) <= set(sweep.means().columns) and len(sweep.means()) == 2


def test_stop_and_resume(service, untrained, few):
    sweep = Sweep.create(untrained, few, BASE, {"sample_weight": [1, 5, 20, 50]})
    sweep.submit_pending(service)
    while sweep.n_done < 1:
        time.sleep(0.1)
        sweep.poll()
    sweep.stop()
    until_idle(sweep)
    done = sweep.n_done
    assert 1 <= done < 4
    sweep.submit_pending(service)
    until_idle(sweep)
    assert sweep.n_done == 4


def test_a_sweep_survives_json(genius, few):
    sweep = Sweep.create(genius, few, BASE, {"sample_weight": [1.0, 5.0], "learning_rate": [1e-4]}, n_seeds=2)
    done, running, failed, waiting = sweep.trials
    done.status, done.scores = JobStatus.DONE, dict.fromkeys(SCORES, 0.5)
    running.status = JobStatus.RUNNING
    failed.status, failed.error = JobStatus.FAILED, "It failed."
    restored = Sweep.from_dict(json.loads(json.dumps(sweep.to_dict())), genius, few)
    assert [trial.status for trial in restored.trials] == ["done", "waiting", "failed", "waiting"]
    assert [trial.settings for trial in restored.trials] == [trial.settings for trial in sweep.trials]
    assert restored.grid == sweep.grid and restored.best() == {"sample_weight": 1.0, "learning_rate": 1e-4}
    assert restored.trials[2].error == "It failed." and waiting.status == JobStatus.WAITING


@pytest.mark.parametrize("change", [{"trials": []}, {"trials": 3}, {"grid": {"nothing": [1]}}, {"trials": [{"values": {}}]}])
def test_a_damaged_sweep_is_rejected(genius, few, change):
    values = Sweep.create(genius, few, BASE, {"epochs": [1]}).to_dict()
    with pytest.raises(SettingsError):
        Sweep.from_dict(values | change, genius, few)
