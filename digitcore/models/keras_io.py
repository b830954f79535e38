"""Opening, saving and export of Keras models. This module imports Keras: only the worker, the CLI and scripts use it."""

import contextlib
import datetime
import importlib.metadata
import io
import json
import platform
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from digitcore.code_version import code_version
from digitcore.errors import ModelError
from digitcore.models import litert, networks, reader
from digitcore.models.bundle import ModelBundle, ModelCard, checksums

PREDICTION_BATCH = 500  # digits
INPUT_SHAPE = (28, 28, 1)
IMPORTED_NETWORK = "imported"
ONNX_OPSET, ONNX_IR = 15, 8
REMOVED_KEYS = {"config.json": "compile_config", "metadata.json": "date_saved"}  # by the members of a .keras file
NEW_KEYS = {  # keys of a configuration that Keras 3.0 does not know → their defaults
    "input_axes": None,
    "optional": False,
    "output_axes": None,
    "quantization_config": None,
    "ragged": False,
    "renorm": False,
    "renorm_clipping": None,
    "renorm_momentum": 0.99,
}
PACKAGES = ("tensorflow", "keras", "numpy", "ai-edge-litert")  # packages whose versions a card holds


def random_model(network: str, *, name: str = "untrained", seed: int = 0) -> ModelBundle:
    """Build a model with random weights.

    Args:
        network: A registered name, or the JSON of a `NetworkSpec`.
        name: Name of the model.
        seed: Seed of the weights.

    Returns:
        The model.

    Raises:
        ModelError: If no network has this name, or the JSON is invalid.

    Example:
        >>> random_model("mlp", seed=1)
        ModelBundle('untrained', network='mlp', parameters=238510, trained=False, mnist_accuracy=None)
    """
    model = networks.build(network, seed)
    card = ModelCard(
        name=name,
        network=network,
        parameters=model.count_params(),
        settings={"seed": seed},
        **provenance(),
    )
    return to_bundle(model, card)


def open_model(bundle: ModelBundle) -> keras.Model:
    """Open the Keras model of a bundle.

    Args:
        bundle: The model.

    Returns:
        A Keras model that is not compiled.

    Raises:
        ModelError: If Keras cannot open the file.

    Example:
        >>> from digitcore import models
        >>> open_model(models.load("mlp")).count_params()
        238510
    """
    return open_keras(reader.check_trainable(bundle).keras_bytes, bundle.name)


