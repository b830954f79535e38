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
from digitcore.models import size_estimate, upload
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
