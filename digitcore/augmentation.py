"""Digits moved and bent a little, so that a network meets each one differently in every epoch.

Moving and bending share one resampling, and every kind of digit goes through it: a network that sees one kind blurred
twice and another sharp learns to tell them by the blur.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from digitcore.images import SIDE

CHUNK = 4096  # digits at once
GRID = 4  # points a side between which digits are bent
STILL = 0.1  # share of digits that stay as they are
MIDDLE = (SIDE - 1) / 2
_ACROSS = np.arange(SIDE, dtype=np.float32) - MIDDLE  # (28,)
_SMOOTH = ndimage.zoom(np.eye(GRID), (SIDE / GRID, 1), order=3, mode="nearest", grid_mode=True).astype(np.float32)  # (28, 4)


@dataclass(frozen=True)
class Movement:
    """How far digits are moved, uniformly to either side, and bent.

    Attributes:
        turn: degrees.
        shear: px sideways for each px of height.
        scale, stretch: natural logarithm of the factor; stretch widens and flattens.
        shift: px.
        bend: px, standard deviation of the grid points.
    """

    turn: float
    shear: float
    scale: float
    stretch: float
    shift: float
    bend: float


MNIST = Movement(turn=10, shear=0.2, scale=0.12, stretch=0.08, shift=1.5, bend=0.6)
DRAWN = Movement(turn=5, shear=0.05, scale=0.08, stretch=0.10, shift=1.0, bend=0.3)


def moved(digits: np.ndarray, rng: np.random.Generator, movement: Movement) -> np.ndarray:
    """Each digit turned, sheared, scaled, stretched, shifted and bent about its middle; a tenth stays as it is.

    Args:
        digits: (N, 28, 28, 1) uint8.
        rng: source of the movements.
        movement: their limits.

    Returns:
        (N, 28, 28, 1) uint8.
    """
    out = np.empty_like(digits)
    for start in range(0, len(digits), CHUNK):
        part = digits[start : start + CHUNK]
        changed = _sampled(part[..., 0], *_places(len(part), rng, movement)).round()
        still = rng.random((len(part), 1, 1)) < STILL
        out[start : start + CHUNK, ..., 0] = np.where(still, part[..., 0], changed)
    return out


def _places(count, rng, movement):
    """Where each output pixel is taken from: rows and columns, each (count, 28, 28) float32 within the picture."""

    def either_side(limit):
        return rng.uniform(-limit, limit, (count, 1, 1)).astype(np.float32)

    angle, lean = np.radians(either_side(movement.turn)), either_side(movement.shear)
    size, ratio = np.exp(either_side(movement.scale)), np.exp(either_side(movement.stretch))
    cos, sin = np.cos(angle), np.sin(angle)
    knots = rng.normal(0, movement.bend, (2, count, GRID, GRID)).astype(np.float32)
    right, down = np.einsum("ig,cngh,jh->cnij", _SMOOTH, knots, _SMOOTH, optimize=True)
    column, row = _ACROSS, _ACROSS[:, None]
    columns = cos / (size * ratio) * column + (lean * cos - sin) / (size * ratio) * row + right + either_side(movement.shift)
    rows = sin * ratio / size * column + (lean * sin + cos) * ratio / size * row + down + either_side(movement.shift)
    return np.clip(rows + MIDDLE, 0, SIDE - 1.001), np.clip(columns + MIDDLE, 0, SIDE - 1.001)


def _sampled(digits, rows, columns):
    """Bilinear samples of (N, 28, 28) pictures at (N, 28, 28) places."""
    top, left = rows.astype(np.int32), columns.astype(np.int32)
    down, right = rows - top, columns - left
    flat, first = digits.reshape(len(digits), -1), (top * SIDE + left).reshape(len(digits), -1)

    def corner(offset):
        return np.take_along_axis(flat, first + offset, 1).reshape(digits.shape)

    above = corner(0) * (1 - right) + corner(1) * right
    below = corner(SIDE) * (1 - right) + corner(SIDE + 1) * right
    return above * (1 - down) + below * down
