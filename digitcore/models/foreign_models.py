"""Models that other people saved: `.keras` files of Keras 2 and 3, and HDF5 files of Keras 1 to 3 (`.h5`, `.hdf5`).

Only the sandbox opens them. This module imports Keras.
"""

import contextlib
import io
import math
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from digitcore.errors import ModelError
from digitcore.models import upload
from digitcore.models.file_kinds import is_hdf5
from digitcore.models.hdf5_check import read_config

WEIGHTS_GROUP = "model_weights"
OLD_CONTAINERS = ("_layer_checkpoint_dependencies", "_self_tracked_trackables")  # names of Keras 2 for the group “layers”
KERAS_1 = "1"


def load(content: bytes) -> keras.Model:
    """Open a model in Keras's safe mode.

    Args:
        content: Content of a file that `upload.check` and `hdf5_check.check_file` have accepted.

    Returns:
        The Keras model, not compiled.

    Raises:
        ModelError: If the model has too many weights, or the file is an HDF5 file with a configuration that is not allowed, or
            weights that do not fit.
        ValueError: If Keras cannot build the model. Keras may raise other errors, too.

    Example:
        >>> from digitcore import models
        >>> load(models.load("mlp").keras_bytes).count_params()
        238510
    """
    with _limited_weights():
        if is_hdf5(content):
            with h5py.File(io.BytesIO(content), "r") as file:
                return open_hdf5(file)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.keras"
            file.write_bytes(_with_modern_weights(content))
            return keras.saving.load_model(file, compile=False, safe_mode=True)


@contextlib.contextmanager
def _limited_weights() -> Iterator[None]:
    """Reject a model with too many weights before Keras allocates them, even if `size_estimate` has not counted them."""
    add_weight, n_weights = keras.layers.Layer.add_weight, 0

    def add_limited(layer: Any, *args: Any, **options: Any) -> Any:
        nonlocal n_weights
        n_weights += math.prod(options.get("shape") or (args[0] if args else ()))
        if n_weights > upload.MAX_WEIGHTS:
            raise ModelError(f"The model has more than {upload.MAX_WEIGHTS:,} weights. Use a smaller model.")
        return add_weight(layer, *args, **options)

    keras.layers.Layer.add_weight = add_limited
    try:
        yield
    finally:
        keras.layers.Layer.add_weight = add_weight


