"""Corruptions of digits at five severities, to measure a model's robustness.

Each is a registered function of (N, 28, 28) uint8 digits, a severity of 1 to 5 and a random generator that returns
(N, 28, 28) uint8. To add one, write such a function here and decorate it with `@corruption`.
Source of the idea and of most corruptions: N. Mu, J. Gilmer, "MNIST-C: A robustness benchmark for computer vision" (2019).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from digitcore.errors import SettingsError
from digitcore.images import SIDE

SEVERITIES = (1, 2, 3, 4, 5)
TRAINING_SEVERITIES = SEVERITIES[:4]  # the strongest is kept for the measurement
Corruption = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
_REGISTRY: dict[str, Corruption] = {}
_MIDDLE = (SIDE - 1) / 2
_CROSS = np.array([[[0, 1, 0], [1, 1, 1], [0, 1, 0]]], bool)  # a pixel and its four neighbors


def corruption(function: Corruption) -> Corruption:
    """Register a corruption under its function's name, with spaces."""
    _REGISTRY[function.__name__.strip("_").replace("_", " ")] = function
    return function


def names() -> list[str]:
    """Every corruption's name, the noises first."""
    return list(_REGISTRY)


def corrupt(digits: ArrayLike, name: str, severity: int, seed: int = 0) -> np.ndarray:
    """Corrupt digits.

    Args:
        digits: (N, 28, 28) uint8, ink 255 on 0.
        name: one of `names()`.
        severity: 1 (slight) to 5 (strong).
        seed: the same number changes the same pixels.

    Returns:
        (N, 28, 28) uint8.

    Raises:
        SettingsError: when there is no such corruption or severity.
    """
    if name not in _REGISTRY:
        raise SettingsError(f"There is no corruption called “{name}”. There are: {', '.join(names())}.")
    if severity not in SEVERITIES:
        raise SettingsError(f"The severity must be 1 to 5, not {severity!r}.")
    return _REGISTRY[name](np.asarray(digits, np.uint8), severity, np.random.default_rng([seed, severity]))


