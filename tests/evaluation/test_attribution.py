import numpy as np
import pytest

from digitcore.evaluation import attribution


def test_occlusion_map_is_larger_on_ink_than_in_the_margin(predictor, data):
    digits, labels = data.test_images[:20], data.test_labels[:20]
    maps = np.stack([attribution.occlusion(predictor, digit, label) for digit, label in zip(digits, labels, strict=True)])
    assert maps.shape == (20, 28, 28)
    assert maps[digits > 128].mean() > 1.5 * np.abs(maps[:, :3]).mean() > 0


def test_occlusion_map_of_a_blank_digit_is_zero(predictor):
    assert not attribution.occlusion(predictor, np.zeros((28, 28), np.uint8), 3).any()


def test_occlusion_map_is_the_decrease_of_the_log_odds(predictor, data):
    digit = data.test_images[0]
    heat = attribution.occlusion(predictor, digit, 7)
    hidden = digit.copy()
    hidden[: attribution.WINDOW, : attribution.WINDOW] = 0  # Only this patch covers the corner.
    before, after = predictor.probabilities(np.stack([digit, hidden]))[:, 7]
    assert heat[0, 0] == pytest.approx(np.log(before / (1 - before)) - np.log(after / (1 - after)), abs=0.05)


def test_counterfactual_is_predicted_as_the_target(predictor, data):
    one = next(digit for digit, label in zip(data.test_images, data.test_labels, strict=True) if label == 1)
    change = attribution.counterfactual(predictor, one, 7)
    assert change.n_added + change.n_erased <= attribution.MAX_SPOTS
    assert (change.digit != one).any()
    before, after = predictor.probabilities(np.stack([one, change.digit]))[:, 7]
    assert after == np.float32(change.probability)
    assert after > before
    assert predictor.probabilities(change.digit[None])[0].argmax() == 7


def test_counterfactual_of_the_predicted_class_has_at_most_one_spot(predictor, data):
    change = attribution.counterfactual(predictor, data.test_images[0], 7)
    assert change.n_added + change.n_erased <= 1


def test_counterfactual_stops_when_no_spot_helps():

    class Constant:
        def probabilities(self, digits):
            return np.full((len(digits), 10), 0.1, np.float32)

    change = attribution.counterfactual(Constant(), np.zeros((28, 28), np.uint8), 7)
    assert (change.n_added, change.n_erased) == (0, 0)


def test_repr_of_a_counterfactual_fits_on_one_line(predictor, data):
    shown = repr(attribution.counterfactual(predictor, data.test_images[0], 7))
    assert len(shown) < 200
    assert "\n" not in shown