def _with_modern_weights(content: bytes) -> bytes:
    """Return a .keras file whose weights have the names of Keras 3."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return upload.pack(members | {upload.WEIGHTS_FILE: repair_weights(members[upload.WEIGHTS_FILE])})


def open_hdf5(file: h5py.File) -> keras.Model:
    """Build the model of an HDF5 file and set its weights.

    Args:
        file: An untrusted file, whose links and data are checked.

    Returns:
        The Keras model.

    Raises:
        ModelError: If the configuration is not allowed, or the weights do not fit.

    Example:
        >>> open_hdf5(h5py.File("mine.h5"))  # doctest: +SKIP
    """
    model = keras.saving.deserialize_keras_object(read_config(file), safe_mode=True)
    group = file.get(WEIGHTS_GROUP, file)
    version = _text(group.attrs.get("keras_version", file.attrs.get("keras_version", KERAS_1)))
    backend = _text(group.attrs.get("backend", file.attrs.get("backend", "")))
    for layer in model.layers:
        variables = layer.trainable_weights + layer.non_trainable_weights
        if variables:
            _set_weights(layer, variables, group, is_keras_1=version.startswith(KERAS_1), is_theano=backend == "theano")
    return model


def _set_weights(layer: Any, variables: list[Any], group: h5py.Group, *, is_keras_1: bool, is_theano: bool) -> None:
    if layer.name not in group:
        raise ModelError(f"The file has no weights for the layer “{layer.name}”. Save the model again.")
    values = [np.asarray(group[layer.name][name]) for name in _names(group[layer.name], "weight_names")]
    if isinstance(layer, keras.layers.Conv2D):
        if is_keras_1 and layer.data_format == "channels_first":
            values[0] = values[0].transpose(2, 3, 1, 0)
        if is_theano:  # Theano rotates the kernel by half a turn.
            values[0] = values[0][::-1, ::-1]
    found, expected = [value.shape for value in values], [tuple(variable.shape) for variable in variables]
    if found != expected:
        raise ModelError(
            f"The weights of the layer “{layer.name}” have the shapes {found}, and its configuration needs {expected}. "
            "Save the model again."
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    for part in layer._flatten_layers():
        if isinstance(part, keras.layers.Normalization):
            part.finalize_state()  # It computes with copies of its weights.


def _names(group: h5py.Group, attribute: str) -> list[str]:
    """Return an attribute of names. Keras splits a long attribute into numbered parts."""
    if attribute in group.attrs:
        return [_text(name) for name in group.attrs[attribute]]
    names, number = [], 0
    while f"{attribute}{number}" in group.attrs:
        names += [_text(name) for name in group.attrs[f"{attribute}{number}"]]
        number += 1
    return names


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def repair_weights(content: bytes) -> bytes:
    """Return a weights file of a `.keras` file with the group names of Keras 3.

    Keras on Windows wrote backslashes into the names, and Keras 2 named the layers differently.

    Args:
        content: Content of `model.weights.h5`, whose links and data are checked.

    Returns:
        The content with the names of Keras 3. It is the same if all names are modern.

    Example:
        >>> from digitcore.models import load
        >>> import zipfile
        >>> weights = zipfile.ZipFile(io.BytesIO(load("mlp").keras_bytes)).read("model.weights.h5")
        >>> repair_weights(weights) == weights
        True
    """
    stream = io.BytesIO(content)
    with h5py.File(stream, "r+") as file:
        names: list[str] = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        changed = {name: modern for name, modern in modern_names(names).items() if name != modern}
        if not changed:
            return content
        for name, modern in changed.items():
            file.move(name, f"renamed/{modern}")  # A new name may still be the old name of another array.
        for modern in changed.values():
            file.move(f"renamed/{modern}", modern)
    return stream.getvalue()


def modern_names(names: list[str]) -> dict[str, str]:
    """Return the name that Keras 3 gives to each array of a weights file.

    Keras 2.13 counted some layers twice: the second dense layer was named `dense_2`.

    Args:
        names: Names of the arrays in the file.

    Returns:
        The modern name of each array.

    Example:
        >>> modern_names([r"layers\\dense/vars/0"])
        {'layers\\\\dense/vars/0': 'layers/dense/vars/0'}
        >>> old = "_layer_checkpoint_dependencies"
        >>> list(modern_names([f"{old}/dense/vars/0", f"{old}/dense_2/vars/0"]).values())
        ['layers/dense/vars/0', 'layers/dense_1/vars/0']
    """
    split = {name: name.replace("\\", "/").split("/") for name in names}
    siblings: dict[tuple[str, ...], set[str]] = {}
    for parts in split.values():
        for i, part in enumerate(parts[:-1]):
            if part in OLD_CONTAINERS:
                siblings.setdefault(tuple(parts[: i + 1]), set()).add(parts[i + 1])
    new_names = {folder: _consecutive(layers) for folder, layers in siblings.items()}
    modern = {}
    for name, parts in split.items():
        changed = ["layers" if part in OLD_CONTAINERS else part for part in parts]
        for folder, layers in new_names.items():
            if tuple(parts[: len(folder)]) == folder and len(parts) > len(folder):
                changed[len(folder)] = layers[parts[len(folder)]]
        modern[name] = "/".join(changed)
    return modern


def _consecutive(layers: set[str]) -> dict[str, str]:
    """Return names that are numbered without gaps, in the same order: dense, dense_1, dense_2."""
    groups: dict[str, list[tuple[int, str]]] = {}
    for name in layers:
        base, _, number = name.rpartition("_")
        is_numbered = bool(base) and number.isdecimal()
        groups.setdefault(base if is_numbered else name, []).append((int(number) if is_numbered else 0, name))
    return {
        name: f"{base}_{i}" if i else base
        for base, numbered in groups.items()
        for i, (_number, name) in enumerate(sorted(numbered))
    }
