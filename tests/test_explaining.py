import numpy as np

from digitcore import explaining


def test_occlusion_finds_what_the_guess_hangs_on(predictor, data):
    digit = data.test_images[0]  # a seven
    heat = explaining.occlusion(predictor, digit, 7)
    assert heat.shape == (28, 28) and heat.min() >= -1 and heat.max() <= 1
    inside, outside = heat[digit > 128].mean(), heat[:3].mean()
    assert inside > 0.01 > abs(outside), "ink counts, an empty margin does not"


def test_a_blank_digit_hangs_on_nothing(predictor):
    assert not explaining.occlusion(predictor, np.zeros((28, 28), np.uint8), 3).any()


def test_what_is_wiped_out_is_what_is_measured(predictor, data):
    digit = data.test_images[0]
    heat = explaining.occlusion(predictor, digit, 7)
    hidden = digit.copy()
    hidden[: explaining.WINDOW, : explaining.WINDOW] = 0  # the only patch that covers the corner
    before, after = predictor.probabilities(np.stack([digit, hidden]))[:, 7]
    assert heat[0, 0] == np.float32(before - after)
