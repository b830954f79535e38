"""What a network looked like while it learnt: a few small pictures of it, kept with its run."""

import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import Self

import numpy as np

from digitcore.images import SIDE
from digitcore.models.network_spec import N_CLASSES

MAX_SNAPSHOTS = 8  # of one training
MAX_BYTES = 1_000_000  # of the file of all, and of what it unpacks to ten times as many
ARRAYS = ("epochs", "digits", "filters", "activations", "confusion")


@dataclass(frozen=True, eq=False)
class Snapshots:
    """A training at some of its epochs, S of them.

    Attributes:
        epochs: (S,) float, rising; 0 is before the training.
        digits: (10, 28, 28) uint8, one unseen digit of each class.
        filters: (S, F, h, w) uint8, the weights of the first layer's first F filters or units, 128 is 0.
        activations: (S, 10, M, H, W) uint8, its first M maps for the digits, 255 the highest of all epochs.
        confusion: (S, 10, 10) int, of the validation digits: rows the true digit, columns the predicted one.
    """

    epochs: np.ndarray
    digits: np.ndarray
    filters: np.ndarray
    activations: np.ndarray
    confusion: np.ndarray

    def to_bytes(self) -> bytes:
        """An .npz file."""
        file = io.BytesIO()
        np.savez_compressed(file, **{name: getattr(self, name) for name in ARRAYS})
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self | None:
        """Read what `to_bytes` gave; None where it is no such file."""
        try:
            _check_size(content)
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                found = cls(*(arrays[name] for name in ARRAYS))
            return found if found._is_sound() else None
        except (ValueError, KeyError, OSError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error):
            return None

    def _is_sound(self) -> bool:
        n = len(self.epochs)
        pictures = (self.digits, self.filters, self.activations)
        return (
            self.epochs.shape == (n,)
            and 0 < n <= MAX_SNAPSHOTS
            and np.issubdtype(self.epochs.dtype, np.floating)
            and bool(np.isfinite(self.epochs).all())
            and self.digits.shape == (N_CLASSES, SIDE, SIDE)
            and self.confusion.shape == (n, N_CLASSES, N_CLASSES)
            and np.issubdtype(self.confusion.dtype, np.integer)
            and self.filters.ndim == 4
            and self.activations.ndim == 5
            and self.activations.shape[:2] == (n, N_CLASSES)
            and len(self.filters) == n
            and all(picture.dtype == np.uint8 and picture.size for picture in pictures)
        )


def _check_size(content: bytes) -> None:
    """Refuse what would unpack to very much.

    Raises:
        ValueError: when it is too large.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        if len(content) > MAX_BYTES or sum(member.file_size for member in packed.infolist()) > 10 * MAX_BYTES:
            raise ValueError("These are too many.")
