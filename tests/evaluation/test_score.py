from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digitcore.evaluation.score import Score, wilson_interval


def test_accuracy():
    assert Score(3, 4).accuracy == 0.75 and Score(0, 0).accuracy == 0
    assert Score.from_counts(3, 4).interval == wilson_interval(3, 4) and Score.from_counts(0, 0).interval == (0, 1)


@given(n=st.integers(1, 10_000), share=st.floats(0, 1))
def test_wilson_interval(n, share):
    correct = round(share * n)
    low, high = wilson_interval(correct, n)
    z, p = NormalDist().inv_cdf(0.975), correct / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert low == pytest.approx(max(0, middle - half), abs=1e-9) and high == pytest.approx(min(1, middle + half), abs=1e-9)
