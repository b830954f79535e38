import numpy as np
import pytest

from digitcore.data.augmentation import DRAWING_RANGES, MNIST_RANGES, UNCHANGED_SHARE, augment


@pytest.mark.parametrize("ranges", [MNIST_RANGES, DRAWING_RANGES])
def test_augmented_digits_differ_but_stay_similar(data, ranges):
    digits = data.validation[0][:400, ..., None]
    out = augment(digits, np.random.default_rng(0), ranges)
    exact = augment(digits.astype(np.float32), np.random.default_rng(0), ranges)
    assert out.shape == digits.shape
    assert out.dtype == np.uint8
    assert exact.min() >= 0
    assert exact.max() <= 255
    assert np.array_equal(out, exact), "no uint8 value has overflowed"
    assert 0.8 < out.sum() / digits.sum() < 1.25
    unchanged = (out == digits).all((1, 2, 3)).mean()
    assert UNCHANGED_SHARE / 3 < unchanged < UNCHANGED_SHARE * 3


def test_augmented_digits_are_still_predicted_correctly(data, predictor):
    digits, labels = data.validation
    out = augment(digits[:500, ..., None], np.random.default_rng(0), MNIST_RANGES)[..., 0]
    assert (predictor.probabilities(out).argmax(1) == labels[:500]).mean() > 0.97


def test_no_digits_give_no_digits():
    assert augment(np.zeros((0, 28, 28, 1), np.uint8), np.random.default_rng(0), MNIST_RANGES).shape == (0, 28, 28, 1)
