"""Corruptions of digits at five severities, to measure the robustness of a model.

A corruption is a registered function. Its arguments are digits, (N, 28, 28) uint8, a severity from 1 to 5, and a random
generator. It returns (N, 28, 28) uint8. To add a corruption, write such a function in this module and decorate it with
`@corruption`. A corruption that MNIST-C has, too, has the same name.
Source of the idea and of most corruptions: N. Mu, J. Gilmer, "MNIST-C: A robustness benchmark for computer vision" (2019).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from digitcore.errors import SettingsError
from digitcore.images import SIDE

SEVERITIES = (1, 2, 3, 4, 5)
TRAINING_SEVERITIES = SEVERITIES[:4]  # The highest severity is not used for training.
Corruption = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
_REGISTRY: dict[str, Corruption] = {}
MAX_PIECES = 13  # straight pieces of a crooked line
_MIDDLE = (SIDE - 1) / 2
_CROSS = np.array([[[0, 1, 0], [1, 1, 1], [0, 1, 0]]], bool)  # a pixel and its four neighbors


def corruption(function: Corruption) -> Corruption:
    """Register a corruption under the name of its function, with spaces instead of underscores.

    Args:
        function: function of digits, severity and random generator, as described in this module.

    Returns:
        The same function.

    Example:
        >>> @corruption
        ... def _inversion(digits, severity, rng):
        ...     return 255 - digits
        >>> names()[-1]
        'inversion'
        >>> _ = _REGISTRY.pop("inversion")
    """
    _REGISTRY[function.__name__.strip("_").replace("_", " ")] = function
    return function


def names() -> list[str]:
    """Return the names of all corruptions.

    Returns:
        The names, in the order in which the corruptions are registered.

    Example:
        >>> names()[:3]
        ['impulse noise', 'gaussian noise', 'gaussian blur']
    """
    return list(_REGISTRY)


def corrupt(digits: ArrayLike, name: str, severity: int, seed: int = 0) -> np.ndarray:
    """Corrupt digits.

    Args:
        digits: (N, 28, 28) uint8, ink 255 on 0.
        name: name of a corruption, as `names` returns it.
        severity: 1 (slight) to 5 (strong).
        seed: seed of the random numbers. The same seed gives the same result.

    Returns:
        (N, 28, 28) uint8.

    Raises:
        SettingsError: If the name or the severity is not valid.

    Example:
        >>> digits = np.zeros((2, 28, 28), np.uint8)
        >>> digits[:, 4:24, 13:15] = 255
        >>> corrupt(digits, "gaussian blur", severity=3).max() < 255
        np.True_
    """
    if name not in _REGISTRY:
        raise SettingsError(f"There is no corruption called “{name}”. Choose from: {', '.join(names())}.")
    if severity not in SEVERITIES:
        raise SettingsError(f"The severity must be 1 to 5, not {severity!r}. Choose another severity.")
    return _REGISTRY[name](np.asarray(digits, np.uint8), severity, np.random.default_rng([seed, severity]))


def corrupt_share(digits: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Corrupt a random share of digits, with random `TRAINING_CORRUPTIONS` at a random severity of 1 to 4.

    Args:
        digits: (N, 28, 28) uint8.
        share: share of the digits to corrupt, 0 to 1. If it is 0, the same array is returned.
        rng: random generator.

    Returns:
        (N, 28, 28) uint8.

    Example:
        >>> digits = np.full((10, 28, 28), 128, np.uint8)
        >>> corrupted = corrupt_share(digits, 0.5, np.random.default_rng(0))
        >>> 0 < (corrupted != digits).any((1, 2)).sum() < 10
        np.True_
    """
    if not share:
        return digits
    corrupted = digits.copy()
    is_chosen = rng.random(len(digits)) < share
    kinds = rng.integers(len(TRAINING_CORRUPTIONS), size=len(digits))
    severities = rng.choice(TRAINING_SEVERITIES, len(digits))
    for number, function in enumerate(TRAINING_CORRUPTIONS):
        for severity in TRAINING_SEVERITIES:
            group = np.flatnonzero(is_chosen & (kinds == number) & (severities == severity))
            corrupted[group] = function(digits[group], severity, rng)
    return corrupted


