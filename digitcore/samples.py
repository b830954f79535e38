"""The user's labelled digits."""

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from digitcore.errors import SampleError
from digitcore.images import SIDE

MAX_TEXT = 100_000  # characters of one sample's strokes
HOLD_OUT_EVERY = 4  # of a digit's samples, one in so many is kept out of training


def _no_digits() -> np.ndarray:
    return np.zeros((0, SIDE, SIDE), np.uint8)


@dataclass(frozen=True, eq=False)
class SampleSet:
    """Digits with their labels, in the order in which they were drawn. Never changed in place.

    Attributes:
        digits: (N, 28, 28) uint8, ink 255 on 0.
        labels: (N,) uint8, 0 to 9.
        held_out: (N,) bool, True where a sample is kept out of training, for the personal score.
        strokes: (N,) how each was drawn, as JSON of `digitcore.data.strokes`; "" where that is unknown.
        dates: (N,) when each was labelled, as ISO 8601; "" where that is unknown.
    """

    digits: np.ndarray = field(default_factory=_no_digits)
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))
    held_out: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    strokes: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()

    @classmethod
    def from_arrays(
        cls,
        digits: ArrayLike,
        labels: ArrayLike,
        held_out: ArrayLike | None = None,
        strokes: Sequence[str] | None = None,
        dates: Sequence[str] | None = None,
    ) -> "SampleSet":
        """Validate arrays.

        Args:
            digits: (N, 28, 28) integers 0 to 255.
            labels: (N,) integers 0 to 9.
            held_out: (N,) bool; None holds out every fourth of each digit.
            strokes, dates: (N,) texts; None where they are unknown.

        Raises:
            SampleError: when a shape, type or range is wrong.
        """
        digits, labels = np.asarray(digits), np.asarray(labels)
        if digits.ndim != 3 or digits.shape[1:] != (SIDE, SIDE):
            raise SampleError(f"Digits must be an array of N × {SIDE} × {SIDE}, not {digits.shape}.")
        if labels.shape != digits.shape[:1]:
            raise SampleError(f"{len(digits)} digits need as many labels, not {labels.shape}.")
        _check_integers(digits, 255, "Digits")
        _check_integers(labels, 9, "Labels")
        labels = labels.astype(np.uint8)
        held_out = _hold_out(labels) if held_out is None else np.asarray(held_out)
        if held_out.shape != labels.shape or held_out.dtype != bool:
            raise SampleError(f"{len(labels)} samples need as many marks of held out or not, not {held_out.shape}.")
        return cls(
            digits.astype(np.uint8), labels, held_out, _check_texts(strokes, len(labels)), _check_texts(dates, len(labels))
        )

    @classmethod
    def from_npz(cls, content: bytes) -> "SampleSet":
        """Read an .npz file with `digits`, `labels` and perhaps the others; no pickle in it is loaded.

        Raises:
            SampleError: when it is no such file.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                strokes, dates = (_decode_texts(arrays[name]) if name in arrays else None for name in ("strokes", "dates"))
                return cls.from_arrays(arrays["digits"], arrays["labels"], arrays.get("held_out", None), strokes, dates)
        except (ValueError, KeyError, OSError, EOFError, MemoryError, RecursionError, zipfile.BadZipFile, zlib.error) as error:
            raise SampleError("This is no sample file: an .npz with digits (N, 28, 28) and labels (N,) is needed.") from error

    def to_npz(self) -> bytes:
        """An .npz file; the texts are JSON in bytes, so that no pickle is needed."""
        file = io.BytesIO()
        np.savez_compressed(
            file,
            digits=self.digits,
            labels=self.labels,
            held_out=self.held_out,
            strokes=_encode_texts(self.strokes),
            dates=_encode_texts(self.dates),
        )
        return file.getvalue()

    def __len__(self) -> int:
        return len(self.labels)

    def add(self, digit: ArrayLike, label: int, strokes: str = "", date: str = "") -> "SampleSet":
        """A set with one more sample, at the end."""
        held_out = (np.count_nonzero(self.labels == label) + 1) % HOLD_OUT_EVERY == 0
        return self.concatenate(
            SampleSet.from_arrays(np.asarray(digit)[None], np.array([label]), np.array([held_out]), [strokes], [date])
        )

    def concatenate(self, other: "SampleSet") -> "SampleSet":
        """These samples, followed by others."""
        return SampleSet(
            np.concatenate([self.digits, other.digits]),
            np.concatenate([self.labels, other.labels]),
            np.concatenate([self.held_out, other.held_out]),
            self.strokes + other.strokes,
            self.dates + other.dates,
        )

    def identities(self) -> list[str]:
        """By which each sample is known again in another set: a hash of its digit and its label."""
        pairs = zip(self.digits, self.labels, strict=True)
        return [hashlib.blake2b(digit.tobytes() + bytes([label]), digest_size=16).hexdigest() for digit, label in pairs]

    def difference(self, other: "SampleSet") -> "SampleSet":
        """The samples whose digit is not in another set under the same label."""
        known = set(other.identities())
        return self.take(i for i, identity in enumerate(self.identities()) if identity not in known)

    def take(self, indices: Iterable[int]) -> "SampleSet":
        """The samples at these indices, in this order."""
        chosen = np.asarray(list(indices), int)
        strokes, dates = (tuple(texts[i] for i in chosen) for texts in (self.strokes, self.dates))
        return SampleSet(self.digits[chosen], self.labels[chosen], self.held_out[chosen], strokes, dates)

    def drop(self, indices: Iterable[int]) -> "SampleSet":
        """All samples but those at these indices."""
        dropped = set(indices)
        return self.take(i for i in range(len(self)) if i not in dropped)

    def drop_last(self) -> "SampleSet":
        """All samples but the newest."""
        return self.take(range(len(self) - 1))

    def relabel(self, indices: Iterable[int], label: int) -> "SampleSet":
        """The same samples, with another label at these indices."""
        labels = self.labels.copy()
        labels[list(indices)] = label
        return replace(self, labels=labels)

    def training_part(self) -> "SampleSet":
        """The samples that are not held out."""
        return self.take(np.flatnonzero(~self.held_out))

    def test_part(self) -> "SampleSet":
        """The samples that are held out; all of them while none is."""
        return self.take(np.flatnonzero(self.held_out)) if self.held_out.any() else self

    def without_hold_out(self) -> "SampleSet":
        """The same samples, none of them held out."""
        return replace(self, held_out=np.zeros(len(self), bool))

    def counts(self) -> list[int]:
        """Number of samples of each of the ten digits."""
        counts: list[int] = np.bincount(self.labels, minlength=10).tolist()
        return counts


def _hold_out(labels: np.ndarray) -> np.ndarray:
    earlier = np.array([np.count_nonzero(labels[:i] == label) for i, label in enumerate(labels)], int)
    return np.asarray((earlier + 1) % HOLD_OUT_EVERY == 0)


def _check_texts(values: Sequence[str] | None, n: int) -> tuple[str, ...]:
    """(n,) texts, empty ones where none are given."""
    if values is None:
        return ("",) * n
    texts = tuple(values)
    if len(texts) != n or not all(isinstance(text, str) for text in texts):
        raise SampleError(f"{n} samples need as many texts for their strokes and dates.")
    if not all(len(text) <= MAX_TEXT and text.isprintable() for text in texts):
        raise SampleError("A text of these samples is too long, or holds signs that no text holds.")
    return texts


def _encode_texts(texts: Sequence[str]) -> np.ndarray:
    """Texts as the bytes of a JSON list: (B,) uint8."""
    return np.frombuffer(json.dumps(texts).encode(), np.uint8)


def _decode_texts(array: np.ndarray) -> list[Any]:
    texts = json.loads(np.asarray(array, np.uint8).tobytes())
    if not isinstance(texts, list):
        raise SampleError("The texts of this sample file are no list.")
    return texts


def _check_integers(values: np.ndarray, highest: int, name: str) -> None:
    if values.dtype.kind not in "iub":
        raise SampleError(f"{name} must be whole numbers, not {values.dtype}.")
    if values.size and (values.min() < 0 or values.max() > highest):
        raise SampleError(f"{name} must lie between 0 and {highest}.")
