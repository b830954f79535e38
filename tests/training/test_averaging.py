import keras
import numpy as np
import pytest

from digitcore.training.averaging import restored_weights, set_final_weights, update_batch_statistics


@pytest.fixture
def model():
    """Return a model with one weight, whose last value is 1 and whose average is 0."""
    made = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    made.compile(keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.9), "mse")
    made.optimizer.build(made.trainable_variables)
    made.set_weights([np.ones((1, 1))])
    return made


IMAGES = np.zeros((1, 28, 28, 1))
INITIAL = [np.full((1, 1), 5.0)]


def test_model_has_its_averaged_weights_only_within_the_block(model):
    with restored_weights(model):
        set_final_weights(model, IMAGES, INITIAL, 0.0)
        assert model.get_weights()[0].item() == 0
    assert model.get_weights()[0].item() == 1


def test_last_weights_are_restored_after_an_error(model):
    with pytest.raises(RuntimeError, match="evaluation failed"), restored_weights(model):
        set_final_weights(model, IMAGES, INITIAL, 0.0)
        raise RuntimeError("evaluation failed")
    assert model.get_weights()[0].item() == 1


def test_model_without_an_average_is_not_changed(model):
    model.compile("sgd", "mse")
    with restored_weights(model):
        set_final_weights(model, IMAGES, INITIAL, 0.0)
        assert model.get_weights()[0].item() == 1


@pytest.mark.parametrize(("use_ema", "expected"), [(False, 0.75 * 1 + 0.25 * 5), (True, 0.75 * 0 + 0.25 * 5)])
def test_a_share_of_the_initial_weights_is_added(model, use_ema, expected):
    model.optimizer.use_ema = use_ema
    with restored_weights(model):
        set_final_weights(model, IMAGES, INITIAL, 0.25)
        assert model.get_weights()[0].item() == expected
    assert model.get_weights()[0].item() == 1


@pytest.mark.parametrize("n", [3, 500, 1300])
def test_few_images_replace_the_old_statistics_too(n):
    """With only the batches that 500 images fill, 81 % of the old statistics remained."""
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.BatchNormalization(momentum=0.9)])
    model.layers[0].moving_mean.assign([-1000.0])
    update_batch_statistics(model, np.full((n, 28, 28, 1), 100, np.uint8))
    assert model.layers[0].moving_mean.numpy().item() == pytest.approx(100 - 1100 * 0.9**40, abs=0.1)
