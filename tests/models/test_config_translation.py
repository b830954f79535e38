"""Configurations of older Keras models."""

import json

import pytest

from digitcore import models
from digitcore.models.config_translation import translate
from tests.support import fuzz


def layer(kind, /, **config):
    return {"class_name": kind, "config": config}


def sequential(*layers):
    return {"class_name": "Sequential", "config": {"name": "s", "layers": list(layers)}}


def first_config(model, index=0):
    return translate(model)["config"]["layers"][index]["config"]


@pytest.mark.parametrize("name", models.names())
def test_modern_configuration_is_unchanged(name):
    config = json.loads(fuzz.read_zip(models.load(name).keras_bytes)["config.json"])
    translated = translate(config)

    def without_build(value):
        if isinstance(value, dict):
            return {key: without_build(item) for key, item in value.items() if key != "build_config"}
        return [without_build(item) for item in value] if isinstance(value, list) else value

    assert translated == without_build(config)
    assert translate(translated) == translated


def test_argument_is_not_changed():
    model = sequential(layer("Dense", output_dim=10, batch_input_shape=[32, 784]))
    before = json.dumps(model)
    translate(model)
    assert json.dumps(model) == before


@pytest.mark.parametrize(
    "first",
    [
        layer("Dense", units=10, batch_input_shape=[32, 784]),
        layer("Dense", units=10, input_dim=784),
        sequential(layer("Dense", units=10, batch_input_shape=[None, 784])),
    ],
)
def test_input_shape_of_the_first_layer_becomes_an_input_layer(first):
    assert first_config(sequential(first))["batch_shape"] == [None, 784]


def test_convolution_of_keras_1():
    old = layer(
        "Convolution2D", nb_filter=8, nb_row=3, nb_col=5, border_mode="same", subsample=[1, 1], dim_ordering="tf", bias=True
    )
    translated = translate(sequential(old))["config"]["layers"][0]
    assert translated["class_name"] == "Conv2D"
    assert translated["config"] == {
        "kernel_size": [3, 5],
        "filters": 8,
        "padding": "same",
        "strides": [1, 1],
        "data_format": "channels_last",
        "use_bias": True,
    }


def test_regularizer_and_constraint_of_keras_1():
    old = layer(
        "Dense", W_regularizer={"name": "WeightRegularizer", "l1": 0.0, "l2": 0.1}, b_constraint={"name": "MaxNorm", "m": 2}
    )
    config = first_config(sequential(old))
    assert config["kernel_regularizer"]["class_name"] == "L1L2"
    assert config["bias_constraint"]["config"] == {"max_value": 2}


@pytest.mark.parametrize("dtype", ["float16", "mixed_float16", {"class_name": "Policy", "config": {"name": "mixed_float16"}}])
def test_every_precision_becomes_float32(dtype):
    assert first_config(sequential(layer("ReLU", dtype=dtype)))["dtype"] == "float32"


def test_numpy_value_becomes_a_number():
    value = {"class_name": "__numpy__", "config": {"value": 0.3, "dtype": "float32"}}
    assert first_config(sequential(layer("LeakyReLU", alpha=value)))["alpha"] == 0.3


def test_old_values_are_replaced_by_modern_values():
    old = layer("BatchNormalization", axis=[3], fused=True)
    assert first_config(sequential(old)) == {"axis": 3}
    assert first_config(sequential(layer("Activation", activation="softmax_v2"))) == {"activation": "softmax"}
    initializer = layer("VarianceScaling", distribution="normal", dtype="float32")
    translated = first_config(sequential(layer("Dense", kernel_initializer=initializer)))["kernel_initializer"]
    assert translated["module"] == "keras.initializers"
    assert translated["config"] == {"distribution": "truncated_normal"}


def test_unknown_module_is_unchanged():
    assert translate({"class_name": "Dense", "module": "subprocess", "config": {}})["module"] == "subprocess"
    assert translate({"class_name": "Dense", "module": "keras.src.layers.core.dense", "config": {}})["module"] == "keras.layers"


@pytest.mark.parametrize("function", ["exec", "math.truediv"])
def test_arithmetic_without_a_number_is_unchanged(function):
    old = layer("TFOpLambda", function=function) | {"name": "f", "inbound_nodes": [["x", 0, 0, {"y": ["z", 0, 0]}]]}
    assert translate(old)["class_name"] == "TFOpLambda"


@pytest.mark.parametrize(
    "config", [None, 7, [], {}, {"layers": 7}, {"layers": [7, None, {}]}, {"layers": [{"class_name": "Dense"}]}]
)
@pytest.mark.parametrize("name", ["Sequential", "Functional", "Model"])
def test_malformed_configuration_stays_malformed(name, config):
    assert translate({"class_name": name, "config": config})["class_name"] in ("Sequential", "Functional")


def test_layer_without_effect_on_predictions_is_replaced():
    translated = translate(sequential(layer("RandomRotation", name="turn", factor=0.1)))["config"]["layers"][0]
    assert (translated["class_name"], translated["config"]) == ("Activation", {"name": "turn", "activation": "linear"})
    strange = layer("RandomRotation", name="turn") | {"module": "os"}
    assert translate(sequential(strange))["config"]["layers"][0]["class_name"] == "RandomRotation"
