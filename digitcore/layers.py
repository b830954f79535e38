"""What each layer of a network makes of a digit. Plain data; `training.layers` fills it in the worker."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer's answer to a digit.

    Attributes:
        name: in words.
        units: how many pictures, or numbers, it makes.
        pictures: (K, H, W) uint8, the liveliest of them, at most 12; a layer of numbers is one picture of one row.
        dead: share of its units that stay 0 for each of 500 MNIST digits, 0 to 1; None where there is no ReLU.
    """

    name: str
    units: int
    pictures: np.ndarray
    dead: float | None
