import subprocess
import sys
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from digitcore.evaluation.score import Score, has_collapsed, wilson_interval


def test_accuracy():
    assert Score(3, 4).accuracy == 0.75
    assert Score(0, 0).accuracy == 0


def test_interval_of_counts_is_the_wilson_interval():
    assert Score.from_counts(3, 4).interval == wilson_interval(3, 4)
    assert Score.from_counts(0, 0).interval == (0, 1)


@pytest.mark.parametrize("values", [None, {}, {"correct": 5, "n": 4, "interval": [0, 1]}, {"correct": 1, "n": 2, "interval": 3}])
def test_malformed_score_is_none(values):
    assert Score.from_json(values) is None


def test_malformed_interval_is_computed_again():
    assert Score.from_json({"correct": 3, "n": 4, "interval": [0.9, 0.1]}) == Score.from_counts(3, 4)


@given(n=st.integers(1, 10_000), share=st.floats(0, 1))
def test_wilson_interval_equals_its_formula(n, share):
    correct = round(share * n)
    low, high = wilson_interval(correct, n)
    z, p = NormalDist().inv_cdf(0.975), correct / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert low == pytest.approx(max(0, middle - half), abs=1e-9)
    assert high == pytest.approx(min(1, middle + half), abs=1e-9)
    lows, highs = wilson_interval(np.array([correct]), np.array([n]))
    assert (lows[0], highs[0]) == pytest.approx((low, high), abs=1e-9)


@pytest.mark.parametrize("n", [1, 20, 5000])
def test_wilson_interval_equals_scipy_at_its_ends(n):
    for correct in (0, n):
        expected = stats.binomtest(correct, n).proportion_ci(0.95, method="wilson")
        assert wilson_interval(correct, n) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert wilson_interval(0, n)[0] == 0
    assert wilson_interval(n, n)[1] == 1


def test_a_score_does_not_load_scipy():
    """The server computes the scores of a run, and SciPy would use 40 MB of its memory."""
    program = "import sys; from digitcore.evaluation.score import Score; Score.from_counts(3, 4); print('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "False\n"


def test_a_collapse_is_a_clear_loss_of_more_than_ten_points():
    before = Score.from_counts(950, 1000)
    assert has_collapsed(before, Score.from_counts(840, 1000))
    assert not has_collapsed(before, Score.from_counts(860, 1000))
    assert not has_collapsed(Score.from_counts(4, 4), Score.from_counts(2, 4)), "four drawings are too few"
