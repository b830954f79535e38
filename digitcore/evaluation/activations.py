"""Activations of a network's layers. The functions import Keras, so they run on the worker."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from digitcore import mnist
from digitcore.models.bundle import ModelBundle

if TYPE_CHECKING:
    import keras

LAYER_TYPES = {  # name on the pages by Keras class; layers of other classes are not shown
    "Conv2D": "Convolution",
    "ReLU": "ReLU",
    "Activation": "Activation",
    "MaxPooling2D": "Pooling",
    "Dense": "Dense",
}
PROBE_SIZE = 500  # MNIST digits for the detection of dead units
MAX_MAPS = 12  # maximum number of shown feature maps of a layer


@dataclass(frozen=True, eq=False)
class LayerActivation:
    """The activation of one layer for a digit.

    Attributes:
        name: Number and type of the layer.
        n_units: Number of feature maps, or of units of a dense layer.
        maps: (K, H, W) uint8, the K ≤ 12 feature maps with the largest variance. A dense layer has one map with one row.
        dead_share: Share of the units that are 0 for all of 500 MNIST digits, 0 to 1. None for a layer without ReLU.

    Example:
        >>> LayerActivation("1. Dense", 10, np.zeros((1, 1, 10), np.uint8), None)
        LayerActivation(name='1. Dense', n_units=10, dead_share=None)
    """

    name: str
    n_units: int
    maps: np.ndarray = field(repr=False)
    dead_share: float | None


def layer_activations(bundle: ModelBundle, digit: np.ndarray) -> list[LayerActivation]:
    """Compute the activation of each shown layer for a digit.

    Args:
        bundle: The model.
        digit: (28, 28) uint8, ink 255 on 0.

    Returns:
        The activations, from the first layer to the last.

    Raises:
        ModelError: If Keras cannot open the model.
        DatasetNotFoundError: If MNIST is not on this machine and cannot be downloaded.

    Example:
        >>> from digitcore import models
        >>> [layer.name for layer in layer_activations(models.load("mlp"), np.zeros((28, 28), np.uint8))]
        ['1. Dense', '2. Dense']
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
    """Compute the input of a model's last layer.

    Args:
        bundle: The model.
        digits: (N, 28, 28) uint8, ink 255 on 0.

    Returns:
        (N, D) float32, a feature vector for each digit.

    Raises:
        ModelError: If Keras cannot open the model.

    Example:
        >>> from digitcore import models
        >>> features(models.load("mlp"), np.zeros((3, 28, 28), np.uint8)).shape
        (3, 300)
    """
    import keras

    from digitcore.models import keras_io

    model = keras_io.open_model(bundle)
    truncated = keras.Model(model.inputs, model.layers[-1].input)
    return keras_io.predict_in_batches(truncated, digits[..., None].astype(np.float32)).reshape(len(digits), -1)


def unit_features(bundle: ModelBundle, digits: np.ndarray) -> np.ndarray:
    """Compute the input of a model's last layer, and scale each vector to length 1.

    Images without a digit have short feature vectors. Without the scaling, these vectors would be close to all other vectors.

    Args:
        bundle: The model.
        digits: (N, 28, 28) uint8, ink 255 on 0.

    Returns:
        (N, D) float32, a vector of length 1 for each digit.

    Raises:
        ModelError: If Keras cannot open the model.

    Example:
        >>> from digitcore import models
        >>> vectors = unit_features(models.load("mlp"), np.full((1, 28, 28), 255, np.uint8))
        >>> bool(np.isclose(np.linalg.norm(vectors), 1))
        True
    """
    found = features(bundle, digits)
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9))


def dead_unit_share(model: "keras.Model", digits: np.ndarray) -> float | None:
    """Compute the share of the ReLU units, or ReLU feature maps, that are 0 for all given digits.

    Args:
        model: A sequential Keras model.
        digits: (N, 28, 28, 1) float32, 0 to 255.

    Returns:
        The share, 0 to 1, or None if the model has no ReLU.

    Example:
        >>> from digitcore.models import networks
        >>> dead_unit_share(networks.build("mlp"), np.zeros((1, 28, 28, 1), np.float32))
        1.0
    """
    import keras

    outputs = [layer.output for layer in model.layers if _is_relu(layer)]
    if not outputs:
        return None
    found = keras.Model(model.inputs[0], outputs)(digits, training=False)
    highest = [
        np.asarray(output).reshape(-1, output.shape[-1]).max(0) for output in (found if isinstance(found, list) else [found])
    ]
    return float((np.concatenate(highest) <= 0).mean())


def _is_relu(layer: "keras.Layer") -> bool:
    import keras

    return isinstance(layer, keras.layers.ReLU) or getattr(layer, "activation", None) is keras.activations.relu


def _is_linear_convolution(layer: "keras.Layer") -> bool:
    """Check whether the layer is a convolution whose activation is a separate layer."""
    import keras

    return isinstance(layer, keras.layers.Conv2D) and layer.activation is keras.activations.linear


def _summarize(name: str, layer: "keras.Layer", outputs: np.ndarray) -> LayerActivation:
    """Summarize the outputs of one layer, (1 + 500, …, units). The first output belongs to the digit."""
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
