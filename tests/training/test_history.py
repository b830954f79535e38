import pytest

from digitcore.training import history

POINTS = [
    {"epoch": 0.0, "samples_seen": 0, "seconds": 0.1, "val_loss": 2.3, "val_accuracy": 0.1},
    {"epoch": 0.5, "samples_seen": 500, "seconds": 0.6, "loss": 1.0, "accuracy": 0.7},
    {
        "epoch": 1.0,
        "samples_seen": 1000,
        "seconds": 1.2,
        "loss": 0.5,
        "accuracy": 0.9,
        "val_loss": 0.4,
        "val_accuracy": 0.9,
    },
]


def test_table_has_every_point():
    table = history.curve_table({"a": POINTS})
    assert table[table["subset"] == "training"]["value"].tolist() == [1.0, 0.5]
    assert table[table["subset"] == "validation"]["value"].tolist() == [2.3, 0.4]


def test_curve_continues_the_curve_of_the_parent():
    points = history.concatenate([POINTS, POINTS])
    assert [point["epoch"] for point in points] == [0, 0.5, 1, 1, 1.5, 2]
    assert points[-1]["samples_seen"] == 2000
    assert points[-1]["seconds"] == pytest.approx(2.4)
    assert history.concatenate([]) == history.concatenate([[]]) == []


def test_thinned_history_keeps_every_validation():
    points = [{"epoch": i / 100} | ({"val_loss": 1.0} if i % 97 == 0 else {}) for i in range(5000)]
    thinned = history.thin(points)
    assert len(thinned) < history.MAX_CARD_POINTS + 100
    assert [point for point in thinned if "val_loss" in point] == [point for point in points if "val_loss" in point]
    assert history.thin(POINTS) == POINTS
