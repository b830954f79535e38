import numpy as np
import pytest

from digitcore.evaluation import activations
from digitcore.models import keras_io, networks
from digitcore.models.network_spec import NetworkSpec


def test_layer_activations_have_the_shapes_of_the_network(genius, data):
    layers = activations.layer_activations(genius, data.test_images[0])
    assert layers[-1].maps.shape == (1, 1, 10)
    assert layers[-1].maps.argmax() == 7
    assert layers[-1].dead_share is None
    assert {layer.maps.dtype for layer in layers} == {np.dtype(np.uint8)}
    assert max(len(layer.maps) for layer in layers) == activations.MAX_MAPS
    assert layers[0].maps.shape[1:] == (26, 26)
    shares = [layer.dead_share for layer in layers if "ReLU" in layer.name]
    assert len(shares) == 5
    assert 0 <= min(shares) <= max(shares) <= 1


def test_dead_units_are_counted(genius, data):
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


def test_features_are_the_input_of_the_last_layer(genius, data):
    digits = data.test_images[:3]
    features = activations.features(genius, digits)
    weights, bias = keras_io.open_model(genius).layers[-1].get_weights()
    logits = features @ weights + bias
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert np.allclose(expected, genius.predictor().probabilities(digits), atol=1e-3)


def test_unit_features_of_an_image_without_features_are_finite(genius):
    features = activations.unit_features(genius, np.zeros((1, 28, 28), np.uint8))
    assert np.isfinite(features).all()


def test_model_without_relu_has_no_dead_units(data):
    linear = networks.build(NetworkSpec().to_json())
    assert activations.dead_unit_share(linear, data.test_images[:1, ..., None].astype("float32")) is None


def test_repr_of_a_layer_activation_fits_on_one_line(genius, data):
    for layer in activations.layer_activations(genius, data.test_images[0]):
        assert len(repr(layer)) < 200
        assert "\n" not in repr(layer)
