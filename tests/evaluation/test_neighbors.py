import numpy as np
import pytest

from digitcore import models
from digitcore.evaluation.neighbors import nearest_neighbors


@pytest.fixture(scope="module")
def trained():
    """Return the fastest convolutional network, because it computes the features of 20,000 digits."""
    return models.load("fast")


def test_training_digit_is_its_own_neighbor(trained, data):
    digits = np.stack([data.train_images[5], data.test_images[0]])
    found = nearest_neighbors(trained, digits, 4)
    assert found.digits.shape == (2, 4, 28, 28)
    assert found.labels.shape == found.distances.shape == (2, 4)
    assert (found.digits[0, 0] == digits[0]).all()
    assert found.distances[0, 0] < 1e-3
    assert set(found.labels[1].tolist()) == {7}
    assert (np.diff(found.distances, axis=1) >= 0).all()
    assert repr(found).startswith("Neighbors(n=2, k=4, far=")


def test_noise_is_far_from_every_digit(trained, data):
    noise = np.random.default_rng(0).integers(0, 256, (1, 28, 28)).astype(np.uint8)
    found = nearest_neighbors(trained, np.concatenate([data.test_images[:1], noise]), 1)
    assert found.distances[1, 0] > found.far > found.distances[0, 0]
