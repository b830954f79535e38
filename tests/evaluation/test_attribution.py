import numpy as np
import pytest

from digitcore.evaluation import attribution


def test_occlusion_finds_what_the_guess_hangs_on(predictor, data):
    digits, labels = data.test_images[:20], data.test_labels[:20]
    maps = np.stack([attribution.occlusion(predictor, digit, label) for digit, label in zip(digits, labels, strict=True)])
    assert maps.shape == (20, 28, 28)
    assert maps[digits > 128].mean() > 3 * np.abs(maps[:, :3]).mean() > 0, "ink counts more than an empty margin"


def test_a_blank_digit_hangs_on_nothing(predictor):
    assert not attribution.occlusion(predictor, np.zeros((28, 28), np.uint8), 3).any()


def test_what_is_wiped_out_is_what_is_measured(predictor, data):
    digit = data.test_images[0]
    heat = attribution.occlusion(predictor, digit, 7)
    hidden = digit.copy()
    hidden[: attribution.WINDOW, : attribution.WINDOW] = 0  # the only patch that covers the corner
    before, after = predictor.probabilities(np.stack([digit, hidden]))[:, 7]
    assert heat[0, 0] == pytest.approx(np.log(before / (1 - before)) - np.log(after / (1 - after)), abs=0.05)


def test_what_would_make_it_another_digit(predictor, data):
    one = next(digit for digit, label in zip(data.test_images, data.test_labels, strict=True) if label == 1)
    change = attribution.counterfactual(predictor, one, 7)
    assert change.n_added + change.n_erased <= attribution.MAX_SPOTS and (change.digit != one).any()
    before, after = predictor.probabilities(np.stack([one, change.digit]))[:, 7]
    assert after == np.float32(change.probability) and after > before
    assert predictor.probabilities(change.digit[None])[0].argmax() == 7


def test_what_it_is_already_needs_one_spot_at_most(predictor, data):
    change = attribution.counterfactual(predictor, data.test_images[0], 7)
    assert change.n_added + change.n_erased <= 1