def salt_and_pepper(digits: np.ndarray, share: float | np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Set a share of the pixels to white or to black, each with the same probability.

    Args:
        digits: uint8 array of any shape.
        share: share of the pixels, 0 to 1. An array is broadcast against the digits.
        rng: random generator.

    Returns:
        uint8 array of the same shape.

    Example:
        >>> salt_and_pepper(np.full((1, 2, 2), 128, np.uint8), 1.0, np.random.default_rng(0)).tolist()
        [[[255, 255], [255, 0]]]
    """
    draw = rng.random(digits.shape, np.float32)
    return np.where(draw < share / 2, 0, np.where(draw > 1 - share / 2, 255, digits)).astype(np.uint8)


def gaussian_noise(digits: np.ndarray, deviation: float | np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add normally distributed noise to every pixel.

    Args:
        digits: uint8 array of any shape.
        deviation: standard deviation of the noise, as a share of full ink. An array is broadcast against the digits.
        rng: random generator.

    Returns:
        uint8 array of the same shape.

    Example:
        >>> gaussian_noise(np.full((1, 28, 28), 128, np.uint8), 0.1, np.random.default_rng(0)).std().round(-1)
        np.float64(30.0)
    """
    noise = rng.standard_normal(digits.shape, np.float32) * (255 * deviation)
    noisy: np.ndarray = (digits + noise).clip(0, 255).astype(np.uint8)
    return noisy


def warp(
    digits: np.ndarray,
    a: ArrayLike,
    b: ArrayLike,
    c: ArrayLike,
    d: ArrayLike,
    down: ArrayLike = 0,
    right: ArrayLike = 0,
) -> np.ndarray:
    """Sample each output pixel at [[a, b], [c, d]] times its (row, column) relative to the middle, with bilinear interpolation.

    Args:
        digits: (N, 28, 28) array of any numbers.
        a: Entry of the matrix, a number or (N,).
        b: Entry of the matrix, a number or (N,).
        c: Entry of the matrix, a number or (N,).
        d: Entry of the matrix, a number or (N,).
        down: Number of pixels by which the digits move down, a number or (N,).
        right: Number of pixels by which the digits move to the right, a number or (N,).

    Returns:
        Array of the same shape and dtype. Pixels from outside the digit are 0.

    Example:
        >>> digit = np.zeros((1, 28, 28), np.uint8)
        >>> digit[0, 10, 10] = 255
        >>> np.argwhere(warp(digit, 1, 0, 0, 1, down=2)[0]).tolist()
        [[12, 10]]
    """
    rows, columns = (axis - _MIDDLE for axis in np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij"))

    def per_digit(value: ArrayLike) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, float), len(digits))[:, None, None]

    y = per_digit(a) * rows + per_digit(b) * columns + _MIDDLE - per_digit(down)
    x = per_digit(c) * rows + per_digit(d) * columns + _MIDDLE - per_digit(right)
    index = np.broadcast_to(np.arange(len(digits))[:, None, None], y.shape)
    return np.asarray(ndimage.map_coordinates(digits, [index, y, x], order=1, mode="constant"))


