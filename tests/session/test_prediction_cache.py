import numpy as np
import pytest

from pages.session.prediction_cache import PredictionCache


@pytest.fixture
def digits():
    return np.random.default_rng(0).integers(0, 256, (6, 28, 28)).astype(np.uint8)


class Model:
    """Predicts the mean of a digit as the probability of each class, and records the digits."""

    def __init__(self):
        self.n_predicted = 0

    def __call__(self, digits):
        self.n_predicted += len(digits)
        return np.repeat(digits.mean((1, 2))[:, None], 10, axis=1).astype(np.float32)


def test_only_new_digits_are_predicted(digits):
    cache, model = PredictionCache(100), Model()
    cache.probabilities("a", digits[:5], model)
    answer = cache.probabilities("a", digits, model)
    assert model.n_predicted == 6
    assert np.array_equal(answer, Model()(digits))
    cache.probabilities("a", digits[::-1], model)
    assert model.n_predicted == 6


def test_models_do_not_share_predictions(digits):
    cache, first, second = PredictionCache(100), Model(), Model()
    cache.probabilities("a", digits, first)
    cache.probabilities("b", digits, second)
    assert first.n_predicted == second.n_predicted == 6


def test_equal_digits_are_predicted_once(digits):
    model = Model()
    answer = PredictionCache(100).probabilities("a", digits[[0, 1, 0]], model)
    assert model.n_predicted == 2
    assert np.array_equal(answer, Model()(digits[[0, 1, 0]]))


def test_no_digits_give_no_rows():
    assert PredictionCache(100).probabilities("a", np.zeros((0, 28, 28), np.uint8), Model()).shape == (0, 10)


def test_the_digits_that_were_not_used_for_longest_are_dropped(digits):
    cache, model = PredictionCache(3), Model()
    cache.probabilities("a", digits[:3], model)
    cache.probabilities("a", digits[:1], model)
    cache.probabilities("a", digits[3:4], model)
    assert model.n_predicted == 4
    cache.probabilities("a", digits[[0, 2, 3]], model)
    assert model.n_predicted == 4
    cache.probabilities("a", digits[1:2], model)
    assert model.n_predicted == 5


def test_more_digits_than_the_cache_holds_are_predicted(digits):
    assert np.array_equal(PredictionCache(2).probabilities("a", digits, Model()), Model()(digits))
