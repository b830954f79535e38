import numpy as np
import pytest

from digitcore.augmentation import DRAWN, MNIST, STILL, moved


@pytest.mark.parametrize("movement", [MNIST, DRAWN])
def test_moved_digits_are_near_and_differ(data, movement):
    digits = data.validation[0][:400, ..., None]
    out = moved(digits, np.random.default_rng(0), movement)
    exact = moved(digits.astype(np.float32), np.random.default_rng(0), movement)
    assert out.shape == digits.shape and out.dtype == np.uint8 and exact.min() >= 0 and exact.max() <= 255
    assert np.array_equal(out, exact), "no byte has overflowed"
    assert 0.8 < out.sum() / digits.sum() < 1.25
    still = (out == digits).all((1, 2, 3)).mean()
    assert STILL / 3 < still < STILL * 3


def test_moved_digits_are_still_read(data, predictor):
    digits, labels = data.validation
    out = moved(digits[:500, ..., None], np.random.default_rng(0), MNIST)[..., 0]
    assert (predictor.probabilities(out).argmax(1) == labels[:500]).mean() > 0.97


def test_none():
    assert moved(np.zeros((0, 28, 28, 1), np.uint8), np.random.default_rng(0), MNIST).shape == (0, 28, 28, 1)
