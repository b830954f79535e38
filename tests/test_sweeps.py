import time

import pytest

from digitcore.errors import SettingsError
from digitcore.runs import TrainSettings
from digitcore.sweeps import MOST, SCORES, Sweep

BASE = TrainSettings(mnist_samples=200, epochs=1, validation_samples=100)


def until_over(sweep, seconds=240):
    end = time.monotonic() + seconds
    while not sweep.over:
        assert time.monotonic() < end
        time.sleep(0.1)
        sweep.look()


def test_points_are_all_combinations_and_seeds(service, genius, few):
    sweep = Sweep(service, genius, few, BASE, {"sample_weight": [1, 20, 1], "epochs": [1, 2]}, seeds=3)
    assert len(sweep.points) == 12 and sweep.points[-1].settings == BASE.changed(sample_weight=20, epochs=2, seed=2)
    assert sweep.best() is None and sweep.means().empty and len(sweep.table()) == 12


def test_random_draws_are_some_of_the_combinations(service, genius, few):
    grid = {"sample_weight": [1, 5, 20, 50], "epochs": [1, 2, 3], "mnist_samples": [200] * 2}
    drawn, again = (Sweep(service, genius, few, BASE, grid, 2, draws=5).points for _ in range(2))
    assert len(drawn) == 10 and len({tuple(point.values.values()) for point in drawn}) == 5
    assert [point.settings for point in drawn] == [point.settings for point in again]
    other = Sweep(service, genius, few, BASE.changed(seed=7), grid, 2, draws=5).points
    assert [point.values for point in other] != [point.values for point in drawn]
    assert len(Sweep(service, genius, few, BASE, grid, draws=99).points) == 12


@pytest.mark.parametrize(
    ("grid", "seeds"), [({"epochs": [0]}, 1), ({"nothing": [1]}, 1), ({"epochs": []}, 1), ({"seed": [1]}, MOST + 1)]
)
def test_wrong_grids_are_refused(service, genius, few, grid, seeds):
    with pytest.raises(SettingsError):
        Sweep(service, genius, few, BASE, grid, seeds)


def test_a_sweep_finds_the_best_and_survives_a_failed_point(service, blank, few):
    """Without MNIST and without samples to learn there is nothing to learn from: that point fails, the others do not."""
    sweep = Sweep(service, blank, few.take([]), BASE, {"mnist_samples": [0, 200, 1000]})
    sweep.go()
    until_over(sweep)
    table = sweep.table().set_index("mnist_samples")
    assert table["state"].to_dict() == {0: "failed", 200: "done", 1000: "done"}
    assert "label a drawing" in table.loc[0, "error"]
    assert table.loc[1000, "mnist"] > table.loc[200, "mnist"]
    assert sweep.best() == {"mnist_samples": 1000}
    assert set(SCORES) <= set(sweep.means().columns) and len(sweep.means()) == 2


def test_stop_and_go_on(service, blank, few):
    sweep = Sweep(service, blank, few, BASE, {"sample_weight": [1, 5, 20, 50]})
    sweep.go()
    while sweep.done < 1:
        time.sleep(0.1)
        sweep.look()
    sweep.stop()
    until_over(sweep)
    done = sweep.done
    assert 1 <= done < 4
    sweep.go()
    until_over(sweep)
    assert sweep.done == 4
