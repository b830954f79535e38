import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar

from digitcore.errors import SampleError
from digitcore.evaluation.comparison import PairedComparison, better_model
from digitcore.evaluation.metrics import Evaluation


def evaluate(labels, guesses):
    return Evaluation.from_probabilities(labels, np.eye(10, dtype=np.float32)[guesses])


@st.composite
def pairs(draw):
    count = draw(st.integers(0, 80))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    labels, is_wrong = rng.integers(0, 10, count), rng.random((2, count)) < draw(st.floats(0, 1))
    guesses = [np.where(wrong, rng.integers(0, 10, count), labels).astype(int) for wrong in is_wrong]
    return PairedComparison(*(evaluate(labels, guess) for guess in guesses))


@given(pairs())
def test_p_value_equals_statsmodels(pair):
    table = [[len(pair.correct_in_both), len(pair.broken)], [len(pair.fixed), len(pair.wrong_in_both)]]
    assert np.sum(table) == pair.baseline.n
    assert pair.p_value == pytest.approx(mcnemar(table, exact=True).pvalue, abs=1e-12)
    assert pair.net_gain == pair.candidate.correct - pair.baseline.correct


@given(pairs())
def test_changes_of_the_confusion_matrix_add_up(pair):
    table = pair.confusion_table()
    assert len(table) == 100
    assert table["change"].sum() == 0
    diagonal = table[table["true"] == table["predicted"]]
    assert diagonal["change"].sum() == pair.net_gain
    assert table["improvement"].sum() == 2 * pair.net_gain, "a corrected digit improves its cell on and its cell off the diagonal"
    assert (diagonal["improvement"] == diagonal["change"]).all()
    both = pair.digit_table(("a", "b"))
    assert both.groupby("model")["correct"].sum().to_dict() == {"a": pair.baseline.correct, "b": pair.candidate.correct}


def test_equal_models_have_no_net_gain():
    same = evaluate([1, 2, 3], [1, 2, 4])
    pair = PairedComparison(same, same)
    assert pair.p_value == 1
    assert pair.net_gain == 0
    assert pair.wrong_in_both.tolist() == [2]
    assert not pair.is_significant


def test_always_correct_is_significantly_better_than_always_wrong():
    labels = np.arange(20) % 10
    pair = PairedComparison(evaluate(labels, (labels + 1) % 10), evaluate(labels, labels))
    assert pair.fixed.tolist() == list(range(20))
    assert pair.broken.tolist() == []
    assert pair.p_value < 1e-5
    assert pair.is_significant


def test_comparison_of_no_digits():
    nothing = Evaluation.from_probabilities(np.zeros(0, int), np.zeros((0, 10)))
    assert PairedComparison(nothing, nothing).p_value == 1
    assert PairedComparison(nothing, nothing).correct_in_both.tolist() == []


def test_different_labels_cannot_be_compared():
    with pytest.raises(SampleError):
        PairedComparison(evaluate([1], [1]), evaluate([2], [1]))


def test_the_samples_decide_which_model_is_better(genius, untrained, few):
    winner, reason = better_model(untrained, genius, few)
    assert winner is genius
    assert f"{len(few)} drawings" in reason


def test_mnist_decides_when_the_samples_are_a_tie(genius, untrained, few):
    winner, reason = better_model(untrained, genius, few.take([]))
    assert winner is genius
    assert "MNIST" in reason


@given(pairs())
def test_repr_of_a_comparison_fits_on_one_line(pair):
    assert len(repr(pair)) < 200
    assert "\n" not in repr(pair)
