"""Models in the conventions of other programs: a linear classifier for every kind of inputs, outputs and Keras files.

The weights are computed, not trained, so a model takes milliseconds.
"""

import functools
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
from keras import layers

from digitcore import mnist
from digitcore.models.adaptation import Inputs
from digitcore.models.upload import pack
from tests.support import fuzz

RAW, UNIT = Inputs(0.0, 255.0, False), Inputs(0.0, 1.0, False)
N_FITTED = 6000  # training digits
RIDGE = 300.0
SHARPNESS = 12.0  # of the least-squares outputs, as logits
CHANNELS = (28, 28, 1)


@functools.cache
def fit_linear() -> tuple[np.ndarray, np.ndarray]:
    """Return weights (784, 10) and biases (10,) of logits for pixels from 0 to 1, by least squares."""
    digits, labels = (part[:N_FITTED] for part in mnist.load().training)
    pixels = np.c_[digits.reshape(len(digits), -1) / 255, np.ones(len(digits))]
    targets = np.eye(10)[labels] - 0.1
    solution = np.linalg.solve(pixels.T @ pixels + RIDGE * np.eye(785), pixels.T @ targets) * SHARPNESS
    return solution[:-1], solution[-1]


def expected_logits(digits: np.ndarray) -> np.ndarray:
    """Return the logits (N, 10) that every model of this module computes for (N, 28, 28) uint8 digits."""
    kernel, bias = fit_linear()
    return np.asarray(digits.reshape(len(digits), -1) / 255 @ kernel + bias)