def corrupt_share(digits: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Corrupt a random share of digits, each by one of `TRAINING_CORRUPTIONS` at a random severity of 1 to 4.

    Args:
        digits: (N, 28, 28) uint8.
        share: 0 to 1; at 0 the digits are returned as they are.
        rng: source of the random numbers.

    Returns:
        (N, 28, 28) uint8.
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
    """Set a share of the pixels to white or to black, half and half."""
    draw = rng.random(digits.shape, np.float32)
    return np.where(draw < share / 2, 0, np.where(draw > 1 - share / 2, 255, digits)).astype(np.uint8)


def gaussian_noise(digits: np.ndarray, deviation: float | np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add normal noise to every pixel; its standard deviation is a share of full ink."""
    noise = rng.standard_normal(digits.shape, np.float32) * (255 * deviation)
    noisy: np.ndarray = (digits + noise).clip(0, 255).astype(np.uint8)
    return noisy


@corruption
def _salt_and_pepper(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    return salt_and_pepper(digits, (0.05, 0.1, 0.2, 0.3, 0.4)[severity - 1], rng)


@corruption
def _gaussian_noise(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    return gaussian_noise(digits, (0.1, 0.2, 0.3, 0.45, 0.6)[severity - 1], rng)


@corruption
def _blur(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    sigma = (0.6, 0.9, 1.2, 1.6, 2.0)[severity - 1]
    return np.asarray(ndimage.gaussian_filter(digits.astype(np.float32), (0, sigma, sigma))).clip(0, 255).astype(np.uint8)


@corruption
def _rotation(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    angle = np.radians((10, 20, 30, 40, 50)[severity - 1]) * rng.choice([-1, 1], len(digits))
    cos, sin = np.cos(angle), np.sin(angle)
    return _warp(digits, cos, sin, -sin, cos)


@corruption
def _shift(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    pixels = (1, 2, 3, 4, 5)[severity - 1]
    direction = rng.uniform(0, 2 * np.pi, len(digits))
    return _warp(digits, 1, 0, 0, 1, np.round(pixels * np.sin(direction)), np.round(pixels * np.cos(direction)))


@corruption
def _scale(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    smaller = (0.9, 0.8, 0.7, 0.6, 0.5)[severity - 1]
    return _warp(digits, 1 / smaller, 0, 0, 1 / smaller)


@corruption
def _shear(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    slant = (0.15, 0.3, 0.45, 0.6, 0.75)[severity - 1] * rng.choice([-1, 1], len(digits))
    return _warp(digits, 1, 0, slant, 1)


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


def _warp(
    digits: np.ndarray,
    a: ArrayLike,
    b: ArrayLike,
    c: ArrayLike,
    d: ArrayLike,
    down: ArrayLike = 0,
    right: ArrayLike = 0,
) -> np.ndarray:
    """Take each output pixel from [[a, b], [c, d]] times its coordinates, about the middle; bilinear."""
    rows, columns = (axis - _MIDDLE for axis in np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij"))

    def per_digit(value: ArrayLike) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, float), len(digits))[:, None, None]

    y = per_digit(a) * rows + per_digit(b) * columns + _MIDDLE - per_digit(down)
    x = per_digit(c) * rows + per_digit(d) * columns + _MIDDLE - per_digit(right)
    index = np.broadcast_to(np.arange(len(digits))[:, None, None], y.shape)
    return np.asarray(ndimage.map_coordinates(digits, [index, y, x], order=1, mode="constant")).astype(np.uint8)


def _blend_morphology(operation: Callable[..., np.ndarray], digits: np.ndarray, severity: int) -> np.ndarray:
    """Between the digit and its erosion or dilation by one pixel; severity 5 is all the way."""
    share = (0.2, 0.4, 0.6, 0.8, 1.0)[severity - 1]
    ink = digits.astype(np.float32)
    changed = operation(ink, footprint=_CROSS)
    return ((1 - share) * ink + share * changed).astype(np.uint8)


def _weak_contrast(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Pale ink on a grey ground, each of its own degree."""
    contrast = rng.uniform((0.7, 0.5, 0.35, 0.25)[severity - 1], 1, (len(digits), 1, 1))
    ground = rng.uniform(0, (1 - contrast) * 255)
    return np.asarray(ground + digits * contrast).astype(np.uint8)


def _line(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """A straight line across the picture, thicker and darker with the severity."""
    width, ink = (0.6, 0.8, 1.0, 1.3)[severity - 1], (120, 170, 220, 255)[severity - 1]
    angle = rng.uniform(0, np.pi, (len(digits), 1, 1))
    offset = rng.uniform(-SIDE / 2, SIDE / 2, (len(digits), 1, 1))
    rows, columns = np.arange(SIDE)[:, None] - _MIDDLE, np.arange(SIDE)[None, :] - _MIDDLE
    distance = np.abs(np.sin(angle) * rows + np.cos(angle) * columns - offset)
    return np.asarray(np.maximum(digits, ink * np.clip(width + 0.5 - distance, 0, 1))).astype(np.uint8)


def _specks(digits: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """As many dots as the severity, of one to four pixels."""
    rows, columns = np.arange(SIDE)[:, None], np.arange(SIDE)[None, :]
    specked = digits.astype(float)
    for _ in range(severity):
        top, left, radius = rng.uniform((0, 0, 0.5), (SIDE, SIDE, 1.4), (len(digits), 3)).T[..., None, None]
        specked = np.maximum(specked, 255 * np.clip(radius + 0.5 - np.hypot(rows - top, columns - left), 0, 1))
    return specked.astype(np.uint8)


TRAINING_CORRUPTIONS: tuple[Corruption, ...] = (
    _salt_and_pepper,
    _gaussian_noise,
    _blur,
    _rotation,
    _erosion,
    _occlusion,
    _weak_contrast,
    _line,
    _specks,
)
