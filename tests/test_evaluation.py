from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from digitcore.errors import SampleError
from digitcore.evaluation import Evaluation, confusion_table, read_differently, wilson


def random_predictions(seed, count):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 10, count), rng.dirichlet(np.full(10, 0.3), count).astype(np.float32)


@given(seed=st.integers(0, 1000), count=st.integers(1, 60))
def test_figures_equal_scikit_learn(seed, count):
    labels, probabilities = random_predictions(seed, count)
    found = Evaluation.from_probabilities(labels, probabilities)
    assert found.accuracy == pytest.approx(metrics.accuracy_score(labels, probabilities.argmax(1)))
    assert found.confusion.sum() == count and found.confusion.sum(1).tolist() == np.bincount(labels, minlength=10).tolist()
    exact = probabilities.astype(float) / probabilities.astype(float).sum(1, keepdims=True)
    assert found.loss == pytest.approx(metrics.log_loss(labels, exact, labels=range(10)), rel=1e-9)
    by_hand = -np.log(np.clip(exact[np.arange(count), labels], np.finfo(float).eps, 1)).mean()
    assert found.loss == pytest.approx(by_hand, rel=1e-6, abs=1e-9)


def test_nothing_judged():
    nothing = Evaluation.from_probabilities(np.zeros(0, int), np.zeros((0, 10)))
    assert np.isnan(nothing.accuracy) and np.isnan(nothing.loss) and nothing.interval == (0, 1)
    assert nothing.confusion.sum() == 0 and confusion_table(nothing)["share"].max() == 0


def test_shapes_must_fit():
    with pytest.raises(SampleError):
        Evaluation.from_probabilities([1, 2], np.zeros((3, 10)))


@given(of=st.integers(1, 10_000), share=st.floats(0, 1))
def test_wilson(of, share):
    correct = round(share * of)
    low, high = wilson(correct, of)
    z, p = NormalDist().inv_cdf(0.975), correct / of
    middle = (p + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * np.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    assert low == pytest.approx(max(0, middle - half), abs=1e-9) and high == pytest.approx(min(1, middle + half), abs=1e-9)


def test_read_differently_puts_the_decided_first():
    def sure(guesses):
        return np.eye(10, dtype=np.float32)[guesses]

    labels = [1, 2, 3, 4]
    first = Evaluation.from_probabilities(labels, sure([1, 5, 3, 0]))
    second = Evaluation.from_probabilities(labels, sure([1, 6, 7, 4]))
    assert read_differently(first, second).tolist() == [2, 3, 1]
