"""Inputs and outputs of imported models. The loss on validation digits decides between their possible meanings."""

import keras
import numpy as np
import pytest
from keras import layers

from digitcore import models
from digitcore.errors import ModelError
from digitcore.models import adaptation, keras_io, networks
from digitcore.models.adaptation import Inputs
from tests.support.foreign import RAW, UNIT, expected_logits, linear_model


def softmax(values):
    exponentials = np.exp(values - values.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


CONVENTIONS = {
    "0 to 255": RAW,
    "0 to 1": UNIT,
    "-1 to 1": Inputs(-1.0, 1.0, False),
    "standardized": Inputs(-0.4242, 2.8215, False),
    "black on white": Inputs(1.0, 0.0, False),
    "black on white, 0 to 255": Inputs(255.0, 0.0, False),
    "transposed": Inputs(0.0, 1.0, True),
    "transposed, black on white, -1 to 1": Inputs(1.0, -1.0, True),
}


@pytest.mark.parametrize("name", CONVENTIONS)
def test_inputs_are_recognized(name):
    meaning = adaptation.measure(linear_model(CONVENTIONS[name]))
    assert meaning.inputs == CONVENTIONS[name]
    assert meaning.outputs == adaptation.SOFTMAX
    assert meaning.accuracy > 0.8


@pytest.mark.parametrize("name", ["0 to 1", "-1 to 1", "standardized", "black on white"])
def test_inputs_of_an_accurate_network_are_recognized(name):
    """An accurate network has nearly no loss on a few digits, also with the pixels of another scale."""
    inputs = CONVENTIONS[name]
    own = keras_io.open_model(models.load("fast"))
    scaled = layers.Rescaling(1 / inputs.scale, -inputs.background / inputs.scale)
    model = keras.Sequential([keras.Input((28, 28, 1)), scaled, own])
    meaning = adaptation.measure(model)
    assert meaning.inputs == inputs
    assert meaning.accuracy > 0.98


def test_a_network_near_chance_gets_the_simplest_inputs():
    assert adaptation.measure(keras.Sequential([keras.Input((28, 28, 1)), networks.build("mlp")])).inputs == RAW


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("linear", {adaptation.LOGITS}),
        ("log_softmax", {adaptation.LOGITS}),
        ("sigmoid", {adaptation.SIGMOIDS, adaptation.SIGMOID_LOGITS}),
    ],
)
def test_outputs_are_recognized(activation, expected, data):
    model = linear_model(UNIT, activation)
    meaning = adaptation.measure(model)
    assert meaning.inputs == UNIT
    assert meaning.outputs in expected
    digits = data.test_images[:200]
    wrapped = adaptation._wrap(model, meaning)
    probabilities = np.asarray(wrapped(digits[..., None].astype(np.float32)))
    if meaning.outputs != adaptation.SIGMOIDS:
        assert np.allclose(probabilities, softmax(expected_logits(digits)), atol=1e-4)
    assert np.allclose(probabilities.sum(1), 1, atol=1e-4)
    assert adaptation.is_own(wrapped)


def test_sigmoids_are_divided_by_their_sum_if_that_fits_better(data):
    """Keras's cross-entropy divides ten sigmoids by their sum."""
    model = linear_model(UNIT, "sigmoid")
    kernel, bias = model.get_layer("classes").get_weights()
    model.get_layer("classes").set_weights([kernel * 3, bias * 3 - 12])  # The sigmoids are then nearly exponentials.
    meaning = adaptation.measure(model)
    digits = data.test_images[:100]
    sigmoids = np.asarray(model((digits / 255).astype(np.float32)[..., None]))
    adapted = np.asarray(adaptation._wrap(model, meaning)(digits[..., None].astype(np.float32)))
    if meaning.outputs == adaptation.SIGMOIDS:
        assert np.allclose(adapted, sigmoids / sigmoids.sum(1, keepdims=True), atol=1e-4)
    assert adapted.argmax(1).tolist() == sigmoids.argmax(1).tolist()


def bounded_model(inputs, activation):
    """Return a linear classifier whose outputs are near -1 and 1 ("tanh"), or near 0 and 1 ("linear")."""
    model = linear_model(inputs, "linear")
    values = layers.Rescaling(0.3)(model.outputs[0])
    bounded = layers.Activation(activation)(values) if activation != "linear" else layers.Rescaling(1 / 12, 0.1)(values)
    return keras.Model(model.inputs, bounded)


