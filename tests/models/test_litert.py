import keras
import numpy as np
import pytest

from digitcore import models
from digitcore.models import keras_io, litert, networks
from digitcore.models.network_spec import Block, NetworkSpec
from digitcore.predictor import Predictor
from tests.support import javascript

NORMALIZED = NetworkSpec(
    (Block("conv", 4, pooling=True, batch_normalization=True), Block("dense", 10, batch_normalization=True), Block("dense", 10)),
    "tanh",
).to_json()


def other_weights(bundle):
    """Return the Keras model of a bundle, and a copy with slightly different weights, as after a training."""
    before, after = keras_io.open_model(bundle), keras_io.open_model(bundle)
    rng = np.random.default_rng(0)
    after.set_weights([weight + rng.uniform(0, 0.05 * weight.std() + 0.01, weight.shape) for weight in after.get_weights()])
    return before, after


@pytest.mark.parametrize("name", [name for name in models.names() if name != "untrained"])
def test_weights_in_the_file_of_a_shipped_model_are_replaced(name, data):
    bundle, digits = models.load(name), data.validation[0][:200, ..., None]
    before, after = other_weights(bundle)
    patched = litert.replace_weights(bundle.tflite_bytes, before, after, digits[:20])
    assert patched is not None
    assert patched != bundle.tflite_bytes
    assert len(patched) == len(bundle.tflite_bytes)
    expected = keras_io.predict_in_batches(after, digits.astype(np.float32))
    assert np.allclose(Predictor(patched).probabilities(digits[..., 0]), expected, atol=1e-4)


@pytest.mark.parametrize("network", [*networks.names(), NetworkSpec().to_json(), NORMALIZED])
def test_converter_runs_once_for_each_architecture(network, data, monkeypatch):
    converted, convert = [], litert._run_converter
    monkeypatch.setattr(litert, "_templates", {})
    monkeypatch.setattr(litert, "_run_converter", lambda model: converted.append(model) or convert(model))
    digits = data.validation[0][:200, ..., None]
    for seed in range(2):
        model = networks.build(network, seed)
        expected = keras_io.predict_in_batches(model, digits.astype(np.float32))
        assert np.allclose(Predictor(litert.convert(model)).probabilities(digits[..., 0]), expected, atol=1e-4)
    assert len(converted) == 1


def test_built_networks_run_in_the_browser():
    """The networks have an activation that is an operation of its own, or that is part of another operation."""
    networks_of_two = {"default": NetworkSpec().to_json(), "normalized": NORMALIZED}
    files = {name: litert.convert(networks.build(network)) for name, network in networks_of_two.items()}
    parity = javascript.compare(files, javascript.pen_pictures(30))
    assert parity.is_close, parity


def test_model_with_an_unknown_layer_is_converted(data):
    inner = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")])
    inputs = keras.Input((28, 28, 1))
    model = keras.Model(inputs, inner(keras.layers.Rescaling(1 / 255)(inputs)))
    digits = data.validation[0][:20, ..., None]
    expected = np.asarray(model(digits.astype(np.float32)))
    assert np.allclose(Predictor(litert.convert(model)).probabilities(digits[..., 0]), expected, atol=1e-4)


def test_unrecognized_constants_are_converted(untrained, genius, data):
    digits = data.validation[0][:20, ..., None]
    before, after = other_weights(untrained)
    assert litert.replace_weights(untrained.tflite_bytes, before, after, digits) is None, "equal constants are merged"
    assert litert.replace_weights(genius.tflite_bytes, before, after, digits) is None, "the file of another model"
    bundle = keras_io.to_bundle_like(untrained, before, after, untrained.card, digits)
    expected = keras_io.predict_in_batches(after, digits.astype(np.float32))
    assert np.allclose(bundle.predictor().probabilities(digits[..., 0]), expected, atol=1e-4)


def test_file_with_other_probabilities_is_not_used(genius, data):
    before, _ = other_weights(genius)
    digits = data.validation[0][:20, ..., None]

    def cut_off(layer):
        return keras.layers.ReLU(max_value=0.1) if isinstance(layer, keras.layers.ReLU) else layer.from_config(layer.get_config())

    after = keras.models.clone_model(before, clone_function=cut_off)
    after.set_weights(before.get_weights())
    assert litert.replace_weights(genius.tflite_bytes, before, before, digits)
    assert litert.replace_weights(genius.tflite_bytes, before, after, digits) is None


@pytest.mark.parametrize("damage", [lambda content: content[:2000], lambda content: b"\xff" * len(content), lambda content: b""])
def test_weights_of_a_damaged_file_are_not_replaced(damage, genius, data):
    before, after = other_weights(genius)
    assert litert.replace_weights(damage(genius.tflite_bytes), before, after, data.validation[0][:20, ..., None]) is None
