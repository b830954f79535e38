import numpy as np
import pytest

from digitcore.evaluation import activations
from digitcore.models import keras_io


def test_layers_of_a_digit(genius, data):
    layers = activations.layer_activations(genius, data.test_images[0])
    assert layers[-1].maps.shape == (1, 1, 10) and layers[-1].maps.argmax() == 7 and layers[-1].dead_share is None
    assert {layer.maps.dtype for layer in layers} == {np.dtype(np.uint8)}
    assert max(len(layer.maps) for layer in layers) == activations.MAX_MAPS
    assert layers[0].maps.shape[1:] == (26, 26)
    shares = [layer.dead_share for layer in layers if "ReLU" in layer.name]
    assert len(shares) == 5 and min(shares) >= 0 and max(shares) <= 1


def test_dead_units_are_found(genius, data):
    model = keras_io.open_model(genius)
    normalization = next(layer for layer in model.layers if "BatchNormalization" in type(layer).__name__)
    gamma, beta, *others = normalization.get_weights()
    gamma[:8], beta[:8] = 0, -1
    normalization.set_weights([gamma, beta, *others])
    changed = keras_io.to_bundle(model, genius.card)
    digits = data.validation[0][:100, ..., None].astype("float32")
    n_units = 32 + 32 + 64 + 96 + 96
    before = activations.dead_unit_share(keras_io.open_model(genius), digits)
    assert activations.dead_unit_share(model, digits) == pytest.approx(before + 8 / n_units, abs=1 / n_units)
    assert activations.layer_activations(changed, data.test_images[0])[0].dead_share == 8 / 32


def test_features_are_the_last_layer_s_input(genius, data):
    digits = data.test_images[:3]
    features = activations.features(genius, digits)
    weights, bias = keras_io.open_model(genius).layers[-1].get_weights()
    logits = features @ weights + bias
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert np.allclose(expected, genius.predictor().probabilities(digits), atol=1e-3)
