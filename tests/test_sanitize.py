import math

import pytest

from digitcore import sanitize
from digitcore.evaluation.score import Score
from digitcore.training import history


@pytest.mark.parametrize("odd", [None, "x", [], math.nan, math.inf, 10**400])
def test_value_that_is_not_a_finite_number_gives_the_default(odd):
    assert sanitize.finite(odd, 7) == 7
    assert sanitize.finite("2.5") == 2.5


def test_malformed_points_of_a_history_are_dropped():
    good = {"epoch": 1.0, "samples_seen": 10.0, "seconds": 2.0, "loss": 0.5}
    odd = [3, {}, good | {"epoch": math.nan}, good | {"seconds": -1}, {"epoch": 1.0}]
    assert history.from_json([*odd, good, good | {"loss": math.inf, "of another version": 1}]) == [
        good,
        {"epoch": 1.0, "samples_seen": 10.0, "seconds": 2.0},
    ]
    assert history.from_json(None) == history.from_json("abc") == []


def test_long_history_is_thinned_and_keeps_its_ends():
    points = [{"epoch": float(i), "samples_seen": 0.0, "seconds": 0.0} for i in range(100_000)]
    thinned = history.from_json(points)
    assert len(thinned) <= history.MAX_POINTS + 1
    assert thinned[0] == points[0]
    assert thinned[-1] == points[-1]


def test_malformed_score_keeps_its_counts_or_is_dropped():
    assert Score.from_json({"correct": 9, "n": 10, "interval": [0.6, 0.98]}).interval == (0.6, 0.98)
    again = Score.from_json({"correct": 9, "n": 10, "interval": [math.nan, 2]})
    assert again.correct == 9
    assert 0.5 < again.interval[0] < 0.9 < again.interval[1] < 1
    for odd in (None, {}, {"correct": 11, "n": 10, "interval": [0, 1]}, {"correct": "x", "n": 1, "interval": [0, 1]}):
        assert Score.from_json(odd) is None


def test_metrics_that_are_not_finite_are_dropped():
    assert sanitize.metrics({"a": 1, "b": math.nan, "c": [1, 2]}) == {"a": 1, "c": [1, 2]}
    assert sanitize.metrics([1]) == {}
