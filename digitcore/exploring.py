"""What MNIST is made of: how many of each digit, how they look on average, how much ink they have."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from digitcore import mnist
from digitcore.images import SIDE

ROW = 20  # digits of a kind in the mosaic
LEVELS = 16  # steps of ink in the histogram


@dataclass(frozen=True, eq=False)
class Exploration:
    """Facts about the 60,000 training and the 10,000 test digits.

    Attributes:
        classes: one row a digit: digit, training, test (how many).
        shapes: one row a digit, means over the training digits: digit, ink (share of full ink over all pixels), pixels (share
            that has any ink), width and height of the ink, in px.
        levels: one row a step of ink: ink (0 to 255, the middle of the step), share of all training pixels.
        means: (10, 28, 28) uint8, the mean picture of each digit.
        mosaic: (280, 560) uint8, a row of twenty random training digits of each kind.
    """

    classes: pd.DataFrame
    shapes: pd.DataFrame
    levels: pd.DataFrame
    means: np.ndarray
    mosaic: np.ndarray


def explore(seed: int = 0) -> Exploration:
    """Look at the data set.

    Args:
        seed: chooses the digits of the mosaic.

    Raises:
        DataMissing: when MNIST is not here and cannot be fetched.
    """
    data = mnist.load()
    of_each = [data.train_images[data.train_labels == digit] for digit in range(10)]
    counts = [np.bincount(labels, minlength=10) for labels in (data.train_labels, data.test_labels)]
    return Exploration(
        classes=pd.DataFrame({"digit": range(10), "training": counts[0], "test": counts[1]}),
        shapes=pd.DataFrame([{"digit": digit, **_shape(pictures)} for digit, pictures in enumerate(of_each)]),
        levels=_levels(data.train_images),
        means=np.stack([pictures.mean(0).round().astype(np.uint8) for pictures in of_each]),
        mosaic=_mosaic(of_each, np.random.default_rng(seed)),
    )


def _shape(pictures):
    inked = pictures > 0
    return {
        "ink": float(pictures.mean() / 255),
        "pixels": float(inked.mean()),
        "width": _extent(inked.any(1)),
        "height": _extent(inked.any(2)),
    }


def _extent(lines):
    """Mean distance from the first inked line to the last, both counted: (N, 28) bool → px."""
    return float((SIDE - lines.argmax(1) - lines[:, ::-1].argmax(1)).mean())


def _levels(pictures):
    step = 256 // LEVELS
    counts = np.bincount(pictures.ravel() // step, minlength=LEVELS)
    return pd.DataFrame({"ink": np.arange(LEVELS) * step + step / 2, "share": counts / pictures.size})


def _mosaic(of_each, rng):
    rows = [np.concatenate(list(pictures[rng.choice(len(pictures), ROW, replace=False)]), axis=1) for pictures in of_each]
    return np.concatenate(rows)
