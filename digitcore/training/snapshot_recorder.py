"""Recording of snapshots while a network is trained."""

import keras
import numpy as np

from digitcore.images import SIDE
from digitcore.models.network_spec import N_CLASSES
from digitcore.training.snapshots import MAX_SNAPSHOTS, Snapshots

MAX_FILTERS, MAX_MAPS = 16, 6
PARTS = ("kernels", "activations", "confusions")


class SnapshotRecorder:
    """A recorder that collects the snapshots of one training.

    Args:
        epochs: Number of epochs of the training. At most `MAX_SNAPSHOTS` of them are recorded, evenly spaced.
        images: Validation digits, shape (N, 28, 28, 1), float32.
        targets: One-hot labels of the digits, shape (N, 10), float32.

    Example:
        >>> from digitcore import models
        >>> from digitcore.models import keras_io
        >>> images, targets = np.zeros((10, 28, 28, 1), np.float32), np.eye(10, dtype=np.float32)
        >>> recorder = SnapshotRecorder(2, images, targets)
        >>> recorder.add(1, keras_io.open_model(models.load("mlp")), targets)
        >>> Snapshots.from_bytes(recorder.result()).epochs
        array([1.], dtype=float32)
    """

    def __init__(self, epochs: int, images: np.ndarray, targets: np.ndarray):
        self._wanted = set(np.linspace(0, epochs, min(epochs + 1, MAX_SNAPSHOTS)).round().astype(int).tolist())
        self._labels = targets.argmax(1)
        first = [int(np.flatnonzero(self._labels == label)[0]) for label in range(N_CLASSES) if (self._labels == label).any()]
        self._digits = images[first] if len(first) == N_CLASSES else None
        self._first_layer: keras.Model | None = None
        self._taken: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def add(self, epoch: int, model: keras.Model, probabilities: np.ndarray) -> None:
        """Record a snapshot if it is due after this epoch.

        Args:
            epoch: Number of completed epochs.
            model: The model with its present weights.
            probabilities: Its predictions for the validation digits, shape (N, 10), float32.

        Example:
            >>> recorder = SnapshotRecorder(100, np.zeros((10, 28, 28, 1), np.float32), np.eye(10))
            >>> recorder.add(1, model=None, probabilities=np.eye(10))  # is not due
            >>> recorder.result()
            b''
        """
        if epoch not in self._wanted or self._digits is None:
            return
        kernel = _first_kernel(model)
        if kernel is None:
            return
        confusion = np.zeros((N_CLASSES, N_CLASSES), np.int32)
        np.add.at(confusion, (self._labels, probabilities.argmax(1)), 1)
        self._taken[epoch] = kernel, self._activate(model), confusion

    def _activate(self, model: keras.Model) -> np.ndarray:
        """Return the feature maps of the first layer after its activation, shape (10, M, H, W), float."""
        if self._first_layer is None:
            self._first_layer = keras.Model(model.inputs[0], _first_output(model))
        output = np.asarray(self._first_layer(self._digits, training=False))
        if output.ndim == 2:
            return output[:, None, None, :]
        return np.moveaxis(output, -1, 1)[:, :MAX_MAPS]

    def state(self) -> dict[str, np.ndarray]:
        """Return the recorded snapshots as arrays by name, for `restore`.

        Example:
            >>> SnapshotRecorder(2, np.zeros((10, 28, 28, 1), np.float32), np.eye(10)).state()
            {}
        """
        if not self._taken:
            return {}
        parts = zip(*self._taken.values(), strict=True)
        return {"epochs": np.array(list(self._taken)), **{name: np.stack(part) for name, part in zip(PARTS, parts, strict=True)}}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Replace the recorded snapshots by the snapshots that `state` returned."""
        if state:
            taken = zip(*(state[name] for name in PARTS), strict=True)
            self._taken = {int(epoch): part for epoch, part in zip(state["epochs"], taken, strict=True)}

    def result(self) -> bytes:
        """Return the bytes of `Snapshots.to_bytes`, or b"" if there are no snapshots.

        Example:
            >>> SnapshotRecorder(2, np.zeros((10, 28, 28, 1), np.float32), np.eye(10)).result()
            b''
        """
        if not self._taken or self._digits is None:
            return b""
        kernels, activations, confusions = (np.stack(parts) for parts in zip(*self._taken.values(), strict=True))
        highest = max(float(activations.max()), 1e-9)
        return Snapshots(
            np.array(list(self._taken), np.float32),
            self._digits[..., 0].astype(np.uint8),
            _to_grey(kernels),
            (activations.clip(0) * (255 / highest)).round().astype(np.uint8),
            confusions,
        ).to_bytes()


def _first_kernel(model: keras.Model) -> np.ndarray | None:
    """Return the weights of the first layer as images, shape (F, h, w), float, or None if they cannot be shown as images."""
    weights = next((np.asarray(layer.kernel) for layer in model.layers if hasattr(layer, "kernel")), None)
    if weights is None:
        return None
    if weights.ndim == 4:
        return np.moveaxis(weights[:, :, 0, :MAX_FILTERS], -1, 0)
    return weights[:, :MAX_FILTERS].T.reshape(-1, SIDE, SIDE) if len(weights) == SIDE * SIDE else None


def _first_output(model: keras.Model) -> keras.KerasTensor:
    """Return the output of the first layer with weights, after the normalization and the activation that follow it."""
    last = next(number for number, layer in enumerate(model.layers) if hasattr(layer, "kernel"))
    if not _is_linear(model.layers[last]):
        return model.layers[last].output
    for layer in model.layers[last + 1 :]:
        if type(layer).__name__ in ("ReLU", "Activation"):
            return layer.output
        if type(layer).__name__ not in ("BatchNormalization", "MaxPooling2D"):
            break
    return model.layers[last].output


def _is_linear(layer: keras.Layer) -> bool:
    return getattr(layer.activation, "__name__", "") == "linear"


def _to_grey(weights: np.ndarray) -> np.ndarray:
    """Convert weights to uint8: 128 is 0, and the largest absolute weight of each epoch has full contrast."""
    largest = np.abs(weights).max(axis=(1, 2, 3), keepdims=True)
    return np.asarray((128 + 127 * weights / np.maximum(largest, 1e-9)).round().clip(0, 255).astype(np.uint8))