def open_keras(keras_bytes: bytes, name: str) -> keras.Model:
    """Open a .keras file in Keras's safe mode.

    Args:
        keras_bytes: Content of the file.
        name: Name of the model, for the error message.

    Returns:
        A Keras model that is not compiled.

    Raises:
        ModelError: If Keras cannot open the file.

    Example:
        >>> from digitcore import models
        >>> open_keras(models.load("mlp").keras_bytes, "mlp").output_shape
        (None, 10)
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        file.write_bytes(keras_bytes)
        try:
            return keras.saving.load_model(file, compile=False, safe_mode=True)
        except (ValueError, OSError) as error:
            raise ModelError(f"Keras cannot open the model “{name}”. Save it again with Keras 3.") from error


def save_keras(model: keras.Model) -> bytes:
    """Return the content of a .keras file of a model. The file has no compile configuration and no optimizer state.

    The same network with the same weights gives the same file, because hashes of the file name a model.

    Args:
        model: The Keras model.

    Returns:
        The content of the file.

    Example:
        >>> save_keras(networks.build("mlp"))[:2]
        b'PK'
    """
    with tempfile.TemporaryDirectory() as folder, _without_optimizer(model):
        file = Path(folder) / "model.keras"
        model.save(file)
        return make_portable(file.read_bytes())


@contextlib.contextmanager
def _without_optimizer(model: keras.Model) -> Iterator[None]:
    """Detach the optimizer of a model: Keras 3 saves its state in .keras files even with `include_optimizer=False`."""
    optimizer, model.optimizer = getattr(model, "optimizer", None), None
    try:
        yield
    finally:
        model.optimizer = optimizer


def make_portable(keras_bytes: bytes) -> bytes:
    """Remove the dates of a .keras file, and the parts that older versions of Keras 3, or Keras alone, cannot read.

    The compile configuration may name a schedule of this library. Keys that Keras has added since 3.0 are removed if they have
    their default.

    Args:
        keras_bytes: Content of the file.

    Returns:
        Content of a file with the same layers and weights.

    Example:
        >>> from digitcore import models
        >>> portable = make_portable(models.load("mlp").keras_bytes)
        >>> make_portable(portable) == portable
        True
    """
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(keras_bytes)) as before, zipfile.ZipFile(made, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            if name in REMOVED_KEYS:
                values = {key: value for key, value in json.loads(content).items() if key != REMOVED_KEYS[name]}
                content = json.dumps(_without_new_keys(values)).encode()
            after.writestr(zipfile.ZipInfo(name), content)
    return made.getvalue()


def _without_new_keys(value: Any) -> Any:
    """Return a configuration without `NEW_KEYS` that have their default, and with data types by their names."""
    if isinstance(value, list):
        return [_without_new_keys(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "DTypePolicy":
        return value["config"]["name"]
    kept = {name: item for name, item in value.items() if name not in NEW_KEYS or item != NEW_KEYS[name]}
    return {name: _without_new_keys(item) for name, item in kept.items()}


def to_bundle(model: keras.Model, card: ModelCard) -> ModelBundle:
    """Export a Keras model to a .keras and a .tflite file.

    Args:
        model: A model that maps (N, 28, 28, 1) float32, 0 to 255, to (N, 10) probabilities.
        card: Card of the model. Its hashes are set.

    Returns:
        The model with both files.

    Example:
        >>> bundle = to_bundle(networks.build("mlp"), ModelCard("mine", "mlp", 238510))
        >>> sorted(bundle.card.sha256)
        ['model.keras', 'model.tflite']
    """
    return _bundle(model, card, litert.convert(model))


def to_bundle_like(
    parent: ModelBundle, before: keras.Model, model: keras.Model, card: ModelCard, digits: np.ndarray
) -> ModelBundle:
    """Export a model that differs from its parent only in its weights.

    Replacing the weights in the parent's .tflite file is about a hundred times as fast as a conversion.

    Args:
        parent: The model that the training started from.
        before: The Keras model of the parent.
        model: The trained Keras model, with the same layers.
        card: Card of the new model. Its hashes are set.
        digits: (N, 28, 28, 1) uint8, digits for which both files must give the same probabilities.

    Returns:
        The new model.

    Example:
        >>> from digitcore import models
        >>> parent, digits = models.load("mlp"), np.zeros((1, 28, 28, 1), np.uint8)
        >>> before = open_model(parent)
        >>> to_bundle_like(parent, before, before, parent.card, digits).hash == parent.hash
        True
    """
    patched = litert.replace_weights(parent.tflite_bytes, before, model, digits)
    return _bundle(model, card, patched) if patched else to_bundle(model, card)


def _bundle(model: keras.Model, card: ModelCard, tflite_bytes: bytes) -> ModelBundle:
    keras_bytes = save_keras(model)
    return ModelBundle(replace(card, sha256=checksums(keras_bytes, tflite_bytes)), keras_bytes, tflite_bytes)


def to_onnx(bundle: ModelBundle) -> bytes:
    """Convert a model to ONNX, with the same inputs and outputs. The conversion takes seconds.

    The file has the opset `ONNX_OPSET` and the IR version `ONNX_IR`, which ONNX Runtime 1.17 and newer versions open.

    Args:
        bundle: The model.

    Returns:
        The content of an .onnx file.

    Raises:
        ModelError: If Keras cannot open the model.

    Example:
        >>> from digitcore import models
        >>> onnx_bytes = to_onnx(models.load("mlp"))  # doctest: +SKIP
    """
    import onnx

    model = open_model(bundle)
    model(np.zeros((1, *INPUT_SHAPE), np.float32))  # The export requires a model that was called.
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "In the future `np.object`")  # Keras tests whether an old NumPy is installed.
        file = Path(folder) / "model.onnx"
        model.export(file, format="onnx", verbose=False, opset_version=ONNX_OPSET)
        exported = onnx.load(file)
    exported.ir_version = ONNX_IR
    content: bytes = exported.SerializeToString()
    return content


def predict_in_batches(model: keras.Model, images: np.ndarray, batch_size: int = PREDICTION_BATCH) -> np.ndarray:
    """Predict in batches of one size, so that Keras traces one graph.

    Args:
        model: The Keras model.
        images: (N, …) float32, inputs of the model.
        batch_size: Number of images in a batch.

    Returns:
        (N, units) float32, the outputs.

    Example:
        >>> predict_in_batches(networks.build("mlp"), np.zeros((3, 28, 28, 1), np.float32)).shape
        (3, 10)
    """
    return np.concatenate([model.predict_on_batch(images[i : i + batch_size]) for i in range(0, len(images), batch_size)])


def provenance() -> dict[str, Any]:
    """Return the attributes of a card that describe this machine and its packages.

    Returns:
        The attributes `versions`, `machine` and `date` of a `ModelCard`.

    Example:
        >>> sorted(provenance())
        ['date', 'machine', 'versions']
    """
    return {
        "versions": {
            **{name: _version(name) for name in PACKAGES},
            "python": platform.python_version(),
            "digitlab": code_version(),
        },
        "machine": f"{platform.system()} {platform.machine()}, CPU",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def _version(package: str) -> str:
    for name in (package, f"{package}-cpu"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"
