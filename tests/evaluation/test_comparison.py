import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar

from digitcore.errors import SampleError
from digitcore.evaluation.comparison import PairedComparison, better_model
from digitcore.evaluation.metrics import Evaluation


def judged(labels, guesses):
    return Evaluation.from_probabilities(labels, np.eye(10, dtype=np.float32)[guesses])


@st.composite
def pairs(draw):
    count = draw(st.integers(0, 80))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    labels, luck = rng.integers(0, 10, count), rng.random((2, count)) < draw(st.floats(0, 1))
    guesses = [np.where(wrong, rng.integers(0, 10, count), labels).astype(int) for wrong in luck]
    return PairedComparison(*(judged(labels, guess) for guess in guesses))


@given(pairs())
def test_mcnemar_equals_statsmodels(pair):
    table = [[len(pair.correct_in_both), len(pair.broken)], [len(pair.fixed), len(pair.wrong_in_both)]]
    assert np.sum(table) == pair.baseline.n
    assert pair.p_value == pytest.approx(mcnemar(table, exact=True).pvalue, abs=1e-12)
    assert pair.net_gain == pair.candidate.correct - pair.baseline.correct


@given(pairs())
def test_the_changes_of_the_matrix_add_up(pair):
    table = pair.confusion_table()
    assert len(table) == 100 and table["change"].sum() == 0
    diagonal = table[table["true"] == table["predicted"]]
    assert diagonal["change"].sum() == pair.net_gain
    both = pair.digit_table(("a", "b"))
    assert both.groupby("model")["correct"].sum().to_dict() == {"a": pair.baseline.correct, "b": pair.candidate.correct}


def test_equal_models_differ_by_luck_alone():
    same = judged([1, 2, 3], [1, 2, 4])
    assert (
        PairedComparison(same, same).p_value == 1
        and PairedComparison(same, same).net_gain == 0
        and PairedComparison(same, same).wrong_in_both.tolist() == [2]
    )


def test_always_right_against_always_wrong():
    labels = np.arange(20) % 10
    pair = PairedComparison(judged(labels, (labels + 1) % 10), judged(labels, labels))
    assert pair.fixed.tolist() == list(range(20)) and not len(pair.broken) and pair.p_value < 1e-5


def test_nothing_to_compare():
    nothing = Evaluation.from_probabilities(np.zeros(0, int), np.zeros((0, 10)))
    assert PairedComparison(nothing, nothing).p_value == 1 and not len(PairedComparison(nothing, nothing).correct_in_both)


def test_only_the_same_digits_can_be_compared():
    with pytest.raises(SampleError):
        PairedComparison(judged([1], [1]), judged([2], [1]))


def test_the_better_model_and_why(genius, untrained, few):
    winner, reason = better_model(untrained, genius, few)
    assert winner is genius and f"{len(few)} drawings" in reason
    winner, reason = better_model(untrained, genius, few.take([]))
    assert winner is genius and "MNIST" in reason
