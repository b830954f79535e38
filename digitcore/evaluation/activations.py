"""Activations of a network's layers. The functions load Keras: they run on the worker."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digitcore import mnist
from digitcore.models.bundle import ModelBundle

if TYPE_CHECKING:
    import keras

LAYER_TYPES = {  # that are shown
    "Conv2D": "Convolution",
    "ReLU": "ReLU",
    "Activation": "Activation",
    "MaxPooling2D": "Pooling",
    "Dense": "Dense",
}
PROBE_SIZE = 500  # MNIST digits by which dead units are found
MAX_MAPS = 12  # of one layer


@dataclass(frozen=True, eq=False)
class LayerActivation:
    """One layer's activation for a digit.

    Attributes:
        name: number and type.
        n_units: number of feature maps, or of units of a dense layer.
        maps: (K, H, W) uint8, the K ≤ 12 maps of the largest variance; a dense layer is one map of one row.
        dead_share: share of the units that stay 0 for each of 500 MNIST digits, 0 to 1; None where there is no ReLU.
    """

    name: str
    n_units: int
    maps: np.ndarray
    dead_share: float | None


def layer_activations(bundle: ModelBundle, digit: np.ndarray) -> list[LayerActivation]:
    """The activation of each layer that computes, for a digit of (28, 28) uint8, from the first to the last.

    Raises:
        ModelError: when Keras cannot open the model.
        DatasetNotFoundError: when MNIST is not here and cannot be downloaded.
    """
    import keras

    from digitcore.models import keras_io

    model = keras_io.open_model(bundle)
    shown = [layer for layer in model.layers if type(layer).__name__ in LAYER_TYPES and not _is_linear_convolution(layer)]
    multi_output = keras.Model(model.inputs, [layer.output for layer in shown])
    digits = np.concatenate([digit[None], mnist.load().validation[0][:PROBE_SIZE]])[..., None].astype(np.float32)
    outputs = [np.asarray(output) for output in multi_output.predict_on_batch(digits)]
    return [
        _summarize(f"{number}. {LAYER_TYPES[type(layer).__name__]}", layer, output)
        for number, (layer, output) in enumerate(zip(shown, outputs, strict=True), 1)
    ]


def features(bundle: ModelBundle, digits: np.ndarray) -> np.ndarray:
    """The input of a model's last layer: (N, 28, 28) uint8 → (N, D) float32.

    Raises:
        ModelError: when Keras cannot open the model.
    """
    import keras

    from digitcore.models import keras_io

    model = keras_io.open_model(bundle)
    truncated = keras.Model(model.inputs, model.layers[-1].input)
    return keras_io.predict_in_batches(truncated, digits[..., None].astype(np.float32)).reshape(len(digits), -1)


def unit_features(bundle: ModelBundle, digits: np.ndarray) -> np.ndarray:
    """`features` with each row scaled to length 1: what is no digit has small ones, near to all."""
    found = features(bundle, digits)
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9))


def dead_unit_share(model: "keras.Model", digits: np.ndarray) -> float | None:
    """Share of the ReLU units, or feature maps, that are 0 for each of some digits, 0 to 1; None where there is no ReLU.

    Args:
        model: built of layers in a row.
        digits: (N, 28, 28, 1) float32, 0 to 255.
    """
    import keras

    outputs = [layer.output for layer in model.layers if _is_relu(layer)]
    if not outputs:
        return None
    found = keras.Model(model.inputs[0], outputs)(digits, training=False)
    highest = [np.asarray(one).reshape(-1, one.shape[-1]).max(0) for one in (found if isinstance(found, list) else [found])]
    return float((np.concatenate(highest) <= 0).mean())


def _is_relu(layer: "keras.Layer") -> bool:
    import keras

    return isinstance(layer, keras.layers.ReLU) or getattr(layer, "activation", None) is keras.activations.relu


def _is_linear_convolution(layer: "keras.Layer") -> bool:
    """A convolution whose ReLU follows as a layer of its own."""
    import keras

    return isinstance(layer, keras.layers.Conv2D) and layer.activation is keras.activations.linear


def _summarize(name: str, layer: "keras.Layer", outputs: np.ndarray) -> LayerActivation:
    """One layer's outputs, (1 + 500, …, units): the first is the digit's."""
    n_units = outputs.shape[-1]
    own, probes = outputs[0], outputs[1:].reshape(-1, n_units)
    if own.ndim == 1:
        maps = own[None, None]
    else:
        by_variance = np.argsort(-own.std((0, 1)), kind="stable")[:MAX_MAPS]
        maps = np.moveaxis(own[..., np.sort(by_variance)], -1, 0)
    low, high = maps.min(), maps.max()
    scaled = (maps - low) * (255 / max(high - low, 1e-6))
    dead_share = float((probes.max(0) <= 0).mean()) if _is_relu(layer) else None
    return LayerActivation(name, n_units, scaled.round().astype(np.uint8), dead_share)
