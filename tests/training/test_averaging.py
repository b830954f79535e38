import keras
import numpy as np
import pytest

from digitcore.training.averaging import averaged_weights


@pytest.fixture
def model():
    """Return a model with one weight, whose last value is 1 and whose average is 0."""
    made = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    made.compile(keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.9), "mse")
    made.optimizer.build(made.trainable_variables)
    made.set_weights([np.ones((1, 1))])
    return made


IMAGES = np.zeros((1, 28, 28, 1))


def test_model_has_its_averaged_weights_only_within_the_block(model):
    with averaged_weights(model, IMAGES):
        assert model.get_weights()[0].item() == 0
    assert model.get_weights()[0].item() == 1


def test_last_weights_are_restored_after_an_error(model):
    with pytest.raises(RuntimeError, match="evaluation failed"), averaged_weights(model, IMAGES):
        raise RuntimeError("evaluation failed")
    assert model.get_weights()[0].item() == 1


def test_model_without_an_average_is_not_changed(model):
    model.compile("sgd", "mse")
    with averaged_weights(model, IMAGES):
        assert model.get_weights()[0].item() == 1
