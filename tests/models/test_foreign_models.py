"""Files of Keras 1 to 3. They give the same outputs as the saved model."""

import io

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from digitcore.errors import ModelError
from digitcore.models import foreign_models, upload
from tests.support import foreign
from tests.support.foreign import as_keras_1, as_keras_2, linear_model, to_hdf5, to_keras, with_config, with_group_names

PIXELS = np.random.default_rng(0).random((5, 28, 28, 1), np.float32)


def deep_model():
    """Return a model with branches and all kinds of weights."""
    start = keras.Input((28, 28, 1))
    first = layers.Conv2D(3, 3, padding="same", activation="relu")(start)
    second = layers.SeparableConv2D(3, 3, padding="same")(first)
    third = layers.DepthwiseConv2D(3, padding="same")(first)
    merged = layers.SpatialDropout2D(0.1)(layers.Concatenate()([layers.Add()([second, third]), first]))
    normalized = layers.BatchNormalization()(layers.LeakyReLU()(merged))
    hidden = layers.Dense(8)(layers.Flatten()(layers.MaxPooling2D()(normalized)))
    return keras.Model(start, layers.Dense(10, activation="softmax")(hidden))


def old_keras(content):
    return with_config(content, as_keras_2)


FILES = {
    "h5": lambda: (linear_model(), to_hdf5(linear_model())),
    "h5 of Keras 2": lambda: (linear_model(), old_keras(to_hdf5(linear_model()))),
    "Sequential of Keras 2": lambda: (linear_model(), old_keras(to_keras(linear_model()))),
    "Functional of Keras 2": lambda: (linear_model(), old_keras(to_keras(linear_model(functional=True)))),
    "Windows": lambda: (linear_model(), with_group_names(old_keras(to_keras(linear_model())), foreign.as_windows)),
    "Keras 2.13": lambda: (linear_model(), with_group_names(old_keras(to_keras(linear_model())), foreign.as_keras_2_13)),
    "Keras 1": lambda: (linear_model(), as_keras_1(linear_model())),
    "lists": lambda: (linear_model(), to_keras(linear_model(functional=True, as_lists=True))),
    "fixed batch size": lambda: (linear_model(), to_keras(linear_model(batch_size=32))),
    "random layers": lambda: (
        linear_model(),
        to_keras(linear_model(first=(layers.RandomRotation(0.1), layers.RandomZoom(0.1), layers.RandomContrast(0.2)))),
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_file_gives_the_same_outputs(name):
    saved, content = FILES[name]()
    opened = foreign_models.load(upload.check(content))
    assert opened.inputs[0].shape == (None, 28, 28, 1)
    assert np.allclose(opened(PIXELS), saved(PIXELS), atol=1e-5)


@pytest.mark.parametrize("save", [to_keras, to_hdf5])
def test_layers_that_prepare_pictures_are_opened(save):
    normalization = layers.Normalization(axis=None)
    first = [layers.Rescaling(1 / 255), layers.Resizing(20, 24), layers.CenterCrop(16, 18), normalization, layers.Identity()]
    model = keras.Sequential([keras.Input((28, 28, 1)), *first, layers.Flatten(), layers.Dense(10)])
    normalization.adapt(PIXELS[:2, :16, :18])
    for content in (save(model), old_keras(save(model))):
        opened = foreign_models.load(upload.check(content))
        assert np.allclose(opened(255 * PIXELS), model(255 * PIXELS), atol=1e-5)


def test_layers_of_keras_2_that_change_the_size_only_in_training_are_idle():
    model = linear_model(first=(layers.Identity(name="height"), layers.Identity(name="width"), layers.Identity(name="crop")))

    def to_random_size(config):
        config = as_keras_2(config)
        for layer in config["config"]["layers"]:
            match layer["config"]["name"]:
                case "height" | "width" as name:
                    layer |= {"class_name": f"Random{name.title()}", "module": "keras._legacy.layers"}
                    layer["config"] |= {"factor": 0.2, "interpolation": "bilinear", "seed": None}
                case "crop":
                    layer |= {"class_name": "RandomCrop", "module": "keras.layers"}
                    layer["config"] |= {"height": 28, "width": 28, "seed": None}
        return config

    for content in (to_keras(model), to_hdf5(model)):
        opened = foreign_models.load(upload.check(with_config(content, to_random_size)))
        assert np.allclose(opened(PIXELS), model(PIXELS), atol=1e-5)


@pytest.mark.parametrize("save", [to_keras, to_hdf5])
def test_all_kinds_of_layers_of_keras_2(save):
    model = deep_model()
    opened = foreign_models.load(upload.check(old_keras(save(model))))
    assert np.allclose(opened(PIXELS), model(PIXELS), atol=1e-5)


def test_half_precision_becomes_float32():
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = linear_model()
        files = [to_keras(model), to_hdf5(model)]
    finally:
        keras.mixed_precision.set_global_policy("float32")
    for content in files:
        opened = foreign_models.load(upload.check(content))
        assert {layer.dtype_policy.name for layer in opened.layers} == {"float32"}
        assert np.allclose(opened(PIXELS), linear_model()(PIXELS), atol=1e-5)


def test_kernel_of_theano_is_rotated():
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(10)])
    opened = foreign_models.load(upload.check(as_keras_1(model, backend="theano")))
    assert np.allclose(opened(PIXELS), model(PIXELS), atol=1e-4)


def test_sequential_model_within_a_functional_model_of_keras_2():
    inner = keras.Sequential([keras.Input((28, 28, 1)), layers.Conv2D(2, 3), layers.Flatten()], name="inner")
    start = keras.Input((28, 28, 1))
    model = keras.Model(start, layers.Dense(10)(inner(start)))

    def count_from_1(config):
        config = as_keras_2(config)
        config["config"]["layers"][-1]["inbound_nodes"][0][0][1] = 1
        return config

    opened = foreign_models.load(upload.check(with_config(to_keras(model), count_from_1)))
    assert np.allclose(opened(PIXELS), model(PIXELS), atol=1e-5)


def test_arithmetic_with_a_number_becomes_a_layer():
    start = keras.Input((28, 28, 1))
    model = keras.Model(start, layers.Dense(10)(layers.Flatten()((start / 255.0 - 0.5) * 2.0)))
    opened = foreign_models.load(upload.check(to_keras(model)))
    assert np.allclose(opened(PIXELS), model(PIXELS), atol=1e-5)


def test_weights_that_do_not_fit_name_the_layer():
    content = io.BytesIO(to_hdf5(linear_model()))
    with h5py.File(content, "r+") as file:
        bias = next(name for name in file["model_weights/classes"].attrs["weight_names"] if "bias" in name)
        del file["model_weights/classes"][bias]
        file["model_weights/classes"][bias] = np.zeros(7)
    with pytest.raises(ModelError, match=r"layer “classes” have the shapes .*\(7,\)"):
        foreign_models.load(upload.check(content.getvalue()))


def test_weights_without_a_network_are_named(tmp_path):
    linear_model().save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ModelError, match="only weights and no network"):
        foreign_models.load((tmp_path / "m.weights.h5").read_bytes())


def test_layer_that_is_not_allowed_is_named_in_an_hdf5_file():
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Lambda(lambda x: x), layers.Dense(10)])
    with pytest.raises(ModelError, match="“Lambda”"):
        foreign_models.load(upload.check(to_hdf5(model)))
