"""Takes pictures of a network while it is trained."""

import keras
import numpy as np

from digitcore.images import SIDE
from digitcore.models.network_spec import N_CLASSES
from digitcore.training.snapshots import MAX_SNAPSHOTS, Snapshots

MAX_FILTERS, MAX_MAPS = 16, 6


class SnapshotRecorder:
    """Collects the snapshots of one training.

    Args:
        epochs: of the training; of more than `MAX_SNAPSHOTS` some are skipped, evenly.
        images: (N, 28, 28, 1) float32, the validation digits.
        targets: (N, 10) float32.
    """

    def __init__(self, epochs: int, images: np.ndarray, targets: np.ndarray):
        self._wanted = set(np.linspace(0, epochs, min(epochs + 1, MAX_SNAPSHOTS)).round().astype(int).tolist())
        self._labels = targets.argmax(1)
        first = [int(np.flatnonzero(self._labels == label)[0]) for label in range(N_CLASSES) if (self._labels == label).any()]
        self._digits = images[first] if len(first) == N_CLASSES else None
        self._first_layer: keras.Model | None = None
        self._taken: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def add(self, epoch: int, model: keras.Model, probabilities: np.ndarray) -> None:
        """Take a snapshot, where this epoch is one of those wanted.

        Args:
            epoch: how many are done.
            model: with the weights of this moment.
            probabilities: (N, 10), its predictions of the validation digits.
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
        """(10, M, H, W) float, the first layer's maps after its activation."""
        if self._first_layer is None:
            self._first_layer = keras.Model(model.inputs[0], _first_output(model))
        output = np.asarray(self._first_layer(self._digits, training=False))
        if output.ndim == 2:
            return output[:, None, None, :]
        return np.moveaxis(output, -1, 1)[:, :MAX_MAPS]

    def result(self) -> bytes:
        """All of them as the file of `Snapshots.to_bytes`; b"" where there are none."""
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
    """(F, h, w) float, the first layer's weights as pictures; None where they are none."""
    weights = next((np.asarray(layer.kernel) for layer in model.layers if hasattr(layer, "kernel")), None)
    if weights is None:
        return None
    if weights.ndim == 4:
        return np.moveaxis(weights[:, :, 0, :MAX_FILTERS], -1, 0)
    return weights[:, :MAX_FILTERS].T.reshape(-1, SIDE, SIDE) if len(weights) == SIDE * SIDE else None


def _first_output(model: keras.Model) -> keras.KerasTensor:
    """What the first layer with weights gives, after the normalization and the activation that follow it."""
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
    """Weights as uint8: 128 is 0, and the largest size of each epoch has the full contrast."""
    largest = np.abs(weights).max(axis=(1, 2, 3), keepdims=True)
    return np.asarray((128 + 127 * weights / np.maximum(largest, 1e-9)).round().clip(0, 255).astype(np.uint8))