@pytest.mark.parametrize("activation", ["tanh", "linear"])
@pytest.mark.parametrize("name", ["0 to 1", "-1 to 1", "black on white"])
def test_outputs_of_a_regression_are_calibrated(name, activation, data):
    """The softmax of bounded values is flat, and a wrong scale that saturates them makes it less flat."""
    model = bounded_model(CONVENTIONS[name], activation)
    meaning = adaptation.measure(model)
    assert meaning.inputs == CONVENTIONS[name]
    assert meaning.temperature < adaptation.MIN_TEMPERATURE
    assert_calibrated(model, meaning, data)


@pytest.mark.parametrize("last", ["activation", "layer", "dense"])
def test_softmax_of_bounded_values_is_calibrated(last, data):
    bounded = bounded_model(UNIT, "tanh")
    end = {
        "activation": layers.Activation("softmax"),
        "layer": layers.Softmax(),
        "dense": layers.Dense(10, "softmax", kernel_initializer="identity"),
    }[last]
    model = keras.Model(bounded.inputs, end(bounded.outputs[0]))
    meaning = adaptation.measure(model)
    assert meaning.inputs == UNIT
    assert meaning.outputs == adaptation.SOFTMAX
    assert_calibrated(model, meaning, data)


def assert_calibrated(model, meaning, data):
    """Check the predictions, the loss and the mean confidence of the adapted model."""
    digits, labels = (part[:1000] for part in data.test)
    probabilities = np.asarray(adaptation._wrap(model, meaning)(digits[..., None].astype(np.float32)))
    assert (probabilities.argmax(1) == expected_logits(digits).argmax(1)).mean() > 0.99
    accuracy = (probabilities.argmax(1) == labels).mean()
    assert abs(probabilities.max(1).mean() - accuracy) < 0.1
    assert -np.log(probabilities[np.arange(len(labels)), labels]).mean() < 0.8


@pytest.mark.parametrize("shape", [(28, 28), (784,), (1, 28, 28)])
def test_other_input_shapes_are_adapted(shape, data):
    digits = data.test_images[:50]
    bundle = adaptation.adapt(linear_model(UNIT, shape=shape), "mine")
    assert np.allclose(bundle.predictor().probabilities(digits), softmax(expected_logits(digits)), atol=1e-4)
    assert bundle.card.metrics["input_ink"] == 1.0
    assert bundle.card.metrics["output_logits"] == 0
    assert 0.8 < bundle.card.metrics["validation_accuracy"] <= 1


def test_three_channels_get_the_same_values():
    model = keras.Sequential([keras.Input((28, 28, 3)), layers.GlobalAveragePooling2D(), layers.Dense(10)])
    assert adaptation.measure(model).accuracy < 0.5
    assert adaptation.adapt(model, "mine").keras_bytes


def test_own_model_with_poor_predictions_is_not_changed():
    model = networks.build("mlp", seed=3)
    bundle = adaptation.adapt(model, "mine")
    saved = keras_io.open_model(bundle)
    assert all(map(np.array_equal, saved.get_weights(), model.get_weights()))
    assert [type(layer) for layer in saved.layers] == [type(layer) for layer in model.layers]
    assert bundle.card.metrics == {}


def test_adapted_model_is_not_adapted_again():
    first = adaptation.adapt(linear_model(UNIT, "linear"), "mine")
    second = adaptation.adapt(keras_io.open_model(first), "mine")
    digits = np.random.default_rng(0).integers(0, 256, (20, 28, 28), np.uint8)
    assert np.array_equal(first.predictor().probabilities(digits), second.predictor().probabilities(digits))
    assert second.card.metrics == {}


@pytest.mark.parametrize(
    ("inputs", "outputs", "words"),
    [
        ((32, 32, 3), 10, "32 × 32 × 3"),
        ((10,), 10, "shape 10"),
        ((28, 28, 1), 26, "outputs of shape 26"),
        ((None, None, 1), 10, r"\? × \?"),
    ],
)
def test_wrong_shape_is_named(inputs, outputs, words):
    pool = layers.GlobalAveragePooling2D if len(inputs) == 3 else layers.Flatten
    model = keras.Sequential([keras.Input(inputs), pool(), layers.Dense(outputs)])
    with pytest.raises(ModelError, match=words):
        adaptation.adapt(model, "x")


def test_two_inputs_are_named():
    first, second = keras.Input((28, 28, 1)), keras.Input((28, 28, 1))
    model = keras.Model([first, second], layers.Dense(10)(layers.Flatten()(layers.Add()([first, second]))))
    with pytest.raises(ModelError, match="2 inputs and 1 outputs"):
        adaptation.adapt(model, "x")
