import numpy as np

from digitcore.evaluation.neighbors import nearest_neighbors


def test_a_training_digit_is_its_own_neighbor(genius, data):
    digits = np.stack([data.train_images[5], data.test_images[0]])
    found = nearest_neighbors(genius, digits, 4)
    assert found.digits.shape == (2, 4, 28, 28) and found.labels.shape == found.distances.shape == (2, 4)
    assert (found.digits[0, 0] == digits[0]).all() and found.distances[0, 0] < 1e-3
    assert set(found.labels[1].tolist()) == {7}
    assert (np.diff(found.distances, axis=1) >= 0).all()


def test_noise_is_far_from_every_digit(genius, data):
    noise = np.random.default_rng(0).integers(0, 256, (1, 28, 28)).astype(np.uint8)
    found = nearest_neighbors(genius, np.concatenate([data.test_images[:1], noise]), 1)
    assert found.distances[1, 0] > found.far > found.distances[0, 0]
