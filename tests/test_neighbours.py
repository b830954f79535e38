import numpy as np

from digitcore import neighbours


def test_a_training_digit_is_its_own_neighbour(genius, data):
    digits = np.stack([data.train_images[5], data.test_images[0]])
    found = neighbours.nearest(genius, digits, 4)
    assert found.pictures.shape == (2, 4, 28, 28) and found.labels.shape == found.distances.shape == (2, 4)
    assert (found.pictures[0, 0] == digits[0]).all() and found.distances[0, 0] < 1e-3
    assert set(found.labels[1].tolist()) == {7}
    assert (np.diff(found.distances, axis=1) >= 0).all()


def test_noise_is_far_from_every_digit(genius, data):
    noise = np.random.default_rng(0).integers(0, 256, (1, 28, 28)).astype(np.uint8)
    found = neighbours.nearest(genius, np.concatenate([data.test_images[:1], noise]), 1)
    assert found.distances[1, 0] > found.far > found.distances[0, 0]