@corruption
def _impulse_noise(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    return salt_and_pepper(digits, (0.05, 0.1, 0.2, 0.3, 0.4)[severity - 1], rng)


@corruption
def _gaussian_noise(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    return gaussian_noise(digits, (0.1, 0.2, 0.3, 0.45, 0.6)[severity - 1], rng)


@corruption
def _gaussian_blur(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    sigma = (0.6, 0.9, 1.2, 1.6, 2.0)[severity - 1]
    return np.asarray(ndimage.gaussian_filter(digits.astype(np.float32), (0, sigma, sigma))).clip(0, 255).astype(np.uint8)


@corruption
def _rotate(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    angle = np.radians((10, 20, 30, 40, 50)[severity - 1]) * rng.choice([-1, 1], len(digits))
    cos, sin = np.cos(angle), np.sin(angle)
    return warp(digits, cos, sin, -sin, cos)


@corruption
def _translate(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    pixels = (1, 2, 3, 4, 5)[severity - 1]
    direction = rng.uniform(0, 2 * np.pi, len(digits))
    return warp(digits, 1, 0, 0, 1, np.round(pixels * np.sin(direction)), np.round(pixels * np.cos(direction)))


@corruption
def _scale(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    smaller = (0.9, 0.8, 0.7, 0.6, 0.5)[severity - 1]
    return warp(digits, 1 / smaller, 0, 0, 1 / smaller)


@corruption
def _shear(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    slant = (0.15, 0.3, 0.45, 0.6, 0.75)[severity - 1] * rng.choice([-1, 1], len(digits))
    return warp(digits, 1, 0, slant, 1)


@corruption
def _erosion(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    return _blend_morphology(ndimage.grey_erosion, digits, severity)


@corruption
def _dilation(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    return _blend_morphology(ndimage.grey_dilation, digits, severity)


@corruption
def _occlusion(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    side = (4, 6, 8, 10, 12)[severity - 1]
    top, left = rng.integers(4, 24 - side + 1, (2, len(digits), 1, 1))
    rows, columns = np.arange(SIDE)[:, None], np.arange(SIDE)[None, :]
    hidden = (rows >= top) & (rows < top + side) & (columns >= left) & (columns < left + side)
    return np.where(hidden, 0, digits).astype(np.uint8)


def _blend_morphology(operation: Callable[..., np.ndarray], digits: np.ndarray, severity: int) -> np.ndarray:
    """Blend each digit with its erosion or dilation by one pixel. At severity 5 only the eroded or dilated digit remains."""
    share = (0.2, 0.4, 0.6, 0.8, 1.0)[severity - 1]
    ink = digits.astype(np.float32)
    changed = operation(ink, footprint=_CROSS)
    return ((1 - share) * ink + share * changed).astype(np.uint8)


def _weak_contrast(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Reduce the contrast of each digit by a random amount and make its background grey."""
    contrast = rng.uniform((0.7, 0.5, 0.35, 0.25)[severity - 1], 1, (len(digits), 1, 1))
    ground = rng.uniform(0, (1 - contrast) * 255)
    return np.asarray(ground + digits * contrast).astype(np.uint8)


def _crooked_line(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a line of 1 to 13 straight pieces across each digit. The line becomes thicker and stronger with the severity."""
    width, ink = (0.6, 0.8, 1.0, 1.3)[severity - 1], (120, 170, 220, 255)[severity - 1]
    n, length = len(digits), 30.0  # px, longer than a side
    n_pieces, deviation = rng.integers(1, MAX_PIECES + 1, n), rng.uniform(0, 4, n)
    angle, offset = rng.uniform(0, 2 * np.pi, n), rng.uniform(-SIDE / 2, SIDE / 2, n)
    across = offset + deviation * rng.standard_normal((MAX_PIECES + 1, n))
    along = length * (np.arange(MAX_PIECES + 1)[:, None] / n_pieces - 0.5)
    x, y = along * np.cos(angle) - across * np.sin(angle), along * np.sin(angle) + across * np.cos(angle)
    distance = np.full((n, SIDE, SIDE), np.inf)
    for piece in range(MAX_PIECES):
        drawn = np.flatnonzero(n_pieces > piece)
        found = _distance(x[piece, drawn], y[piece, drawn], x[piece + 1, drawn], y[piece + 1, drawn])
        distance[drawn] = np.minimum(distance[drawn], found)
    return np.asarray(np.maximum(digits, ink * np.clip(width + 0.5 - distance, 0, 1))).astype(np.uint8)


def _distance(x0: np.ndarray, y0: np.ndarray, x1: np.ndarray, y1: np.ndarray) -> np.ndarray:
    """Return the distance of each pixel to n line segments, (n, 28, 28). The ends, (n,), are relative to the middle."""
    x0, y0, right, down = (value[:, None, None] for value in (x0, y0, x1 - x0, y1 - y0))
    rows, columns = np.arange(SIDE)[:, None] - _MIDDLE - y0, np.arange(SIDE)[None, :] - _MIDDLE - x0
    nearest = ((columns * right + rows * down) / (right**2 + down**2)).clip(0, 1)
    return np.asarray(np.hypot(columns - nearest * right, rows - nearest * down))


def _random_filter(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Blend each digit with the result of a random filter of 3 × 3 or 5 × 5 pixels. Some filters blur it, others leave its edges.

    Source: Z. Xu et al., "Robust and generalizable visual representation learning via random convolutions" (2021).
    """
    n, radius = len(digits), 2
    kernels = rng.standard_normal((n, 5, 5), np.float32)
    offsets = np.abs(np.arange(-radius, radius + 1))
    support = np.maximum(offsets[:, None], offsets) <= rng.integers(1, radius + 1, (n, 1, 1))
    kernels -= rng.uniform(0, 1, (n, 1, 1)) ** 0.5 * kernels.mean((1, 2), keepdims=True, where=support)
    kernels *= support
    ink = digits.astype(np.float32)
    padded = np.pad(ink, ((0, 0), (radius, radius), (radius, radius)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), (1, 2))
    filtered = np.abs(np.einsum("nij,nrcij->nrc", kernels, windows))
    filtered *= 255 / filtered.max((1, 2), keepdims=True, initial=1)
    share = (0.4, 0.6, 0.8, 1.0)[severity - 1]
    return np.asarray((1 - share) * ink + share * filtered).astype(np.uint8)


def _random_erasing(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Fill one or two random rectangles of each image with a grey level, noise, or the inverted pixels.

    The rectangles become larger with the severity.

    Source: Z. Zhong et al., "Random erasing data augmentation" (2020).
    """
    n, area = len(digits), (40, 80, 130, 200)[severity - 1]
    rows, columns = np.arange(SIDE)[:, None], np.arange(SIDE)[None, :]
    erased = digits
    for probability in (1, 0.5):
        ratio, size = np.exp(rng.uniform(-1.5, 1.5, (n, 1, 1))), area * rng.uniform(0.3, 1, (n, 1, 1))
        height, width = np.sqrt(size * ratio), np.sqrt(size / ratio)
        middle_row, middle_column = rng.uniform(0, SIDE, (2, n, 1, 1))
        is_inside = (np.abs(rows - middle_row) < height / 2) & (np.abs(columns - middle_column) < width / 2)
        noise, grey = rng.integers(0, 256, erased.shape), rng.integers(0, 256, (n, 1, 1))
        fills = np.where(rng.random((n, 1, 1)) < 0.3, noise, grey)
        fills = np.where(rng.random((n, 1, 1)) < 0.25, 255 - erased.astype(int), fills)
        erased = np.where(is_inside & (rng.random((n, 1, 1)) < probability), fills, erased).astype(np.uint8)
    return erased


def _specks(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Add dots of one to four pixels. Their number is the severity."""
    rows, columns = np.arange(SIDE)[:, None], np.arange(SIDE)[None, :]
    specked = digits.astype(float)
    for _ in range(severity):
        top, left, radius = rng.uniform((0, 0, 0.5), (SIDE, SIDE, 1.4), (len(digits), 3)).T[..., None, None]
        specked = np.maximum(specked, 255 * np.clip(radius + 0.5 - np.hypot(rows - top, columns - left), 0, 1))
    return specked.astype(np.uint8)


TRAINING_CORRUPTIONS: tuple[Corruption, ...] = (
    _impulse_noise,
    _gaussian_noise,
    _gaussian_blur,
    _rotate,
    _erosion,
    _occlusion,
    _weak_contrast,
    _crooked_line,
    _specks,
    _random_filter,
    _random_erasing,
)
