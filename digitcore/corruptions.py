"""Digits made worse on purpose, at five strengths, to see what a model still reads.

Every corruption is (N, 28, 28) uint8, a strength of 1 to 5 and a random generator → (N, 28, 28) uint8.
Source of the idea and of most kinds: N. Mu, J. Gilmer, "MNIST-C: A robustness benchmark for computer vision" (2019).
"""

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from digitcore.errors import SettingsError
from digitcore.images import SIDE

STRENGTHS = (1, 2, 3, 4, 5)
Corruption = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
_REGISTRY: dict[str, Corruption] = {}
_MIDDLE = (SIDE - 1) / 2
_CROSS = np.array([[[0, 1, 0], [1, 1, 1], [0, 1, 0]]], bool)  # a pixel and its four neighbours


def names() -> list[str]:
    """Every corruption's name, the noises first."""
    return list(_REGISTRY)


def corrupt(digits: np.ndarray, name: str, strength: int, seed: int = 0) -> np.ndarray:
    """Digits made worse.

    Args:
        digits: (N, 28, 28) uint8, ink 255 on 0.
        name: one of `names()`.
        strength: 1 (slight) to 5 (strong).
        seed: the same number spoils the same pixels.

    Returns:
        (N, 28, 28) uint8.

    Raises:
        SettingsError: when there is no such corruption or strength.
    """
    if name not in _REGISTRY:
        raise SettingsError(f"There is no corruption called “{name}”. There are: {', '.join(names())}.")
    if strength not in STRENGTHS:
        raise SettingsError(f"The strength must be 1 to 5, not {strength!r}.")
    return _REGISTRY[name](np.asarray(digits, np.uint8), strength, np.random.default_rng([seed, strength]))


def _corruption(spoil):
    _REGISTRY[spoil.__name__.strip("_").replace("_", " ")] = spoil
    return spoil


def salt_and_pepper(digits: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """A share of the pixels set to white or to black, half and half."""
    draw = rng.random(digits.shape, np.float32)
    return np.where(draw < share / 2, 0, np.where(draw > 1 - share / 2, 255, digits)).astype(np.uint8)


def gaussian_noise(digits: np.ndarray, deviation: float, rng: np.random.Generator) -> np.ndarray:
    """Normal noise of a standard deviation, as a share of full ink, added to every pixel."""
    noise = rng.standard_normal(digits.shape, np.float32) * (255 * deviation)
    return (digits + noise).clip(0, 255).astype(np.uint8)


@_corruption
def _salt_and_pepper(digits, strength, rng):
    return salt_and_pepper(digits, (0.05, 0.1, 0.2, 0.3, 0.4)[strength - 1], rng)


@_corruption
def _gaussian_noise(digits, strength, rng):
    return gaussian_noise(digits, (0.1, 0.2, 0.3, 0.45, 0.6)[strength - 1], rng)


@_corruption
def _blur(digits, strength, rng):
    sigma = (0.6, 0.9, 1.2, 1.6, 2.0)[strength - 1]
    return ndimage.gaussian_filter(digits.astype(np.float32), (0, sigma, sigma)).clip(0, 255).astype(np.uint8)


@_corruption
def _rotation(digits, strength, rng):
    angle = np.radians((10, 20, 30, 40, 50)[strength - 1]) * rng.choice([-1, 1], len(digits))
    cos, sin = np.cos(angle), np.sin(angle)
    return _warped(digits, cos, sin, -sin, cos)


@_corruption
def _shift(digits, strength, rng):
    pixels = (1, 2, 3, 4, 5)[strength - 1]
    direction = rng.uniform(0, 2 * np.pi, len(digits))
    return _warped(digits, 1, 0, 0, 1, np.round(pixels * np.sin(direction)), np.round(pixels * np.cos(direction)))


@_corruption
def _scale(digits, strength, rng):
    smaller = (0.9, 0.8, 0.7, 0.6, 0.5)[strength - 1]
    return _warped(digits, 1 / smaller, 0, 0, 1 / smaller)


@_corruption
def _shear(digits, strength, rng):
    lean = (0.15, 0.3, 0.45, 0.6, 0.75)[strength - 1] * rng.choice([-1, 1], len(digits))
    return _warped(digits, 1, 0, lean, 1)


@_corruption
def _thinner(digits, strength, rng):
    return _morphed(ndimage.grey_erosion, digits, strength)


@_corruption
def _thicker(digits, strength, rng):
    return _morphed(ndimage.grey_dilation, digits, strength)


@_corruption
def _occlusion(digits, strength, rng):
    side = (4, 6, 8, 10, 12)[strength - 1]
    top, left = rng.integers(4, 24 - side + 1, (2, len(digits), 1, 1))
    rows, columns = np.arange(SIDE)[:, None], np.arange(SIDE)[None, :]
    hidden = (rows >= top) & (rows < top + side) & (columns >= left) & (columns < left + side)
    return np.where(hidden, 0, digits).astype(np.uint8)


def _warped(digits, a, b, c, d, down=0, right=0):
    """Each output pixel taken from [[a, b], [c, d]] times its place, about the middle; bilinear."""
    rows, columns = (axis - _MIDDLE for axis in np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij"))

    def each(value):
        return np.broadcast_to(np.asarray(value, float), len(digits))[:, None, None]

    y = each(a) * rows + each(b) * columns + _MIDDLE - each(down)
    x = each(c) * rows + each(d) * columns + _MIDDLE - each(right)
    which = np.broadcast_to(np.arange(len(digits))[:, None, None], y.shape)
    return ndimage.map_coordinates(digits, [which, y, x], order=1, mode="constant").astype(np.uint8)


def _morphed(operation, digits, strength):
    """Between the digit and its erosion or dilation by one pixel; strength 5 is all the way."""
    share = (0.2, 0.4, 0.6, 0.8, 1.0)[strength - 1]
    ink = digits.astype(np.float32)
    changed = operation(ink, footprint=_CROSS)
    return ((1 - share) * ink + share * changed).astype(np.uint8)
