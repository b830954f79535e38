"""Opening, saving, adapting and exporting Keras models. Loads Keras: for the worker, the command line and scripts."""

import datetime
import importlib.metadata
import platform
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from digitcore import mnist
from digitcore.errors import ModelError
from digitcore.models import litert, networks
from digitcore.models.bundle import ModelBundle, ModelCard, checksums

PREDICTION_BATCH = 500  # digits
PROBE_SIZE = 200  # digits by which an imported model's inputs and outputs are recognized
PROBE_BATCH = 50
MAX_PROBE_SECONDS = 0.5  # of the processor for one digit by Keras: what takes longer is far too slow
INPUT_SHAPE = (28, 28, 1)
ACCEPTED_SHAPES = (INPUT_SHAPE, (28, 28), (784,))  # of an imported model's inputs
IMPORTED_NETWORK = "imported"
NOT_A_DIGIT_MODEL = "The model must turn one picture of 28 × 28 into ten numbers; this one does not."
PACKAGES = ("tensorflow", "keras", "numpy", "ai-edge-litert")  # whose versions a card holds


def random_model(network: str, *, name: str = "untrained", seed: int = 0) -> ModelBundle:
    """A model with random weights.

    Raises:
        ModelError: when there is no such network.
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
    """The Keras model of a bundle, not compiled.

    Raises:
        ModelError: when Keras cannot open it.
    """
    return open_keras(bundle.keras_bytes, bundle.name, compile=False)


def open_keras(keras_bytes: bytes, name: str, *, compile: bool = True) -> keras.Model:
    """A Keras model from the bytes of its file, in Keras's safe mode; compiled if it was saved so and `compile` is True.

    Raises:
        ModelError: when Keras cannot open it.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        file.write_bytes(keras_bytes)
        try:
            return keras.saving.load_model(file, compile=compile, safe_mode=True)
        except (ValueError, OSError) as error:
            raise ModelError(f"The model “{name}” cannot be opened by Keras.") from error


def save_keras(model: keras.Model, *, include_optimizer: bool = False) -> bytes:
    """The bytes of a .keras file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        model.save(file, include_optimizer=include_optimizer)
        return file.read_bytes()


def to_bundle(model: keras.Model, card: ModelCard) -> ModelBundle:
    """Export a Keras model to both of its files."""
    return _bundle(model, card, litert.convert(model))


def to_bundle_like(
    parent: ModelBundle, before: keras.Model, model: keras.Model, card: ModelCard, digits: np.ndarray
) -> ModelBundle:
    """Export a model that differs from its parent in its weights alone: a hundred times as quick where they can be replaced.

    Args:
        parent, before: the parent and its Keras model.
        model: with the same layers.
        card: of the new model.
        digits: (N, 28, 28, 1) uint8, on which both files must agree.
    """
    patched = litert.replace_weights(parent.tflite_bytes, before, model, digits)
    return _bundle(model, card, patched) if patched else to_bundle(model, card)


def _bundle(model: keras.Model, card: ModelCard, tflite_bytes: bytes) -> ModelBundle:
    keras_bytes = save_keras(model)
    return ModelBundle(replace(card, sha256=checksums(keras_bytes, tflite_bytes)), keras_bytes, tflite_bytes)


def to_onnx(bundle: ModelBundle) -> bytes:
    """The model as an ONNX file, with the same inputs and outputs.

    Raises:
        ModelError: when Keras cannot open it.
    """
    model = open_model(bundle)
    model(np.zeros((1, *INPUT_SHAPE), np.float32))  # the export requires a model that was called
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        model.export(file, format="onnx", verbose=False)
        return file.read_bytes()


def adapt(keras_bytes: bytes, name: str) -> ModelBundle:
    """An imported model, adapted to our inputs and outputs: 28 × 28 × 1 pixels from 0 to 255 in, ten probabilities out.

    Pixels from 0 to 1, other input shapes and logits are recognized by the predictions for MNIST's validation digits.

    Raises:
        ModelError: when Keras cannot open it, or it is no model of digits.
        DatasetNotFoundError: when MNIST is not here and cannot be downloaded.
    """
    model = open_keras(keras_bytes, name, compile=False)
    if len(model.inputs) != 1 or len(model.outputs) != 1 or model.outputs[0].shape[1:] != (10,):
        raise ModelError(NOT_A_DIGIT_MODEL)
    shape = tuple(model.inputs[0].shape[1:])
    if shape not in ACCEPTED_SHAPES:
        raise ModelError(NOT_A_DIGIT_MODEL)
    _check_speed(model, shape)
    digits, labels = (part[:PROBE_SIZE] for part in mnist.load().validation)
    outputs = {
        scale: predict_in_batches(model, (digits * scale).reshape(-1, *shape).astype(np.float32), PROBE_BATCH)
        for scale in (1.0, 1 / 255)
    }
    if not all(np.isfinite(output).all() for output in outputs.values()):
        raise ModelError("The model's outputs are not numbers: its weights are damaged.")
    scale = max(outputs, key=lambda candidate: (outputs[candidate].argmax(1) == labels).mean())
    is_softmax = bool(np.allclose(outputs[scale].sum(1), 1, atol=1e-3) and (outputs[scale] >= 0).all())
    if (shape, scale, is_softmax) != (INPUT_SHAPE, 1.0, True):
        inputs = keras.Input(INPUT_SHAPE, name="digit")
        inner = keras.layers.Rescaling(scale)(keras.layers.Reshape(shape)(inputs))
        model = keras.Model(inputs, model(inner) if is_softmax else keras.layers.Softmax()(model(inner)))
    card = ModelCard(
        name=name,
        network=IMPORTED_NETWORK,
        parameters=model.count_params(),
        trained=True,
        **provenance(),
    )
    return to_bundle(model, card)


def _check_speed(model: keras.Model, shape: tuple[int, ...]) -> None:
    one = np.zeros((1, *shape), np.float32)
    model(one)
    begin = time.process_time()
    model(one)
    if time.process_time() - begin > MAX_PROBE_SECONDS:
        raise ModelError("The model is far too slow for a drawing that is read after each stroke. Give a smaller one.")


def predict_in_batches(model: keras.Model, images: np.ndarray, batch_size: int = PREDICTION_BATCH) -> np.ndarray:
    """(N, …) float32 → (N, units) float32, in batches of one size, so that one graph is traced."""
    return np.concatenate([model.predict_on_batch(images[i : i + batch_size]) for i in range(0, len(images), batch_size)])


def provenance() -> dict[str, Any]:
    """Versions, machine and date for a card."""
    return {
        "versions": {name: _version(name) for name in PACKAGES} | {"python": platform.python_version()},
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
