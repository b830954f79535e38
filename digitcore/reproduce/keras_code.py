"""The layers of a .keras file as Python code. The file is read as text, so that the server needs no Keras."""

import io
import json
import zipfile
from typing import Any

from digitcore.errors import ZIP_ERRORS, ModelError

DEFAULTS: dict[str, Any] = {  # arguments of Keras's layers that need not be written
    "strides": [1, 1],
    "padding": "valid",
    "data_format": "channels_last",
    "dilation_rate": [1, 1],
    "groups": 1,
    "activation": "linear",
    "use_bias": True,
    "axis": -1,
    "epsilon": 0.001,
    "center": True,
    "scale": True,
    "synchronized": False,
    "negative_slope": 0.0,
    "threshold": 0.0,
    "offset": 0.0,
}
UNUSED = ("name", "trainable", "dtype", "seed", "build_config")


def layers(keras_file: bytes) -> list[str]:
    """Return the layers of a sequential network as calls of Keras, without the input layer.

    Args:
        keras_file: Content of a .keras file.

    Returns:
        One call for each layer. The list is empty if the network is not sequential, or has a layer that is not Keras's own.

    Raises:
        ModelError: If the file is damaged.

    Example:
        >>> from digitcore.models import registry
        >>> layers(registry.load("mlp").keras_bytes)[1:3]
        ['keras.layers.Flatten()', "keras.layers.Dense(units=300, activation='relu')"]
    """
    try:
        with zipfile.ZipFile(io.BytesIO(keras_file)) as archive:
            model = json.loads(archive.read("config.json"))
    except ZIP_ERRORS as error:
        raise ModelError("The .keras file of the initial model is damaged. Export or download the model again.") from error
    if model.get("class_name") != "Sequential":
        return []
    found = [layer for layer in model["config"]["layers"] if layer["class_name"] != "InputLayer"]
    if not all(_is_plain(layer) for layer in found):
        return []
    return [_call(layer["class_name"], layer["config"]) for layer in found]


def _is_plain(layer: dict[str, Any]) -> bool:
    """Return whether a layer is one of Keras's own. The names come from a file that may be untrusted, and become code."""
    names = [layer["class_name"], *layer["config"]]
    return layer["module"] == "keras.layers" and not layer.get("registered_name") and all(map(str.isidentifier, names))


def _call(kind: str, config: dict[str, Any]) -> str:
    arguments = {
        name: value for name, value in config.items() if name not in UNUSED and not _is_default(kind, name, value, config)
    }
    return f"keras.layers.{kind}({', '.join(f'{name}={_text(value)}' for name, value in arguments.items())})"


def _is_default(kind: str, name: str, value: Any, config: dict[str, Any]) -> bool:
    if value is None or isinstance(value, dict):  # Dictionaries are initializers. The weights are set or drawn again.
        return True
    if name == "strides" and "pool_size" in config:
        return bool(value == config["pool_size"])
    if name == "scale" and kind == "Rescaling":
        return False
    return name in DEFAULTS and bool(value == DEFAULTS[name])


def _text(value: Any) -> str:
    return repr(tuple(value) if isinstance(value, list) else value)
