"""The registry of network architectures, and those that a person builds.

Each maps (28, 28, 1) images of 0 to 255 to ten probabilities.

To add one, write a function here that returns its layers, and decorate it with `@network`.
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
    """Register a function that returns the layers between the rescaled image and the ten outputs."""
    _REGISTRY[function.__name__.replace("_", "-")] = function
    return function


def names() -> list[str]:
    """Every architecture's name."""
    return list(_REGISTRY)


def build(network: str, seed: int = 0) -> keras.Model:
    """Build a network with random weights, the same for the same seed.

    Args:
        network: a registered name, or the JSON of a `NetworkSpec`.
        seed: of the weights.

    Raises:
        ModelError: when there is no such network, or the JSON is wrong.
    """
    spec = NetworkSpec.from_json(network) if is_spec(network) else None
    if spec is None and network not in _REGISTRY:
        raise ModelError(f"There is no network called “{network[:40]}”. There are: {', '.join(names())}.")
    hidden = [layers.Rescaling(1 / 255), *(_REGISTRY[network]() if spec is None else _layers(spec))]
    _number(hidden)
    outputs = layers.Dense(N_CLASSES, activation="softmax", name="probabilities")
    name = "built" if spec else network.replace("-", "_")
    model = keras.Sequential([keras.Input((SIDE, SIDE, 1), name="digit"), *hidden, outputs], name=name)
    _initialize(model, seed)
    return model


def _number(hidden: Layers) -> None:
    """Name the layers by their place: Keras counts on from the last model, and equal networks would differ in their names."""
    for i, layer in enumerate(hidden):
        layer.name = f"{re.sub('_[0-9]+$', '', layer.name)}_{i}"


def _initialize(model: keras.Model, seed: int) -> None:
    """Draw the weights that `keras.utils.set_random_seed` would give if no other thread used Python's generator meanwhile."""
    rng = random.Random(seed)
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            initializer = layer.kernel_initializer
            seeded = type(initializer).from_config(initializer.get_config() | {"seed": rng.randint(1, MAX_LAYER_SEED)})
            layer.kernel.assign(seeded(layer.kernel.shape))
        elif hasattr(layer, "seed_generator"):  # for which Keras draws a seed too
            rng.randint(1, MAX_LAYER_SEED)


def _layers(spec: NetworkSpec) -> Layers:
    """The convolutions, which come first, then what is flat."""
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
    """A convolution without bias, perhaps pooling, batch normalization and ReLU."""
    return [
        layers.Conv2D(filters, kernel_size, use_bias=False, **options),
        *([layers.MaxPooling2D()] if pool else []),
        layers.BatchNormalization(momentum=0.9),
        layers.ReLU(),
    ]


@network
def genius() -> Layers:
    """Five convolutions with batch normalization, small enough to be trained while a person waits."""
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
    """One hidden layer of 300, the historical baseline.

    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998), 28×28-300-10.
    """
    return [layers.Flatten(), layers.Dense(300, activation="relu")]


def _two_convolutions() -> Layers:
    """Convolution and pooling twice, flattened."""
    return [
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
    ]


@network
def convnet() -> Layers:
    """Keras's own MNIST example. Source: F. Chollet, "Simple MNIST convnet", keras.io/examples (2015)."""
    return [
        *_two_convolutions(),
        layers.Dropout(0.5),
    ]


@network
def cnn13() -> Layers:
    """Thirteen layers: convolution, pooling, dropout three times; flatten; dense; dropout; dense (the outputs)."""
    return [
        layer
        for filters in (32, 64, 128)
        for layer in (layers.Conv2D(filters, 3, padding="same", activation="relu"), layers.MaxPooling2D(), layers.Dropout(0.25))
    ] + [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dropout(0.5)]


def _noise_family(dropout: float, dense_units: Sequence[int] = (180, 64)) -> Layers:
    """Two convolutions, dropout, dense layers; the noise recipes differ in the dropout and the depth."""
    return [
        *_two_convolutions(),
        layers.Dropout(dropout),
        *(layers.Dense(units, activation="relu") for units in dense_units),
    ]


@network
def noise4() -> Layers:
    """The noise family with dropout 0.4."""
    return _noise_family(0.4)


@network
def noise5() -> Layers:
    """The noise family with dropout 0.5."""
    return _noise_family(0.5)


@network
def noise_deep() -> Layers:
    """The noise family with an extra dense layer: 180, 64, 32."""
    return _noise_family(0.4, (180, 64, 32))


@network
def fast() -> Layers:
    """Three convolutions that train in seconds: cropped to the ink, and pooled before the normalization."""
    return [
        layers.Cropping2D(2),
        *_conv_block(16, 5, pool=True),
        *_conv_block(64, padding="same", pool=True),
        *_conv_block(128),
        layers.Flatten(),
    ]
