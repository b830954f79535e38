"""Estimates of the size of a model before Keras allocates its memory."""

import io
import json
import subprocess
import sys

import h5py
import keras
import pytest
from keras import layers

from digitcore import models
from digitcore.errors import ModelError
from digitcore.models import foreign_models, size_estimate, upload
from tests.support import fuzz


def config_of(model):
    return json.loads(model.to_json())


def branches():
    start = keras.Input((28, 28, 1))
    first = layers.ZeroPadding2D(((1, 2), (0, 1)))(layers.Conv2D(6, (3, 5), strides=2, dilation_rate=1)(start))
    second = layers.SeparableConv2D(4, 3, padding="same")(first)
    third = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(first)
    merged = layers.PReLU()(layers.BatchNormalization()(layers.Concatenate()([second, third])))
    inner = keras.Sequential([layers.Cropping2D(1), layers.AveragePooling2D(2), layers.Permute((2, 1, 3)), layers.Reshape((-1,))])
    return keras.Model(start, layers.LayerNormalization()(layers.Dense(10, use_bias=False)(inner(merged))))


@pytest.mark.parametrize("name", models.names())
def test_estimate_of_shipped_models_is_exact(name):
    bundle = models.load(name)
    config = json.loads(fuzz.read_zip(bundle.keras_bytes)["config.json"])
    assert size_estimate.estimate(config).weights == bundle.card.parameters


def test_estimate_of_branches_is_exact():
    model = branches()
    size = size_estimate.estimate(config_of(model))
    assert size.weights == model.count_params()


def test_channels_first():
    model = keras.Sequential([keras.Input((1, 28, 28)), layers.Conv2D(4, 3, data_format="channels_first"), layers.Flatten()])
    model.add(layers.Dense(10))
    assert size_estimate.estimate(config_of(model)).weights == model.count_params()


def sequential(*parts):
    entry = {"class_name": "InputLayer", "config": {"batch_shape": [None, 28, 28, 1]}}
    return json.dumps({"class_name": "Sequential", "config": {"name": "s", "layers": [entry, *parts]}})


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ({"class_name": "Dense", "config": {"units": 10**12}}, "2,000,000,000,000 weights"),
        ({"class_name": "Conv2D", "config": {"filters": 10**9, "kernel_size": 3}}, "10,000,000,000 weights"),
        ({"class_name": "Resizing", "config": {"height": 60_000, "width": 60_000}}, "returns 3,600,000,000 values"),
        ({"class_name": "ZeroPadding2D", "config": {"padding": 30_000}}, "returns 3,603,360,784 values"),
        ({"class_name": "Conv2D", "config": {"filters": 30_000, "kernel_size": 1}}, "returns 23,520,000 values"),
        ({"class_name": "Conv2D", "config": {"filters": 256, "kernel_size": 1}}, "returns 200,704 values"),
    ],
)
def test_too_large_model_is_rejected_before_it_is_built(layer, words):
    with pytest.raises(ModelError, match=words):
        upload.check_config(sequential(layer))


HUGE = [
    {"class_name": "Flatten", "module": "keras.layers", "config": {"name": "flat"}},
    {"class_name": "Dense", "module": "keras.layers", "config": {"units": 1_000_000, "name": "huge"}},
]


def without_input_layer(genius):
    """Return genius's file with the configuration of a model that needs 3 GB."""
    config = {"name": "s", "build_input_shape": [None, 28, 28, 1], "layers": HUGE}
    model = {"class_name": "Sequential", "module": "keras", "registered_name": None, "config": config}
    return upload.pack(fuzz.read_zip(genius.keras_bytes) | {upload.CONFIG_FILE: json.dumps(model).encode()})


def test_the_size_of_a_model_without_an_input_layer_is_estimated(genius):
    with pytest.raises(ModelError, match="785,000,000 weights"):
        upload.check(without_input_layer(genius))


def test_the_size_of_a_sum_with_other_channels_is_estimated():
    start = keras.Input((28, 28, 1))
    model = keras.Model(start, layers.Dense(10)(layers.Flatten()(layers.Add()([start, layers.Conv2D(64, 1)(start)]))))
    assert size_estimate.estimate(config_of(model)).weights == model.count_params()


def test_too_many_weights_are_rejected_before_they_are_allocated(genius, monkeypatch):
    """Opening does not rely on the estimate."""
    allocated = []
    monkeypatch.setattr(keras.initializers.GlorotUniform, "__call__", lambda self, shape, **_: allocated.append(shape))
    with pytest.raises(ModelError, match=r"^The model has more than 5,000,000 weights\. Use a smaller model\.$"):
        foreign_models.load(without_input_layer(genius))
    assert not allocated


def test_deep_model_is_rejected_before_it_is_built():
    layer = {"class_name": "Dense", "config": {"units": 10}}
    with pytest.raises(ModelError, match="282 layers"):
        upload.check_config(sequential(*[layer] * 280))


def test_large_hdf5_file_is_rejected_before_keras_is_imported(tmp_path):
    """The file needs 3 GB in memory and a few kilobytes on the disk."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.attrs["model_config"] = sequential({"class_name": "Dense", "config": {"units": 10}})
        file.create_dataset("model_weights/d/kernel", shape=(784, 10**6), dtype="f4", compression="gzip", chunks=(784, 100))
    (tmp_path / "0.in").write_bytes(stream.getvalue())
    code = (
        "import sys; from pathlib import Path; from digitcore.models import sandbox; "
        "sandbox.main(Path(sys.argv[1])); print('keras' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert (tmp_path / "0.error").read_text() == "The model has 784,000,000 weights. Use a model of at most 5,000,000."


@pytest.mark.parametrize("config", [{}, {"units": "x"}, {"units": None}, {"units": [1]}, {"units": float("nan")}])
def test_malformed_layer_is_not_counted(config):
    layer = {"class_name": "Dense", "config": config}
    assert size_estimate.estimate({"class_name": "Sequential", "config": {"layers": [layer, layer]}}).weights == 0
