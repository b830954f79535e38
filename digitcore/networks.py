"""The registry of architectures. Each takes (28, 28, 1) pictures of 0 to 255 and answers ten probabilities."""

from collections.abc import Callable

import keras
from keras import layers

from digitcore.errors import ModelError
from digitcore.images import SIDE

_REGISTRY: dict[str, Callable[[], list[keras.Layer]]] = {}


def network(build):
    """Register a function that returns the layers between the scaled picture and the ten outputs."""
    _REGISTRY[build.__name__] = build
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


def _convolution(filters, **options):
    return [
        layers.Conv2D(filters, 3, use_bias=False, **options),
        layers.BatchNormalization(momentum=0.9),
        layers.ReLU(),
    ]


@network
def genius():
    """Ours: four convolutions with batch normalisation, small enough to be taught while a person waits."""
    return [
        *_convolution(32),
        *_convolution(32, strides=2, padding="same"),
        *_convolution(48, padding="same"),
        layers.MaxPooling2D(),
        *_convolution(96, padding="same"),
        layers.Flatten(),
        layers.Dropout(0.3),
    ]
