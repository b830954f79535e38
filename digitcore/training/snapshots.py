"""Snapshots of a network during its training: small images of its weights and activations, stored with the run."""

import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import Self

import numpy as np

from digitcore.images import SIDE
from digitcore.models.network_spec import N_CLASSES

MAX_SNAPSHOTS = 8  # of one training
MAX_BYTES = 1_000_000  # of the compressed file
MAX_UNPACKED_BYTES = 10 * MAX_BYTES
ARRAYS = ("epochs", "digits", "filters", "activations", "confusion")


@dataclass(frozen=True, eq=False)
class Snapshots:
    """The snapshots of one training, taken after S of its epochs.

    Attributes:
        epochs: Completed epochs, shape (S,), float, rising. 0 is before the training.
        digits: One validation digit of each class, shape (10, 28, 28), uint8.
        filters: Weights of the first F filters or units of the first layer, shape (S, F, h, w), uint8; 128 is 0.
        activations: First M feature maps of the first layer for the digits, shape (S, 10, M, H, W), uint8; 255 is the highest
            activation of all epochs.
        confusion: Confusion matrices of the validation digits, shape (S, 10, 10), int; rows are true classes, columns are
            predicted classes.

    Example:
        >>> import numpy as np
        >>> shapes = {"epochs": (1,), "digits": (10, 28, 28), "filters": (1, 2, 5, 5), "activations": (1, 10, 2, 4, 4)}
        >>> arrays = {name: np.zeros(shape, float if name == "epochs" else np.uint8) for name, shape in shapes.items()}
        >>> snapshots = Snapshots(**arrays, confusion=np.zeros((1, 10, 10), int))
        >>> Snapshots.from_bytes(snapshots.to_bytes()).epochs
        array([0.])
    """

    epochs: np.ndarray
    digits: np.ndarray
    filters: np.ndarray
    activations: np.ndarray
    confusion: np.ndarray

    def to_bytes(self) -> bytes:
        """Return the bytes of an .npz file, which `from_bytes` can read.

        Example:
            >>> arrays = (np.zeros(0) for name in ARRAYS)
            >>> Snapshots(*arrays).to_bytes()[:2]
            b'PK'
        """
        file = io.BytesIO()
        np.savez_compressed(file, **{name: getattr(self, name) for name in ARRAYS})
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self | None:
        """Read the bytes of an .npz file that `to_bytes` made.

        Returns:
            The snapshots, or None if the file is damaged, too large or has arrays of the wrong shape.

        Example:
            >>> Snapshots.from_bytes(b"no such file") is None
            True
        """
        try:
            _check_size(content)
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                found = cls(*(arrays[name] for name in ARRAYS))
            return found if found._is_sound() else None
        except (ValueError, KeyError, OSError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error):
            return None

    def _is_sound(self) -> bool:
        """Check the shape and the type of each array."""
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
    """Raise a ValueError if the file is too large, compressed or unpacked."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        if len(content) > MAX_BYTES or sum(member.file_size for member in packed.infolist()) > MAX_UNPACKED_BYTES:
            raise ValueError("The snapshots are too large.")
