"""Digits moved a little, so that a network meets each one differently in every epoch. Needs Keras."""

from dataclasses import dataclass

import keras
import numpy as np

from digitcore.images import SIDE

CHUNK = 4096  # digits at once
MIDDLE = (SIDE - 1) / 2


@dataclass(frozen=True)
class Movement:
    """How far digits are moved, uniformly to either side.

    Attributes:
        turn: degrees.
        shear: px sideways for each px of height.
        scale, stretch: natural logarithm of the factor; stretch widens and flattens.
        shift: px.
    """

    turn: float
    shear: float
    scale: float
    stretch: float
    shift: float


MNIST = Movement(turn=10, shear=0.15, scale=0.10, stretch=0.05, shift=1.5)
DRAWN = Movement(turn=5, shear=0.05, scale=0.08, stretch=0.10, shift=1.0)


def moved(digits: np.ndarray, rng: np.random.Generator, movement: Movement) -> np.ndarray:
    """Each digit turned, sheared, scaled, stretched and shifted about its middle.

    Args:
        digits: (N, 28, 28, 1) float32.
        rng: source of the movements.
        movement: their limits.

    Returns:
        (N, 28, 28, 1) float32.
    """
    out = np.empty_like(digits)
    for start in range(0, len(digits), CHUNK):
        part = digits[start : start + CHUNK]
        out[start : start + CHUNK] = keras.ops.image.affine_transform(part, _transforms(len(part), rng, movement))
    return out


def _transforms(count, rng, movement):
    """(count, 8) float32: where each output pixel is taken from, as `affine_transform` wants it."""

    def either_side(limit):
        return rng.uniform(-limit, limit, count)

    angle, lean = np.radians(either_side(movement.turn)), either_side(movement.shear)
    size, ratio = np.exp(either_side(movement.scale)), np.exp(either_side(movement.stretch))
    cos, sin = np.cos(angle), np.sin(angle)
    a, b = cos / (size * ratio), (lean * cos - sin) / (size * ratio)
    d, e = sin * ratio / size, (lean * sin + cos) * ratio / size
    right, down = either_side(movement.shift), either_side(movement.shift)
    zero = np.zeros(count)
    rows = [a, b, MIDDLE - (a + b) * MIDDLE + right, d, e, MIDDLE - (d + e) * MIDDLE + down, zero, zero]
    return np.stack(rows, 1).astype(np.float32)
