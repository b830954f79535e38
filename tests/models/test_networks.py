import math

import keras
import numpy as np
import pytest

from digitcore.errors import ModelError
from digitcore.models import networks
from digitcore.models.network_spec import Block, NetworkSpec
from digitcore.training.settings import TrainSettings
from digitcore.training.trainer import _optimizer


@pytest.mark.parametrize("name", networks.names())
def test_networks_give_ten_probabilities(name):
    model = networks.build(name, seed=1)
    probabilities = np.asarray(model(np.zeros((2, 28, 28, 1), np.float32)))
    assert probabilities.shape == (2, 10)
    assert np.allclose(probabilities.sum(1), 1, atol=1e-5)


def test_same_seed_gives_the_same_weights():
    first, again, other = (networks.build("mlp", seed).get_weights()[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_unknown_network_lists_the_known_networks():
    with pytest.raises(ModelError, match="genius"):
        networks.build("nobody")


ROWS = (
    Block("conv", 4, pooling=True, batch_normalization=True),
    Block("conv", 6, dropout=0.2),
    Block("dense", 8, batch_normalization=True, dropout=0.5),
    Block("dense", 5),
)


@pytest.mark.parametrize(
    "settings", [TrainSettings(), TrainSettings(optimizer="sgd"), TrainSettings(optimizer="adamw", ema_momentum=0.9)]
)
def test_memory_estimate_counts_the_memory_of_a_training(settings):
    """The outputs of all layers, the gradients and the slots of the optimizer are counted in the Keras model."""
    spec = NetworkSpec(ROWS)
    model = networks.build(spec.to_json())
    optimizer = _optimizer(settings.resolved(is_trained=False), 0.001)
    optimizer.build(model.trainable_variables)
    n_outputs = sum(math.prod(layer.output.shape[1:]) for layer in model.layers if not isinstance(layer, keras.layers.Flatten))
    n_gradients = sum(math.prod(variable.shape) for variable in model.trainable_variables)
    n_slots = sum(math.prod(variable.shape) for variable in optimizer.variables if len(variable.shape))
    expected = 4 * (model.count_params() + n_gradients + n_slots + 2 * 16 * n_outputs)
    assert spec.training_bytes(16, settings.n_optimizer_slots) == expected


def test_description_of_a_row_names_the_order_of_its_layers():
    model = networks.build(NetworkSpec(ROWS[:1]).to_json())
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ["Rescaling", "Conv2D", "MaxPooling2D", "BatchNormalization", "Activation", "Flatten", "Dense"]
    assert NetworkSpec(ROWS).shapes()[0].name == "4 filters of 3 × 3, pooling, batch normalization"
