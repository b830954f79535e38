"""The registry of network architectures. Each network maps images, (28, 28, 1) from 0 to 255, to ten probabilities.

To add a network, write a function in this module that returns its layers, and decorate it with `@network`.
"""

import random
import re
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers

from digitcore.errors import ModelError
from digitcore.images import SIDE
from digitcore.models.network_spec import KINDS, N_CLASSES, Block, NetworkSpec, is_spec

MAX_LAYER_SEED = 10**9
Layers = list[keras.Layer]
_REGISTRY: dict[str, Callable[[], Layers]] = {}


def network(function: Callable[[], Layers]) -> Callable[[], Layers]:
    """Register a network under the name of its function, with hyphens for underscores.

    Args:
        function: Returns the layers between the rescaled image and the ten outputs.

    Returns:
        The function.

    Example:
        >>> @network
        ... def wide_mlp():
        ...     return [layers.Flatten(), layers.Dense(600, activation="relu")]
        >>> build("wide-mlp").count_params()
        477010
        >>> del _REGISTRY["wide-mlp"]
    """
    _REGISTRY[function.__name__.replace("_", "-")] = function
    return function


def names() -> list[str]:
    """Return the names of all registered networks.

    Example:
        >>> names()[:2]
        ['genius', 'mlp']
    """
    return list(_REGISTRY)


def build(network: str, seed: int = 0) -> keras.Model:
    """Build a network with random weights.

    Args:
        network: A registered name, or the JSON of a `NetworkSpec`.
        seed: Seed of the weights. The same seed gives the same weights.

    Returns:
        A Keras model that is not compiled.

    Raises:
        ModelError: If no network has this name, or the JSON is invalid.

    Example:
        >>> build("mlp", seed=1).count_params()
        238510
    """
    spec = NetworkSpec.from_json(network) if is_spec(network) else None
    if spec is None and network not in _REGISTRY:
        raise ModelError(f"There is no network called “{network[:40]}”. Choose one of: {', '.join(names())}.")
    hidden = [layers.Rescaling(1 / 255), *(_REGISTRY[network]() if spec is None else _layers(spec))]
    _number(hidden)
    outputs = layers.Dense(N_CLASSES, activation="softmax", name="probabilities")
    name = "built" if spec else network.replace("-", "_")
    model = keras.Sequential([keras.Input((SIDE, SIDE, 1), name="digit"), *hidden, outputs], name=name)
    _initialize(model, seed)
    return model


def _number(hidden: Layers) -> None:
    """Number the layers from 0. Keras continues the numbers of the last model, so equal networks would have different names."""
    for i, layer in enumerate(hidden):
        layer.name = f"{re.sub('_[0-9]+$', '', layer.name)}_{i}"


def _initialize(model: keras.Model, seed: int) -> None:
    """Draw the same weights as after `keras.utils.set_random_seed`, but independently of other threads."""
    rng = random.Random(seed)
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            initializer = layer.kernel_initializer
            seeded = type(initializer).from_config(initializer.get_config() | {"seed": rng.randint(1, MAX_LAYER_SEED)})
            layer.kernel.assign(seeded(layer.kernel.shape))
        elif hasattr(layer, "seed_generator"):  # Keras draws a seed for this layer, too.
            rng.randint(1, MAX_LAYER_SEED)


def _layers(spec: NetworkSpec) -> Layers:
    """Return the layers of the convolutions, a flatten layer, and the dense layers."""
    convolutions, dense = (
        [layer for block in spec.blocks if block.kind == kind for layer in _block_layers(block, spec.activation)]
        for kind in KINDS
    )
    return [*convolutions, layers.Flatten(), *dense]


def _block_layers(block: Block, activation: str) -> Layers:
    has_bias = not block.batch_normalization
    layer = (
        layers.Conv2D(block.size, block.kernel_size, padding="same", use_bias=has_bias)
        if block.kind == "conv"
        else layers.Dense(block.size, use_bias=has_bias)
    )
    return [
        layer,
        *([layers.MaxPooling2D()] if block.pooling and block.kind == "conv" else []),
        *([layers.BatchNormalization(momentum=0.9)] if block.batch_normalization else []),
        layers.Activation(activation),
        *([layers.Dropout(block.dropout)] if block.dropout else []),
    ]


def _conv_block(filters: int, kernel_size: int = 3, *, pool: bool = False, **options: Any) -> Layers:
    """Return a convolution without bias, optional pooling, batch normalization and ReLU."""
    return [
        layers.Conv2D(filters, kernel_size, use_bias=False, **options),
        *([layers.MaxPooling2D()] if pool else []),
        layers.BatchNormalization(momentum=0.9),
        layers.ReLU(),
    ]


@network
def genius() -> Layers:
    """Return five convolutions with batch normalization, small enough to train while a user waits."""
    return [
        *_conv_block(32),
        *_conv_block(32, strides=2, padding="same"),
        *_conv_block(64, padding="same"),
        layers.MaxPooling2D(),
        *_conv_block(96, padding="same"),
        *_conv_block(96),
        layers.Flatten(),
        layers.Dropout(0.4),
    ]


@network
def mlp() -> Layers:
    """Return one hidden layer of 300 units, the historical baseline.

    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998), 28×28-300-10.
    """
    return [layers.Flatten(), layers.Dense(300, activation="relu")]


def _two_convolutions() -> Layers:
    """Return two blocks of convolution and pooling, and a flatten layer."""
    return [
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
    ]


@network
def convnet() -> Layers:
    """Return the layers of Keras's MNIST example.

    Source: F. Chollet, "Simple MNIST convnet", keras.io/examples (2015).
    """
    return [
        *_two_convolutions(),
        layers.Dropout(0.5),
    ]


@network
def cnn13() -> Layers:
    """Return a network of 13 layers: three blocks of convolution, pooling and dropout, then two dense layers."""
    return [
        layer
        for filters in (32, 64, 128)
        for layer in (layers.Conv2D(filters, 3, padding="same", activation="relu"), layers.MaxPooling2D(), layers.Dropout(0.25))
    ] + [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dropout(0.5)]


def _noise_family(dropout: float, dense_units: Sequence[int] = (180, 64)) -> Layers:
    """Return two convolutions, dropout and dense layers. The noise recipes differ in the dropout and the depth."""
    return [
        *_two_convolutions(),
        layers.Dropout(dropout),
        *(layers.Dense(units, activation="relu") for units in dense_units),
    ]


@network
def noise4() -> Layers:
    """Return the network of the noise recipes with dropout 0.4."""
    return _noise_family(0.4)


@network
def noise5() -> Layers:
    """Return the network of the noise recipes with dropout 0.5."""
    return _noise_family(0.5)


@network
def noise_deep() -> Layers:
    """Return the network of the noise recipes with an additional dense layer: 180, 64 and 32 units."""
    return _noise_family(0.4, (180, 64, 32))


@network
def fast() -> Layers:
    """Return three convolutions that train in seconds, because the image is cropped and pooled early."""
    return [
        layers.Cropping2D(2),
        *_conv_block(16, 5, pool=True),
        *_conv_block(64, padding="same", pool=True),
        *_conv_block(128),
        layers.Flatten(),
    ]