def linear_weights(inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights that give the same logits for other inputs."""
    kernel, bias = fit_linear()
    if inputs.transposed:
        kernel = kernel.reshape(28, 28, 10).transpose(1, 0, 2).reshape(784, 10)
    span = inputs.ink - inputs.background
    return kernel / span, bias - inputs.background * kernel.sum(0) / span


def linear_model(
    inputs: Inputs = UNIT,
    activation: str = "softmax",
    shape: tuple[int, ...] = CHANNELS,
    first: tuple[keras.layers.Layer, ...] = (),
    functional: bool = False,
    as_lists: bool = False,
    batch_size: int | None = None,
) -> keras.Model:
    """Return a linear classifier. The layers `first` must not change the values."""
    middle = [*first, layers.Flatten(name="flat"), layers.Dense(10, activation=activation, name="classes")]
    start = keras.Input(shape, batch_size=batch_size, name="image")
    if functional:
        end = start
        for layer in middle:
            end = layer(end)
        model = keras.Model([start], [end]) if as_lists else keras.Model(start, end)
    else:
        model = keras.Sequential([start, *middle])
    model.get_layer("classes").set_weights([part.astype(np.float32) for part in linear_weights(inputs)])
    return model


def to_keras(model: keras.Model) -> bytes:
    """Return a .keras file of the installed Keras."""
    return _saved(model, "m.keras")


def to_hdf5(model: keras.Model) -> bytes:
    """Return an .h5 file of the installed Keras."""
    return _saved(model, "m.h5")


def _saved(model: keras.Model, name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / name, include_optimizer=False)
        return (Path(folder) / name).read_bytes()


def with_config(content: bytes, change: Callable[[Any], Any]) -> bytes:
    """Return a .keras file or an HDF5 file with a changed configuration."""
    if content.startswith(b"PK"):
        members = fuzz.read_zip(content)
        return pack(members | {"config.json": json.dumps(change(json.loads(members["config.json"]))).encode()})
    stream = io.BytesIO(content)
    with h5py.File(stream, "r+") as file:
        file.attrs["model_config"] = json.dumps(change(json.loads(file.attrs["model_config"])))
        file.attrs["keras_version"] = file["model_weights"].attrs["keras_version"] = "2.15.0"
    return stream.getvalue()


def as_keras_2(config: Any) -> Any:
    """Return a configuration in the format of Keras 2.13 to 2.15."""
    _walk_to_keras_2(config)
    values = config["config"]
    for key in ("input_layers", "output_layers"):
        if key in values and not isinstance(values[key][0], list):
            values[key] = [values[key]]
    if config["class_name"] == "Sequential":
        values["layers"][1]["config"]["batch_input_shape"] = values["layers"][0]["config"]["batch_input_shape"]
    elif "module" in config:
        config["module"] = "keras.src.engine.functional"
    return config


def _walk_to_keras_2(value: Any) -> None:
    if isinstance(value, list):
        for item in value:
            _walk_to_keras_2(item)
    if not isinstance(value, dict):
        return
    if value.get("class_name") == "InputLayer":
        old = value["config"]
        shape = old.get("batch_shape")
        value["config"] = {"batch_input_shape": shape, "dtype": "float32", "sparse": False, "ragged": False, "name": old["name"]}
    if isinstance(value.get("dtype"), dict):
        value["dtype"] = "float32"
    value.pop("quantization_config", None)
    if isinstance(nodes := value.get("inbound_nodes"), list):
        value["inbound_nodes"] = [
            [[*tensor["config"]["keras_history"], {}] for tensor in _tensors(node["args"])] for node in nodes
        ]
    for item in list(value.values()):
        _walk_to_keras_2(item)


def _tensors(arguments: list[Any]) -> list[Any]:
    return arguments[0] if isinstance(arguments[0], list) else arguments


def as_keras_1(model: keras.Model, backend: str = "tensorflow") -> bytes:
    """Return an HDF5 file in the format of Keras 1 for a Sequential model of Flatten, Dense and convolution layers."""
    stream, config = io.BytesIO(), []
    with h5py.File(stream, "w") as file:
        file.attrs["keras_version"] = b"1.2.2"
        weights = file.create_group("model_weights")
        weights.attrs["backend"] = backend.encode()
        names = []
        for layer in model.layers:
            old: dict[str, Any] = {"name": layer.name, "trainable": True}
            match type(layer).__name__:
                case "Dense":
                    kind = "Dense"
                    old |= {"output_dim": layer.units, "init": "glorot_uniform", "activation": layer.activation.__name__}
                    old |= {"W_regularizer": None, "b_regularizer": None, "W_constraint": None, "bias": True, "input_dim": None}
                case "Conv2D":
                    kind, (rows, columns) = "Convolution2D", layer.kernel_size
                    old |= {"nb_filter": layer.filters, "nb_row": rows, "nb_col": columns, "border_mode": layer.padding}
                    old |= {"subsample": [1, 1], "dim_ordering": "tf", "activation": layer.activation.__name__, "bias": True}
                case "Dropout":
                    kind = "Dropout"
                    old |= {"p": layer.rate}
                case name:
                    kind = name
            if not config:
                old |= {"batch_input_shape": list(model.input_shape), "input_dtype": "float32"}
            config.append({"class_name": kind, "config": old})
            group = weights.create_group(layer.name)
            parts = [f"{layer.name}_W", f"{layer.name}_b"][: len(layer.get_weights())]
            for part, value in zip(parts, layer.get_weights(), strict=True):
                group[part] = value[::-1, ::-1] if backend == "theano" and value.ndim == 4 else value
            group.attrs["weight_names"] = [part.encode() for part in parts]
            names.append(layer.name.encode())
        weights.attrs["layer_names"] = names
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": config}).encode()
    return stream.getvalue()


def with_group_names(content: bytes, rename: Callable[[str], str]) -> bytes:
    """Return a .keras file in which the arrays of the weights have other names."""
    members = fuzz.read_zip(content)
    renamed = io.BytesIO()
    with h5py.File(io.BytesIO(members["model.weights.h5"])) as old, h5py.File(renamed, "w") as new:

        def copy(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                new[rename(name)] = item[()]

        old.visititems(copy)
    return pack(members | {"model.weights.h5": renamed.getvalue()})


def as_windows(name: str) -> str:
    """Return the name that Keras wrote on Windows."""
    return name.replace("layers/", "layers\\")


def as_keras_2_13(name: str) -> str:
    """Return the name that Keras 2.13 wrote."""
    return name.replace("layers/", "_layer_checkpoint_dependencies/")
