"""The fifteen corruptions of MNIST-C, to measure the robustness of a model with the names and the severities of the benchmark.

MNIST-C has one severity of each corruption. This module applies the corruptions with the published parameters, because the
published files have 115 MB. The random numbers differ from the published random numbers. To add a kind, write a function of
digits, (N, 28, 28) float 0 to 1, and a random generator, and add the function to `_CORRUPTIONS`.
Source: N. Mu, J. Gilmer, "MNIST-C: A robustness benchmark for computer vision" (2019), and its published program.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from digitcore.data.corruptions import warp
from digitcore.errors import SettingsError
from digitcore.images import SIDE

CHUNK = 500  # digits. The height maps of the fog need 256 kB for each digit.
FOG_SIDE = 256
Corruption = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def corrupt(digits: ArrayLike, kind: str, seed: int = 0) -> np.ndarray:
    """Corrupt digits with a corruption of MNIST-C.

    Args:
        digits: (N, 28, 28) uint8, ink 255 on 0.
        kind: Name of a corruption, from `KINDS`.
        seed: Seed of the random numbers. The same seed gives the same result.

    Returns:
        (N, 28, 28) uint8.

    Raises:
        SettingsError: If there is no such corruption.

    Example:
        >>> corrupt(np.zeros((2, 28, 28), np.uint8), "stripe")[0, 0, [0, 6, 7, 20, 21]].tolist()
        [255, 255, 0, 0, 255]
    """
    if kind not in _CORRUPTIONS:
        raise SettingsError(f"MNIST-C has no corruption called “{kind}”. Choose from: {', '.join(KINDS)}.")
    digits, rng = np.asarray(digits, np.uint8), np.random.default_rng(seed)
    parts = np.split(digits, range(CHUNK, len(digits), CHUNK))
    corrupted = [_CORRUPTIONS[kind](part.astype(np.float32) / 255, rng) for part in parts if len(part)]
    return (255 * np.concatenate([np.zeros((0, SIDE, SIDE)), *corrupted]).clip(0, 1)).astype(np.uint8)


def _shot_noise(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.poisson(digits * 3) / 3


def _impulse_noise(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(digits.shape) < 0.17, rng.integers(0, 2, digits.shape), digits)


def _glass_blur(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur, exchange neighboring pixels at random, and blur again. The published program blurs along the columns only."""
    glass = ndimage.gaussian_filter(digits, (0, 0.7, 0), mode="nearest")
    every = np.arange(len(digits))
    for row, column in [(row, column) for row in range(SIDE - 1, 1, -1) for column in range(SIDE - 1, 1, -1)] * 2:
        is_swapped = rng.random(len(digits)) < 0.5
        down, right = rng.integers(-1, 1, (2, len(digits))) * is_swapped
        here, there = glass[:, row, column].copy(), glass[every, row + down, column + right]
        glass[every, row + down, column + right] = here
        glass[:, row, column] = there
    return np.asarray(ndimage.gaussian_filter(glass, (0, 0.7, 0), mode="nearest"))


