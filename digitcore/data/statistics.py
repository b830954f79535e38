"""Descriptive statistics of MNIST: class counts, shapes, ink and mean images."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from digitcore import mnist
from digitcore.images import SIDE

MOSAIC_COLUMNS = 20  # digits of each class
INK_BINS = 16  # of the histogram


@dataclass(frozen=True, eq=False)
class DatasetStatistics:
    """Statistics of the 60,000 training digits and the 10,000 test digits.

    Attributes:
        class_counts: table with a row for each class and the columns digit, training (count) and test (count).
        shapes: table with a row for each class and means over its training digits. The columns are digit, ink (share of full ink
            over all pixels), pixels (share of pixels with any ink), width and height of the ink (px).
        ink_histogram: table with a row for each bin and the columns ink (middle of the bin, 0 to 255) and share (of all training
            pixels).
        mean_images: (10, 28, 28) uint8, mean image of each class.
        mosaic: (280, 560) uint8, twenty random training digits of each class, with a row for each class.

    Example:
        >>> statistics = dataset_statistics()
        >>> statistics
        DatasetStatistics(60,000 training digits, 10,000 test digits)
    """

    class_counts: pd.DataFrame
    shapes: pd.DataFrame
    ink_histogram: pd.DataFrame
    mean_images: np.ndarray
    mosaic: np.ndarray

    def __repr__(self) -> str:
        training, test = (int(self.class_counts[part].sum()) for part in ("training", "test"))
        return f"{type(self).__name__}({training:,} training digits, {test:,} test digits)"


def dataset_statistics(seed: int = 0) -> DatasetStatistics:
    """Compute the statistics of MNIST.

    Args:
        seed: seed of the random choice of digits in the mosaic.

    Returns:
        The statistics.

    Raises:
        DatasetNotFoundError: If MNIST is not on this machine and cannot be downloaded.

    Example:
        >>> dataset_statistics().class_counts.loc[7, ["training", "test"]].tolist()
        [6265, 1028]
    """
    data = mnist.load()
    by_class = [data.train_images[data.train_labels == digit] for digit in range(10)]
    counts = [np.bincount(labels, minlength=10) for labels in (data.train_labels, data.test_labels)]
    return DatasetStatistics(
        class_counts=pd.DataFrame({"digit": range(10), "training": counts[0], "test": counts[1]}),
        shapes=pd.DataFrame([{"digit": digit, **_mean_shape(images)} for digit, images in enumerate(by_class)]),
        ink_histogram=_ink_histogram(data.train_images),
        mean_images=np.stack([images.mean(0).round().astype(np.uint8) for images in by_class]),
        mosaic=_mosaic(by_class, np.random.default_rng(seed)),
    )


def _mean_shape(images: np.ndarray) -> dict[str, float]:
    inked = images > 0
    return {
        "ink": float(images.mean() / 255),
        "pixels": float(inked.mean()),
        "width": _mean_extent(np.asarray(inked.any(1))),
        "height": _mean_extent(np.asarray(inked.any(2))),
    }


def _mean_extent(lines: np.ndarray) -> float:
    """Return the mean distance from the first to the last line with ink, in px. The argument is (N, 28) bool."""
    return float((SIDE - lines.argmax(1) - lines[:, ::-1].argmax(1)).mean())


def _ink_histogram(images: np.ndarray) -> pd.DataFrame:
    width = 256 // INK_BINS
    counts = np.bincount(images.ravel() // width, minlength=INK_BINS)
    return pd.DataFrame({"ink": np.arange(INK_BINS) * width + width / 2, "share": counts / images.size})


def _mosaic(by_class: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    rows = [np.concatenate(list(images[rng.choice(len(images), MOSAIC_COLUMNS, replace=False)]), axis=1) for images in by_class]
    return np.concatenate(rows)
