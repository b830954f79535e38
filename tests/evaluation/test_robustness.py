import numpy as np
import pytest

from digitcore.data import corruptions
from digitcore.errors import CancelledError
from digitcore.evaluation import robustness


@pytest.fixture(scope="module")
def measured(predictor):
    return robustness.robustness_table(predictor, 200)


def test_table_has_every_corruption_at_every_severity(measured):
    assert len(measured) == len(corruptions.names()) * 6
    assert set(measured["n"]) == {200}
    assert (measured["accuracy"] == measured["correct"] / measured["n"]).all()


def test_count_is_that_of_the_corrupted_digits(measured, predictor, data):
    corrupted = corruptions.corrupt(data.test_images[:200], "gaussian blur", 4)
    correct = int((predictor.probabilities(corrupted).argmax(1) == data.test_labels[:200]).sum())
    row = measured[(measured["corruption"] == "gaussian blur") & (measured["severity"] == 4)]
    assert row["correct"].tolist() == [correct]


def test_accuracy_decreases_with_the_severity_of_noise(measured):
    noise = measured[measured["corruption"] == "gaussian noise"]["accuracy"].to_numpy()
    assert noise[0] > 0.97
    assert noise[5] < noise[3] <= noise[0]


def test_table_survives_the_format_of_a_card(measured):
    card = robustness.to_card(measured)
    clean = float(measured["accuracy"][0])
    back = robustness.from_card(card, clean)
    assert np.allclose(back["accuracy"], measured["accuracy"], atol=0.0006)
    without_clean = robustness.from_card(card)
    assert set(without_clean["severity"]) == {1, 2, 3, 4, 5}, "the accuracy on clean digits is not on the card"
    assert robustness.mean_corrupted_accuracy(without_clean) == robustness.mean_accuracy(card)
    corrupted = measured[measured["severity"] > 0]["accuracy"]
    assert robustness.mean_accuracy(card) == pytest.approx(corrupted.mean(), abs=0.001)
    assert robustness.mean_corrupted_accuracy(measured) == pytest.approx(corrupted.mean())


def test_progress_is_reported_until_the_stop(predictor):
    reported = []
    with pytest.raises(CancelledError):
        robustness.robustness_table(predictor, 10, on_progress=reported.append, should_stop=lambda: len(reported) == 3)
    assert reported == pytest.approx([1 / 60, 2 / 60, 3 / 60])


def test_mean_of_mnist_c_is_over_its_fifteen_kinds(predictor):
    found = robustness.mnist_c_accuracies(predictor, 100)
    kinds = [value for kind, value in found.items() if kind != "all"]
    assert len(kinds) == 15
    assert found["all"] == pytest.approx(np.mean(kinds))
    assert found["brightness"] > 0.95