def _motion_blur(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur in one random direction of at most 45 degrees, as ImageMagick does with radius 10 and sigma 3."""
    steps = np.arange(21)
    weights = np.exp(-(steps**2) / (2 * 3**2))
    angles = np.radians(rng.uniform(-45, 45, len(digits)))
    offsets = np.ceil(np.multiply.outer(steps, [np.sin(angles), np.cos(angles)]) - 0.5).astype(int)
    rows, columns = np.arange(SIDE)[:, None], np.arange(SIDE)[None, :]
    blurred = np.zeros_like(digits)
    for weight, (down, right) in zip(weights / weights.sum(), offsets, strict=True):
        y = (rows + down[:, None, None]).clip(0, SIDE - 1)
        x = (columns + right[:, None, None]).clip(0, SIDE - 1)
        blurred += weight * digits[np.arange(len(digits))[:, None, None], y, x]
    return blurred


def _shear(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    angles = 0.4 * rng.choice([-1, 1], len(digits))
    return warp(digits, np.cos(angles), 0, -np.sin(angles), 1)


def _scale(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return warp(digits, 1 / 0.7, 0, 0, 1 / 0.7)


def _rotate(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    angles = 0.4 * rng.choice([-1, 1], len(digits))
    cos, sin = np.cos(angles), np.sin(angles)
    return warp(digits, cos, sin, -sin, cos)


def _translate(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return warp(digits, 1, 0, 0, 1, *3 * rng.choice([-1, 1], (len(digits), 2)).T)


def _brightness(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return digits + 0.5


def _stripe(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    striped = digits.copy()
    striped[:, :, :7] = 1 - digits[:, :, :7]
    striped[:, :, 21:] = 1 - digits[:, :, 21:]
    return striped


def _fog(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    brightest = digits.max((1, 2), keepdims=True)
    return np.asarray((digits + 3 * _fractal(len(digits), rng)[:, :SIDE, :SIDE]) * brightest / (brightest + 3))


def _spatter(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    liquid = ndimage.gaussian_filter(rng.normal(0.65, 0.3, digits.shape), (0, 1, 1), mode="nearest")
    mud = ndimage.gaussian_filter((liquid > 0.65).astype(np.float32), (0, 1.5, 1.5), mode="nearest")
    mud[mud < 0.8] = 0
    return np.asarray(digits * (1 - mud) + 63 / 255 * mud)


def _dotted_line(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    starts, ends = rng.integers(0, 27, (2, len(digits)))
    lines = np.stack([_line(0, start, 27, end) for start, end in zip(starts, ends, strict=True)])
    lines[:, :, np.arange(SIDE) % 4 < 2] = 0
    return np.asarray(digits + lines)


def _zigzag(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    starts, slopes = rng.integers(0, 27, len(digits)), rng.integers(-5, 5, len(digits))
    return np.stack([digit + _zigzag_line(*line) for digit, *line in zip(digits, starts, slopes, strict=True)])


def _canny_edges(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.stack([_edges(digit) for digit in digits])


_CORRUPTIONS: dict[str, Corruption] = {
    function.__name__.strip("_").replace("_", " "): function
    for function in (
        _shot_noise,
        _impulse_noise,
        _glass_blur,
        _motion_blur,
        _shear,
        _scale,
        _rotate,
        _brightness,
        _translate,
        _stripe,
        _fog,
        _spatter,
        _dotted_line,
        _zigzag,
        _canny_edges,
    )
}
KINDS = tuple(_CORRUPTIONS)


def _fractal(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return n height maps by the diamond-square algorithm, (n, 256, 256) float 0 to 1, with periodic edges."""
    heights = np.zeros((n, FOG_SIDE, FOG_SIDE), np.float32)
    step, size = FOG_SIDE, 100.0

    def mean(total: np.ndarray) -> np.ndarray:
        noise = 2 * rng.random(total.shape, np.float32) - 1
        return total / 4 + np.float32(size**2) * noise

    while step >= 2:
        half = step // 2
        corners = heights[:, ::step, ::step]
        pairs = corners + np.roll(corners, -1, 1)
        middles = mean(pairs + np.roll(pairs, -1, 2))
        heights[:, half::step, half::step] = middles
        sides = middles + np.roll(middles, 1, 1)
        heights[:, ::step, half::step] = mean(sides + corners + np.roll(corners, -1, 2))
        sides = middles + np.roll(middles, 1, 2)
        heights[:, half::step, ::step] = mean(sides + corners + np.roll(corners, -1, 1))
        step, size = half, size / 1.4
    heights -= heights.min((1, 2), keepdims=True)
    return np.asarray(heights / heights.max((1, 2), keepdims=True))


def _line(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """Return a soft straight line between two points, (28, 28) float 0 to 1. The line must not be vertical."""
    columns, rows = np.arange(SIDE)[None, :], np.arange(SIDE)[:, None]
    distance = np.abs(rows - top - (bottom - top) / (right - left) * (columns - left)).clip(0, 2.3 - 1e-10)
    line = (np.log(1 - distance / 2.3) + 1).clip(0, 1)
    line[:, : max(int(np.floor(left)), 0)] = 0
    line[:, int(np.ceil(right)) :] = 0
    return np.asarray(line)


def _zigzag_line(row: int, rise: int) -> np.ndarray:
    """Return a zigzag from column 2 to column 25, (28, 28) float. Its teeth are 2 px high and 2 px wide."""
    left, length_of_tooth = 2, 2
    angle = np.arctan(rise / 23)
    length = 23 / np.cos(angle)
    teeth = np.arange(int((length - length_of_tooth) // (2 * length_of_tooth)) + 1)
    points = [(0.0, 0.0), *zip((2 * teeth + 1) * length_of_tooth, (-1.0) ** teeth * 2, strict=True)]
    rest = length - 2 * length_of_tooth * (length // (2 * length_of_tooth))
    if rest:
        points.append((length, points[-1][1] / (2 * rest)))
    along, across = np.array(points).T
    columns = np.cos(angle) * along - np.sin(angle) * across + left
    rows = np.sin(angle) * along + np.cos(angle) * across + row
    zigzag = np.zeros((SIDE, SIDE))
    for i in range(1, len(columns)):
        if columns[i] != columns[i - 1]:
            zigzag += _line(columns[i - 1], rows[i - 1], columns[i], rows[i])
    return zigzag.clip(0, 1)


def _edges(digit: np.ndarray) -> np.ndarray:
    """Return the edges of a digit by Canny's algorithm (1986), (28, 28) bool: sigma 1, thresholds 0.1 and 0.2."""
    weight = ndimage.gaussian_filter(np.ones_like(digit), 1, mode="constant") + np.finfo(float).eps
    smooth = ndimage.gaussian_filter(digit, 1, mode="constant") / weight
    down, right = ndimage.sobel(smooth, 0), ndimage.sobel(smooth, 1)
    magnitude = np.hypot(down, right)
    # The larger part of the gradient is 1 pixel, and the other is the share of the diagonal neighbor.
    larger = np.maximum(np.abs(down), np.abs(right)) + 1e-12
    offset = np.stack([down / larger, right / larger])
    places = np.indices(digit.shape)
    ahead, behind = (ndimage.map_coordinates(magnitude, places + sign * offset, order=1) for sign in (1, -1))
    inside = np.zeros_like(digit, bool)
    inside[1:-1, 1:-1] = True
    is_peak = inside & (magnitude >= ahead) & (magnitude >= behind) & (magnitude >= 0.1)
    groups, n_groups = ndimage.label(is_peak, np.ones((3, 3)))
    strong = np.asarray(ndimage.maximum(magnitude, groups, np.arange(n_groups + 1))) >= 0.2
    return np.asarray(is_peak & strong[groups])
