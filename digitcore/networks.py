"""The registry of architectures. Each takes (28, 28, 1) pictures of 0 to 255 and answers ten probabilities."""

from collections.abc import Callable

import keras
from keras import layers

from digitcore.errors import ModelError
from digitcore.images import SIDE

_REGISTRY: dict[str, Callable[[], list[keras.Layer]]] = {}


def network(build):
    """Register a function that returns the layers between the scaled picture and the ten outputs."""
    _REGISTRY[build.__name__.replace("_", "-")] = build
    return build


def names() -> list[str]:
    """Every architecture's name."""
    return list(_REGISTRY)


def build(name: str, seed: int = 0) -> keras.Model:
    """A network with random weights, the same for the same seed.

    Raises:
        ModelError: when there is no such network.
    """
    if name not in _REGISTRY:
        raise ModelError(f"There is no network called “{name}”. There are: {', '.join(names())}.")
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1), name="digit"),
            layers.Rescaling(1 / 255),
            *_REGISTRY[name](),
            layers.Dense(10, activation="softmax", name="probabilities"),
        ],
        name=name.replace("-", "_"),
    )


def _convolution(filters, size=3, *, pool=False, **options):
    """A convolution without bias, its batch normalisation and its ReLU; pooled in between where asked for."""
    return [
        layers.Conv2D(filters, size, use_bias=False, **options),
        *([layers.MaxPooling2D()] if pool else []),
        layers.BatchNormalization(momentum=0.9),
        layers.ReLU(),
    ]


@network
def genius():
    """Ours: five convolutions with batch normalisation, small enough to be taught while a person waits."""
    return [
        *_convolution(32),
        *_convolution(32, strides=2, padding="same"),
        *_convolution(64, padding="same"),
        layers.MaxPooling2D(),
        *_convolution(96, padding="same"),
        *_convolution(96),
        layers.Flatten(),
        layers.Dropout(0.4),
    ]


@network
def mlp():
    """One hidden layer of 300, the historical baseline.

    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998), 28×28-300-10.
    """
    return [layers.Flatten(), layers.Dense(300, activation="relu")]


def _two_convolutions():
    """Convolution and pooling twice, flattened."""
    return [
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
    ]


@network
def convnet():
    """Keras's own MNIST example. Source: F. Chollet, "Simple MNIST convnet", keras.io/examples (2015)."""
    return [
        *_two_convolutions(),
        layers.Dropout(0.5),
    ]


@network
def cnn13():
    """Thirteen layers: convolution, pooling, dropout three times; flatten; dense; dropout; dense (the outputs)."""
    return [
        layer
        for filters in (32, 64, 128)
        for layer in (layers.Conv2D(filters, 3, padding="same", activation="relu"), layers.MaxPooling2D(), layers.Dropout(0.25))
    ] + [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dropout(0.5)]


def _noise_family(dropout, dense=(180, 64)):
    """Two convolutions, dropout, dense layers: what the noise recipes differ in is the dropout and the depth."""
    return [
        *_two_convolutions(),
        layers.Dropout(dropout),
        *(layers.Dense(units, activation="relu") for units in dense),
    ]


@network
def noise4():
    """The noise family with dropout 0.4."""
    return _noise_family(0.4)


@network
def noise5():
    """The noise family with dropout 0.5."""
    return _noise_family(0.5)


@network
def noise_deep():
    """The noise family with an extra dense layer: 180, 64, 32."""
    return _noise_family(0.4, (180, 64, 32))


@network
def fast():
    """Three convolutions that learn in seconds: no margin, and pooled before the normalisation, which then costs a quarter."""
    return [
        layers.Cropping2D(2),
        *_convolution(16, 5, pool=True),
        *_convolution(64, padding="same", pool=True),
        *_convolution(128),
        layers.Flatten(),
    ]
