import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.calibration import calibration_curve
from statsmodels.stats.proportion import proportion_confint

from digitcore.errors import SampleError
from digitcore.evaluation.metrics import (
    Evaluation,
    confused_pairs,
    confusion_table,
    coverage_table,
    digit_table,
    prediction_table,
    reliability_table,
)


def random_predictions(seed, count):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 10, count), rng.dirichlet(np.full(10, 0.3), count).astype(np.float32)


@given(seed=st.integers(0, 1000), count=st.integers(1, 60))
def test_metrics_equal_scikit_learn(seed, count):
    labels, probabilities = random_predictions(seed, count)
    found = Evaluation.from_probabilities(labels, probabilities)
    assert found.accuracy == pytest.approx(metrics.accuracy_score(labels, probabilities.argmax(1)))
    assert found.confusion.sum(1).tolist() == np.bincount(labels, minlength=10).tolist()
    assert found.confusion.sum(0).tolist() == np.bincount(probabilities.argmax(1), minlength=10).tolist()
    exact = probabilities.astype(float) / probabilities.astype(float).sum(1, keepdims=True)
    assert found.loss == pytest.approx(metrics.log_loss(labels, exact, labels=range(10)), rel=1e-9)
    by_hand = -np.log(np.clip(exact[np.arange(count), labels], np.finfo(float).eps, 1)).mean()
    assert found.loss == pytest.approx(by_hand, rel=1e-6, abs=1e-9)


def test_evaluation_of_no_digits():
    nothing = Evaluation.from_probabilities(np.zeros(0, int), np.zeros((0, 10)))
    assert np.isnan(nothing.accuracy)
    assert np.isnan(nothing.loss)
    assert np.isnan(nothing.calibration_error)
    assert nothing.interval == (0, 1)
    assert nothing.confusion.sum() == 0
    assert confusion_table(nothing.confusion)["share"].max() == 0


def test_shapes_must_match():
    with pytest.raises(SampleError):
        Evaluation.from_probabilities([1, 2], np.zeros((3, 10)))


@given(seed=st.integers(0, 1000), count=st.integers(1, 300))
def test_digit_table_equals_scikit_learn(seed, count):
    labels, probabilities = random_predictions(seed, count)
    found = digit_table(Evaluation.from_probabilities(labels, probabilities))
    predicted = probabilities.argmax(1)
    precision, recall, _, of = metrics.precision_recall_fscore_support(labels, predicted, labels=range(10), zero_division=np.nan)
    assert np.allclose(found["precision"], precision, equal_nan=True)
    assert np.allclose(found["accuracy"], recall, equal_nan=True)
    assert found["n"].tolist() == of.tolist()
    for row in found.itertuples():
        assert (row.low, row.high) == pytest.approx(proportion_confint(row.correct, row.n, method="wilson") if row.n else (0, 1))


@given(seed=st.integers(0, 1000), count=st.integers(1, 300))
def test_calibration_equals_scikit_learn(seed, count):
    labels, probabilities = random_predictions(seed, count)
    found = Evaluation.from_probabilities(labels, probabilities)
    table = reliability_table(found, min_count=1)
    accuracy, confidence = calibration_curve(found.is_correct, np.clip(found.confidence.astype(float), 0, 1), n_bins=15)
    assert table["count"].sum() == count
    assert np.allclose(table["accuracy"], accuracy)
    assert np.allclose(table["confidence"], confidence, atol=1e-6)
    error = (table["count"] * (table["accuracy"] - table["confidence"]).abs()).sum() / count
    assert found.calibration_error == pytest.approx(error, abs=1e-6)


@given(seed=st.integers(0, 1000), count=st.integers(1, 300))
def test_points_of_a_reliability_diagram_have_at_least_ten_digits(seed, count):
    found = Evaluation.from_probabilities(*random_predictions(seed, count))
    table, fine = reliability_table(found), reliability_table(found, min_count=1)
    assert table["count"].min() >= min(10, count)
    assert table["count"].sum() == count
    assert (table["count"] * table["accuracy"]).sum() == pytest.approx(found.correct)
    assert (table["count"] * table["confidence"]).sum() == pytest.approx((fine["count"] * fine["confidence"]).sum())
    assert table["confidence"].is_monotonic_increasing


def test_predictions_can_be_evaluated_elsewhere():
    labels, probabilities = random_predictions(3, 50)
    found = Evaluation.from_probabilities(labels, probabilities)
    table = prediction_table(found)
    read = table[[f"p{digit}" for digit in range(10)]].to_numpy()
    assert metrics.accuracy_score(table["true"], read.argmax(1)) == pytest.approx(found.accuracy)
    assert table["predicted"].tolist() == read.argmax(1).tolist()


@given(seed=st.integers(0, 1000), count=st.integers(1, 300))
def test_coverage_is_the_share_above_the_threshold(seed, count):
    labels, probabilities = random_predictions(seed, count)
    found = Evaluation.from_probabilities(labels, probabilities)
    table = coverage_table(found)
    assert table["coverage"].iloc[0] == 1
    assert table["accuracy"].iloc[0] == pytest.approx(found.accuracy)
    assert table["coverage"].is_monotonic_decreasing
    assert table["threshold"].is_monotonic_increasing
    for row in table.sample(min(5, len(table)), random_state=0).itertuples():
        answered = found.confidence >= row.threshold
        assert row.coverage == pytest.approx(answered.mean(), abs=2 / count)


def test_confused_pairs_are_sorted_by_count():
    found = Evaluation.from_probabilities([7, 9, 9, 2], np.eye(10)[[9, 7, 7, 3]])
    table = confused_pairs(found)
    assert table.to_dict("records") == [
        {"first": 7, "second": 9, "count": 3, "is_common": True},
        {"first": 2, "second": 3, "count": 1, "is_common": False},
    ]


@pytest.mark.parametrize("labels", [[], [4, 4, 4]])
def test_tables_of_no_digits_and_of_one_class(labels):
    found = Evaluation.from_probabilities(np.array(labels, int), np.eye(10)[labels].reshape(-1, 10))
    assert confused_pairs(found).empty
    assert len(digit_table(found)) == 10
    assert len(reliability_table(found)) == bool(labels)
    assert coverage_table(found).empty == (not labels)


def test_confident_correct_predictions_have_no_calibration_error():
    assert Evaluation.from_probabilities([4, 4], np.eye(10)[[4, 4]]).calibration_error == 0


@given(seed=st.integers(0, 1000), count=st.integers(0, 60))
def test_repr_of_an_evaluation_fits_on_one_line(seed, count):
    shown = repr(Evaluation.from_probabilities(*random_predictions(seed, count)))
    assert len(shown) < 200
    assert "\n" not in shown


def test_interval_of_three_digits_is_wide():
    low, high = Evaluation.from_probabilities([1, 2, 3], np.eye(10)[[1, 2, 3]]).interval
    assert low < 0.5
    assert high == 1
