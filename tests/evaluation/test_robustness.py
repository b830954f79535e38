import numpy as np
import pytest

from digitcore.data import corruptions
from digitcore.errors import CancelledError
from digitcore.evaluation import robustness


@pytest.fixture(scope="module")
def measured(predictor):
    return robustness.robustness_table(predictor, 200)


def test_every_kind_at_every_strength(measured):
    assert len(measured) == len(corruptions.names()) * 6 and set(measured["n"]) == {200}
    assert (measured["accuracy"] == measured["correct"] / measured["n"]).all()


def test_figures_are_those_of_the_spoilt_digits(measured, predictor, data):
    corrupted = corruptions.corrupt(data.test_images[:200], "blur", 4)
    right = int((predictor.probabilities(corrupted).argmax(1) == data.test_labels[:200]).sum())
    row = measured[(measured["corruption"] == "blur") & (measured["severity"] == 4)]
    assert row["correct"].tolist() == [right]


def test_noise_hurts_more_when_it_is_stronger(measured):
    noise = measured[measured["corruption"] == "gaussian noise"]["accuracy"].to_numpy()
    assert noise[0] > 0.97 and noise[5] < noise[3] <= noise[0]


def test_to_a_card_and_back(measured):
    card = robustness.to_card(measured)
    clean = float(measured["accuracy"][0])
    back = robustness.from_card(card, clean)
    assert np.allclose(back["accuracy"], measured["accuracy"], atol=0.0006)
    corrupted = measured[measured["severity"] > 0]["accuracy"]
    assert robustness.mean_accuracy(card) == pytest.approx(corrupted.mean(), abs=0.001)


def test_progress_and_stop(predictor):
    reported = []
    with pytest.raises(CancelledError):
        robustness.robustness_table(predictor, 10, on_progress=reported.append, should_stop=lambda: len(reported) == 3)
    assert reported == pytest.approx([1 / 60, 2 / 60, 3 / 60])
