"""The user's labelled digits."""

import io
import json
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from digitcore.errors import SampleError
from digitcore.images import SIDE


def _no_digits():
    return np.zeros((0, SIDE, SIDE), np.uint8)


MOST_TEXT = 100_000  # characters of one sample's strokes
HELD_OUT = 4  # every fourth sample of a digit is kept out of training


@dataclass(frozen=True, eq=False)
class SampleSet:
    """Digits with their labels, in the order in which they were drawn. Never changed in place.

    Attributes:
        digits: (N, 28, 28) uint8, ink 255 on 0.
        labels: (N,) uint8, 0 to 9.
        held_out: (N,) bool, True where a sample is kept out of training, for the personal score.
        strokes: (N,) how each was drawn, as JSON of `digitcore.strokes`; "" where that is not known.
        dates: (N,) when each was labelled, as ISO 8601; "" where that is not known.
    """

    digits: np.ndarray = field(default_factory=_no_digits)
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))
    held_out: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    strokes: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()

    @classmethod
    def from_arrays(cls, digits, labels, held_out=None, strokes=None, dates=None) -> "SampleSet":
        """Check and keep arrays.

        Args:
            digits: (N, 28, 28) of whole numbers 0 to 255.
            labels: (N,) of whole numbers 0 to 9.
            held_out: (N,) of True and False; None holds out every fourth of each digit.
            strokes, dates: (N,) texts; None where they are not known.

        Raises:
            SampleError: when a shape, type or range is wrong.
        """
        digits, labels = np.asarray(digits), np.asarray(labels)
        if digits.ndim != 3 or digits.shape[1:] != (SIDE, SIDE):
            raise SampleError(f"Digits must be an array of N × {SIDE} × {SIDE}, not {digits.shape}.")
        if labels.shape != digits.shape[:1]:
            raise SampleError(f"{len(digits)} digits need as many labels, not {labels.shape}.")
        _check_whole(digits, 255, "Digits")
        _check_whole(labels, 9, "Labels")
        labels = labels.astype(np.uint8)
        held_out = _every_fourth(labels) if held_out is None else np.asarray(held_out)
        if held_out.shape != labels.shape or held_out.dtype != bool:
            raise SampleError(f"{len(labels)} samples need as many marks of held out or not, not {held_out.shape}.")
        texts = [_texts(values, len(labels)) for values in (strokes, dates)]
        return cls(digits.astype(np.uint8), labels, held_out, *texts)

    @classmethod
    def from_npz(cls, data: bytes) -> "SampleSet":
        """From an .npz file's bytes with `digits`, `labels` and perhaps the others; nothing in it is ever run.

        Raises:
            SampleError: when it is no such file.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                texts = [_unpacked(arrays[name]) if name in arrays else None for name in ("strokes", "dates")]
                return cls.from_arrays(arrays["digits"], arrays["labels"], arrays.get("held_out", None), *texts)
        except (ValueError, KeyError, OSError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
            raise SampleError("This is no sample file: an .npz with digits (N, 28, 28) and labels (N,) is needed.") from error

    def to_npz(self) -> bytes:
        """As an .npz file; the texts are JSON in bytes, so that no pickle is needed."""
        file = io.BytesIO()
        texts = {"strokes": _packed(self.strokes), "dates": _packed(self.dates)}
        np.savez_compressed(file, digits=self.digits, labels=self.labels, held_out=self.held_out, **texts)
        return file.getvalue()

    def __len__(self) -> int:
        return len(self.labels)

    def add(self, digit, label: int, strokes: str = "", date: str = "") -> "SampleSet":
        """One more sample, at the end."""
        held_out = (np.count_nonzero(self.labels == label) + 1) % HELD_OUT == 0
        return self.joined(
            SampleSet.from_arrays(np.asarray(digit)[None], np.array([label]), np.array([held_out]), [strokes], [date])
        )

    def joined(self, other: "SampleSet") -> "SampleSet":
        """These, then others."""
        return SampleSet(
            np.concatenate([self.digits, other.digits]),
            np.concatenate([self.labels, other.labels]),
            np.concatenate([self.held_out, other.held_out]),
            self.strokes + other.strokes,
            self.dates + other.dates,
        )

    def not_in(self, other: "SampleSet") -> "SampleSet":
        """Those whose digit does not stand in the others under the same label."""
        known = {(digit.tobytes(), label) for digit, label in zip(other.digits, other.labels, strict=True)}
        return self.take(i for i in range(len(self)) if (self.digits[i].tobytes(), self.labels[i]) not in known)

    def take(self, indices: Iterable[int]) -> "SampleSet":
        """Only these, in this order."""
        chosen = np.asarray(list(indices), int)
        texts = [tuple(values[i] for i in chosen) for values in (self.strokes, self.dates)]
        return SampleSet(self.digits[chosen], self.labels[chosen], self.held_out[chosen], *texts)

    def without(self, indices: Iterable[int]) -> "SampleSet":
        """All but these."""
        gone = set(indices)
        return self.take(i for i in range(len(self)) if i not in gone)

    def without_last(self) -> "SampleSet":
        """All but the newest."""
        return self.take(range(len(self) - 1))

    def relabelled(self, indices: Iterable[int], label: int) -> "SampleSet":
        """The same, but these bear another label."""
        labels = self.labels.copy()
        labels[list(indices)] = label
        return replace(self, labels=labels)

    def to_learn(self) -> "SampleSet":
        """Those that are not held out."""
        return self.take(np.flatnonzero(~self.held_out))

    def to_judge(self) -> "SampleSet":
        """Those that are held out; all of them while none is."""
        return self.take(np.flatnonzero(self.held_out)) if self.held_out.any() else self

    def none_held_out(self) -> "SampleSet":
        """The same, with nothing held out."""
        return replace(self, held_out=np.zeros(len(self), bool))

    def counts(self) -> list[int]:
        """How many samples each of the ten digits has."""
        return np.bincount(self.labels, minlength=10).tolist()


def _every_fourth(labels):
    earlier = np.array([np.count_nonzero(labels[:i] == label) for i, label in enumerate(labels)], int)
    return (earlier + 1) % HELD_OUT == 0


def _texts(values, count):
    """(N,) texts, empty ones where none are known."""
    if values is None:
        return ("",) * count
    values = tuple(values)
    if len(values) != count or not all(isinstance(value, str) for value in values):
        raise SampleError(f"{count} samples need as many texts for their strokes and dates.")
    if not all(len(value) <= MOST_TEXT and value.isprintable() for value in values):
        raise SampleError("A text of these samples is too long, or holds signs that no text holds.")
    return values


def _packed(texts):
    """Texts as the bytes of a JSON list: (B,) uint8."""
    return np.frombuffer(json.dumps(texts).encode(), np.uint8)


def _unpacked(array):
    texts = json.loads(np.asarray(array, np.uint8).tobytes())
    if not isinstance(texts, list):
        raise SampleError("The texts of this sample file are no list.")
    return texts


def _check_whole(values, highest, name):
    if values.dtype.kind not in "iub":
        raise SampleError(f"{name} must be whole numbers, not {values.dtype}.")
    if values.size and (values.min() < 0 or values.max() > highest):
        raise SampleError(f"{name} must lie between 0 and {highest}.")
