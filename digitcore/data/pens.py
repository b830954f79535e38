"""Real pen drawings of 30 writers, for the training of genius.

Source:
    E. Alpaydin, F. Alimoglu, "Pen-Based Recognition of Handwritten Digits" (1996), UCI Machine Learning Repository,
    https://archive.ics.uci.edu/ml/datasets/Pen-Based+Recognition+of+Handwritten+Digits, licence CC BY 4.0. The file
    `pen_digits.npz` contains the original pen paths of the training writers.
"""

import functools
import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from digitcore.data.strokes import affine_matrix, distort, paint
from digitcore.data.synthetic import fit
from digitcore.errors import DatasetNotFoundError
from digitcore.images import SIDE, digit_from_ink

FILE = Path(__file__).with_name("pen_digits.npz")
VALIDATION_EVERY = 5  # Every fifth writer is a validation writer: six of 30.
EXTENTS = (90.0, 240.0)  # px of the canvas: length of the longer side of a digit
BRUSHES = (12.0, 28.0)  # px of the canvas: width of the brush
MAX_TILT = 8.0  # degrees
Strokes = list[np.ndarray]


@dataclass(frozen=True, repr=False)
class PenDrawings:
    """Labelled pen drawings.

    Attributes:
        strokes: Strokes of each drawing, each (m, 2) float with x and y in units of the tablet. y points down.
        labels: Digits, shape (N,), uint8.
        writers: Names of the writers, shape (N,).

    Example:
        >>> drawings = load()
        >>> len(drawings.strokes), len(set(drawings.writers.tolist()))
        (7490, 30)
    """

    strokes: tuple[Strokes, ...]
    labels: np.ndarray
    writers: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"PenDrawings({len(self)} drawings, {len(set(self.writers.tolist()))} writers)"

    @property
    def training(self) -> "PenDrawings":
        """The drawings of the 24 training writers."""
        return self._select(~np.isin(self.writers, self._validation_writers()))

    @property
    def validation(self) -> "PenDrawings":
        """The drawings of the six validation writers. No model is trained on these drawings."""
        return self._select(np.isin(self.writers, self._validation_writers()))

    def _validation_writers(self) -> list[str]:
        return sorted(set(self.writers.tolist()))[VALIDATION_EVERY - 1 :: VALIDATION_EVERY]

    def _select(self, chosen: np.ndarray) -> "PenDrawings":
        strokes = tuple(drawing for drawing, is_chosen in zip(self.strokes, chosen, strict=True) if is_chosen)
        return PenDrawings(strokes, self.labels[chosen], self.writers[chosen])

    def paint(self, rng: np.random.Generator, indices: np.ndarray | None = None) -> np.ndarray:
        """Paint drawings on the canvas with a random size, brush, slant, tilt and wobble, and convert them to digits.

        Args:
            rng: Random generator.
            indices: Numbers of the drawings, shape (n,), int. By default, all drawings are painted.

        Returns:
            Digits, shape (n, 28, 28), uint8, ink 255 on 0.

        Example:
            >>> load().paint(np.random.default_rng(0), np.arange(3)).shape
            (3, 28, 28)
        """
        chosen = range(len(self)) if indices is None else indices
        digits = np.zeros((len(chosen), SIDE, SIDE), np.uint8)
        for row, index in enumerate(chosen):
            if (digit := digit_from_ink(_paint(self.strokes[index], rng))) is not None:
                digits[row] = digit
        return digits


def _paint(strokes: Strokes, rng: np.random.Generator) -> np.ndarray:
    """Paint a drawing with a random style, (280, 280) uint8."""
    tilt = affine_matrix(0, np.radians(rng.uniform(-MAX_TILT, MAX_TILT)), 1)
    fitted = fit([stroke @ tilt.T for stroke in distort(strokes, rng)], extent=rng.uniform(*EXTENTS))
    return paint(fitted, brush=rng.uniform(*BRUSHES))


@functools.cache
def load() -> PenDrawings:
    """Load the pen drawings of 30 writers.

    Returns:
        The drawings. They are read once in each process.

    Raises:
        DatasetNotFoundError: If the file is missing from the installation.

    Example:
        >>> load().validation
        PenDrawings(1498 drawings, 6 writers)
    """
    if not FILE.is_file():
        raise DatasetNotFoundError(f"The pen drawings are missing. Copy {FILE.name} from the repository to {FILE.parent}.")
    with np.load(FILE) as file:
        points, drawings = file["points"].astype(float), file["sample_offsets"]
        strokes = np.split(points, file["stroke_offsets"][1:-1])
        labels, writers = file["labels"], file["writer"]
    drawn = tuple(strokes[first:last] for first, last in itertools.pairwise(drawings))
    return PenDrawings(drawn, labels, writers)
