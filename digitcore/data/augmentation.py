"""Random affine and elastic distortion of digits.

Both distortions are applied in a single resampling step, to all digits of a training. If some digits were resampled twice, they
would be more blurred, and a network could learn from the blur.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from digitcore.images import SIDE

CHUNK_SIZE = 4096  # digits that are distorted together, to limit the memory
GRID_SIZE = 4  # control points per side of the elastic distortion
UNCHANGED_SHARE = 0.1  # of the digits
MIDDLE = (SIDE - 1) / 2
_COORDINATES = np.arange(SIDE, dtype=np.float32) - MIDDLE  # (28,)
_INTERPOLATION = ndimage.zoom(np.eye(GRID_SIZE), (SIDE / GRID_SIZE, 1), order=3, mode="nearest", grid_mode=True).astype(
    np.float32
)  # (28, 4)


@dataclass(frozen=True)
class AugmentationRanges:
    """The limits of the random distortion.

    Each value except `elastic` is drawn uniformly between the negative and the positive limit.

    Attributes:
        rotation: maximum rotation, in degrees.
        shear: maximum horizontal shift per px of height, in px.
        scale: maximum natural logarithm of the scale factor.
        stretch: maximum natural logarithm of the factor by which a digit becomes wider and flatter.
        shift: maximum shift in each direction, in px.
        elastic: standard deviation of the shift of the control points, in px.

    Example:
        >>> AugmentationRanges(rotation=10, shear=0, scale=0, stretch=0, shift=0, elastic=0).rotation
        10
    """

    rotation: float
    shear: float
    scale: float
    stretch: float
    shift: float
    elastic: float


MNIST_RANGES = AugmentationRanges(rotation=10, shear=0.2, scale=0.12, stretch=0.08, shift=1.5, elastic=0.6)
DRAWING_RANGES = AugmentationRanges(rotation=5, shear=0.05, scale=0.08, stretch=0.10, shift=1.0, elastic=0.3)


def augment(digits: np.ndarray, rng: np.random.Generator, ranges: AugmentationRanges) -> np.ndarray:
    """Rotate, shear, scale, stretch, shift and bend each digit at random. One digit in ten is not changed.

    Args:
        digits: (N, 28, 28, 1) uint8.
        rng: random generator.
        ranges: limits of the distortion.

    Returns:
        (N, 28, 28, 1) uint8.

    Example:
        >>> digits = np.zeros((5, 28, 28, 1), np.uint8)
        >>> digits[:, 4:24, 13:15] = 255
        >>> augment(digits, np.random.default_rng(0), MNIST_RANGES).shape
        (5, 28, 28, 1)
    """
    augmented = np.empty_like(digits)
    for start in range(0, len(digits), CHUNK_SIZE):
        chunk = digits[start : start + CHUNK_SIZE]
        distorted = _sample_bilinear(chunk[..., 0], *_source_coordinates(len(chunk), rng, ranges)).round()
        unchanged = rng.random((len(chunk), 1, 1)) < UNCHANGED_SHARE
        augmented[start : start + CHUNK_SIZE, ..., 0] = np.where(unchanged, chunk[..., 0], distorted)
    return augmented


def _source_coordinates(n: int, rng: np.random.Generator, ranges: AugmentationRanges) -> tuple[np.ndarray, np.ndarray]:
    """Return the row and the column from which each output pixel is sampled, each (n, 28, 28) float32 within the image."""

    def uniform(limit: float) -> np.ndarray:
        return rng.uniform(-limit, limit, (n, 1, 1)).astype(np.float32)

    angle, shear = np.radians(uniform(ranges.rotation)), uniform(ranges.shear)
    size, ratio = np.exp(uniform(ranges.scale)), np.exp(uniform(ranges.stretch))
    cos, sin = np.cos(angle), np.sin(angle)
    control_points = rng.normal(0, ranges.elastic, (2, n, GRID_SIZE, GRID_SIZE)).astype(np.float32)
    right, down = np.einsum("ig,cngh,jh->cnij", _INTERPOLATION, control_points, _INTERPOLATION, optimize=True)
    column, row = _COORDINATES, _COORDINATES[:, None]
    columns = cos / (size * ratio) * column + (shear * cos - sin) / (size * ratio) * row + right + uniform(ranges.shift)
    rows = sin * ratio / size * column + (shear * sin + cos) * ratio / size * row + down + uniform(ranges.shift)
    return np.clip(rows + MIDDLE, 0, SIDE - 1.001), np.clip(columns + MIDDLE, 0, SIDE - 1.001)


def _sample_bilinear(digits: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Sample (N, 28, 28) images at (N, 28, 28) coordinates with bilinear interpolation."""
    top, left = rows.astype(np.int32), columns.astype(np.int32)
    down, right = rows - top, columns - left
    flat, first = digits.reshape(len(digits), -1), (top * SIDE + left).reshape(len(digits), -1)

    def corner(offset: int) -> np.ndarray:
        return np.take_along_axis(flat, first + offset, 1).reshape(digits.shape)

    above = corner(0) * (1 - right) + corner(1) * right
    below = corner(SIDE) * (1 - right) + corner(SIDE + 1) * right
    blended: np.ndarray = above * (1 - down) + below * down
    return blended
