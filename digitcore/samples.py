"""Sample sets: the user's labelled digits."""

import functools
import hashlib
import io
import json
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from digitcore import identifiers
from digitcore.errors import ZIP_ERRORS, SampleError
from digitcore.images import SIDE
from digitcore.values import plural

MAX_TEXT = 100_000  # characters of a sample's strokes
MAX_HASH = 64  # characters of a model's hash
HOLD_OUT_EVERY = 4  # Every fourth drawing of a digit is held out.
UNKNOWN = -1  # stored as the digit if the first prediction is unknown


def _no_digits() -> np.ndarray:
    return np.zeros((0, SIDE, SIDE), np.uint8)


class FirstPrediction(NamedTuple):
    """The prediction of a sample by a model before the sample had a label.

    Attributes:
        model: SHA-256 of the model's .tflite file.
        digit: Predicted digit, 0 to 9.
        confidence: Probability of the predicted digit, 0 to 1.

    Example:
        >>> FirstPrediction("ab12", digit=7, confidence=0.98).digit
        7
    """

    model: str
    digit: int
    confidence: float

    @classmethod
    def from_untrusted(cls, model: Any, digit: Any, confidence: Any) -> "FirstPrediction | None":
        """Check stored values.

        Args:
            model: SHA-256 of a model.
            digit: Predicted digit.
            confidence: Probability of the predicted digit.

        Returns:
            The prediction, or `None` if a value is malformed.

        Example:
            >>> FirstPrediction.from_untrusted("ab12", 7, 0.98)
            FirstPrediction(model='ab12', digit=7, confidence=0.98)
            >>> FirstPrediction.from_untrusted("ab12", 10, 0.98) is None
            True
        """
        try:
            is_sound = isinstance(model, str) and 0 < len(model) <= MAX_HASH and model.isalnum()
            found = cls(str(model), int(digit), float(confidence))
        except (TypeError, ValueError, OverflowError):
            return None
        is_sound = is_sound and found.digit == digit and 0 <= found.digit <= 9 and 0 <= found.confidence <= 1
        return found if is_sound else None


@dataclass(frozen=True, eq=False)
class SampleSet:
    """An immutable set of labelled digits, in the order in which they were drawn.

    Attributes:
        digits: (N, 28, 28) uint8, ink 255 on 0.
        labels: (N,) uint8, 0 to 9.
        held_out: (N,) bool, whether each sample is held out of training for the personal score.
        is_example: (N,) bool, whether each sample is an MNIST digit that the user has labelled instead of a drawing.
        strokes: strokes of each sample as JSON of `digitcore.data.strokes`, or "" if they are unknown.
        dates: time at which each sample was labelled, in ISO 8601 format, or "" if it is unknown.
        first_predictions: prediction of each sample before it had a label, or `None` if it is unknown.
        ids: identifier of each sample, which does not change when the sample is relabelled.

    Example:
        >>> SampleSet.from_arrays(np.zeros((5, 28, 28), np.uint8), [3, 3, 3, 3, 7])
        SampleSet(5 samples, 1 held out)
    """

    digits: np.ndarray = field(default_factory=_no_digits)
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))
    held_out: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    strokes: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    is_example: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    first_predictions: tuple[FirstPrediction | None, ...] = ()
    ids: tuple[str, ...] = ()

    @classmethod
    def from_arrays(
        cls,
        digits: ArrayLike,
        labels: ArrayLike,
        held_out: ArrayLike | None = None,
        strokes: Sequence[str] | None = None,
        dates: Sequence[str] | None = None,
        is_example: ArrayLike | None = None,
        first_predictions: Sequence[FirstPrediction | None] | None = None,
        ids: Sequence[str] | None = None,
    ) -> "SampleSet":
        """Create a set from arrays and check them.

        Args:
            digits: (N, 28, 28) integers 0 to 255.
            labels: (N,) integers 0 to 9.
            held_out: (N,) bool, whether each sample is held out. By default, every fourth drawing of each digit is held out.
            strokes: N texts, or `None` if the strokes are unknown.
            dates: N texts, or `None` if the dates are unknown.
            is_example: (N,) bool, whether each sample is an MNIST digit. By default, all samples are drawings.
            first_predictions: N predictions, or `None` if they are unknown.
            ids: N different identifiers. By default, they are created.

        Returns:
            The set.

        Raises:
            SampleError: If a shape, type or range is wrong.

        Example:
            >>> SampleSet.from_arrays(np.zeros((2, 28, 28), np.uint8), [3, 9]).labels
            array([3, 9], dtype=uint8)
        """
        digits, labels = np.asarray(digits), np.asarray(labels)
        if digits.ndim != 3 or digits.shape[1:] != (SIDE, SIDE):
            raise SampleError(f"Digits must be an array of shape (N, {SIDE}, {SIDE}), not {digits.shape}. Reshape the array.")
        if labels.shape != digits.shape[:1]:
            raise SampleError(
                f"{len(digits)} digits need labels of shape ({len(digits)},), not {labels.shape}. Pass one label for each digit."
            )
        _check_integers(digits, 255, "Digits")
        _check_integers(labels, 9, "Labels")
        labels = labels.astype(np.uint8)
        n = len(labels)
        is_example = _check_mask(np.zeros(n, bool) if is_example is None else is_example, n, "is_example")
        held_out = _check_mask(_hold_out(labels, is_example) if held_out is None else held_out, n, "held_out")
        first_predictions = (None,) * n if first_predictions is None else tuple(first_predictions)
        if len(first_predictions) != n:
            raise SampleError(
                f"{n} samples need {n} first predictions, not {len(first_predictions)}. Pass one item for each sample."
            )
        return cls(
            digits.astype(np.uint8),
            labels,
            held_out,
            _check_texts(strokes, n),
            _check_texts(dates, n),
            is_example,
            first_predictions,
            identifiers.create(n) if ids is None else tuple(ids),
        )

    @classmethod
    def from_npz(cls, content: bytes) -> "SampleSet":
        """Read an .npz file without loading a pickle.

        The file must contain the arrays `digits` and `labels`. All other arrays are optional.

        Args:
            content: content of the file.

        Returns:
            The set.

        Raises:
            SampleError: If the file is damaged or does not contain samples.

        Example:
            >>> samples = SampleSet().add(np.zeros((28, 28), np.uint8), 7)
            >>> SampleSet.from_npz(samples.to_npz())
            SampleSet(1 sample, 0 held out)
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                strokes, dates = (_decode_texts(arrays[name]) if name in arrays else None for name in ("strokes", "dates"))
                return cls.from_arrays(
                    arrays["digits"],
                    arrays["labels"],
                    arrays.get("held_out", None),
                    strokes,
                    dates,
                    arrays.get("is_example", None),
                    _read_first_predictions(arrays),
                    _read_ids(arrays),
                )
        except (MemoryError, *ZIP_ERRORS) as error:  # RecursionError is a RuntimeError.
            raise SampleError(
                "This is not a sample file. Choose an .npz file with the arrays digits (N, 28, 28) and labels (N,)."
            ) from error

    def to_npz(self) -> bytes:
        """Write an .npz file. Texts are stored as bytes of a JSON list, so that reading them needs no pickle.

        Returns:
            Content of the file.

        Example:
            >>> np.load(io.BytesIO(SampleSet().to_npz())).files[:6]
            ['digits', 'labels', 'held_out', 'strokes', 'dates', 'is_example']
        """
        file, first = io.BytesIO(), self.first_predictions
        np.savez_compressed(
            file,
            digits=self.digits,
            labels=self.labels,
            held_out=self.held_out,
            strokes=_encode_texts(self.strokes),
            dates=_encode_texts(self.dates),
            is_example=self.is_example,
            first_digits=np.array([item.digit if item else UNKNOWN for item in first], np.int8),
            first_confidences=np.array([item.confidence if item else math.nan for item in first], float),
            first_models=_encode_texts([item.model if item else "" for item in first]),
            ids=_encode_texts(self.ids),
        )
        return file.getvalue()

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({plural(len(self), 'sample')}, {np.count_nonzero(self.held_out):,} held out)"

    def add(
        self,
        digit: ArrayLike,
        label: int,
        strokes: str = "",
        date: str = "",
        *,
        is_example: bool = False,
        first_prediction: FirstPrediction | None = None,
    ) -> "SampleSet":
        """Return the set with another sample at the end.

        Every fourth drawing of a digit is held out. MNIST examples are not held out.

        Args:
            digit: (28, 28) integers 0 to 255.
            label: label of the digit, 0 to 9.
            strokes: strokes as JSON, or "" if they are unknown.
            date: time at which the digit was labelled, in ISO 8601 format, or "" if it is unknown.
            is_example: whether the digit is an MNIST digit instead of a drawing.
            first_prediction: prediction of the digit before it had a label, or `None` if it is unknown.

        Returns:
            The larger set.

        Raises:
            SampleError: If a shape, type or range is wrong.

        Example:
            >>> SampleSet().add(np.zeros((28, 28), np.uint8), 7)
            SampleSet(1 sample, 0 held out)
        """
        n_drawings = np.count_nonzero((self.labels == label) & ~self.is_example) + 1
        held_out = not is_example and n_drawings % HOLD_OUT_EVERY == 0
        digits, labels = np.asarray(digit)[None], np.array([label])
        return self.concatenate(
            SampleSet.from_arrays(
                digits, labels, np.array([held_out]), [strokes], [date], np.array([is_example]), [first_prediction]
            )
        )

    def concatenate(self, other: "SampleSet") -> "SampleSet":
        """Return these samples followed by the samples of another set. A sample that is in both sets gets another identifier.

        Args:
            other: the set to append.

        Returns:
            The larger set.

        Example:
            >>> single = SampleSet().add(np.zeros((28, 28), np.uint8), 7)
            >>> single.concatenate(single).labels.tolist()
            [7, 7]
        """
        known = set(self.ids)
        n_known = sum(one in known for one in other.ids)
        new = iter(identifiers.create(n_known))
        return SampleSet(
            np.concatenate([self.digits, other.digits]),
            np.concatenate([self.labels, other.labels]),
            np.concatenate([self.held_out, other.held_out]),
            self.strokes + other.strokes,
            self.dates + other.dates,
            np.concatenate([self.is_example, other.is_example]),
            self.first_predictions + other.first_predictions,
            self.ids + tuple(next(new) if one in known else one for one in other.ids),
        )

    @functools.cached_property
    def digit_hashes(self) -> tuple[str, ...]:
        """Content hashes of the digits without their labels, 16 hexadecimal characters each.

        A sample keeps its hash when it is relabelled, so a model that was trained with the old label is recognized.

        Example:
            >>> single = SampleSet().add(np.zeros((28, 28), np.uint8), 7)
            >>> single.digit_hashes == single.relabel([0], 1).digit_hashes
            True
        """
        return tuple(hashlib.blake2b(digit.tobytes(), digest_size=8).hexdigest() for digit in self.digits)

    def is_learnt(self, hashes: Collection[str]) -> np.ndarray:
        """Check which samples have one of the given content hashes.

        Args:
            hashes: content hashes of the training digits of a model, as `digit_hashes` returns them.

        Returns:
            (N,) bool.

        Example:
            >>> single = SampleSet().add(np.zeros((28, 28), np.uint8), 7)
            >>> single.is_learnt(single.digit_hashes), single.is_learnt([])
            (array([ True]), array([False]))
        """
        known = frozenset(hashes)
        return np.array([digit_hash in known for digit_hash in self.digit_hashes], bool)

    def identities(self) -> list[str]:
        """Return a content hash of each digit and its label.

        Returns:
            A hexadecimal text per sample. Samples with the same digit and label have the same hash.

        Example:
            >>> single = SampleSet().add(np.zeros((28, 28), np.uint8), 7)
            >>> single.identities() == single.relabel([0], 1).identities()
            False
        """
        pairs = zip(self.digits, self.labels, strict=True)
        return [hashlib.blake2b(digit.tobytes() + bytes([label]), digest_size=16).hexdigest() for digit, label in pairs]

    def difference(self, other: "SampleSet") -> "SampleSet":
        """Return the samples that another set does not contain with the same digit and label.

        Args:
            other: the set to compare with.

        Returns:
            The remaining samples, in the same order.

        Example:
            >>> single = SampleSet().add(np.zeros((28, 28), np.uint8), 7)
            >>> len(single.difference(single)), len(single.difference(SampleSet()))
            (0, 1)
        """
        known = set(other.identities())
        return self.take(i for i, identity in enumerate(self.identities()) if identity not in known)

    def take(self, indices: Iterable[int]) -> "SampleSet":
        """Return the samples at the given indices, in the order of the indices.

        Args:
            indices: indices of samples.

        Returns:
            The chosen samples.

        Example:
            >>> samples = SampleSet.from_arrays(np.zeros((3, 28, 28), np.uint8), [5, 6, 7])
            >>> samples.take([2, 0]).labels.tolist()
            [7, 5]
        """
        chosen = np.asarray(list(indices), int)
        strokes, dates = (tuple(texts[i] for i in chosen) for texts in (self.strokes, self.dates))
        first_predictions = tuple(self.first_predictions[i] for i in chosen)
        return SampleSet(
            self.digits[chosen],
            self.labels[chosen],
            self.held_out[chosen],
            strokes,
            dates,
            self.is_example[chosen],
            first_predictions,
            tuple(self.ids[i] for i in chosen),
        )

    def drop(self, indices: Iterable[int]) -> "SampleSet":
        """Return all samples except the samples at the given indices.

        Args:
            indices: indices of the samples to drop.

        Returns:
            The remaining samples, in the same order.

        Example:
            >>> samples = SampleSet.from_arrays(np.zeros((3, 28, 28), np.uint8), [5, 6, 7])
            >>> samples.drop([1]).labels.tolist()
            [5, 7]
        """
        dropped = set(indices)
        return self.take(i for i in range(len(self)) if i not in dropped)

    def merge(self, changed: "SampleSet", removed: Collection[str] = ()) -> "SampleSet":
        """Return these samples with the changes of another device.

        Args:
            changed: samples that are added, or that replace the sample with the same identifier.
            removed: identifiers of samples that are removed.

        Returns:
            The samples in the order of their identifiers, which is the order in which they were created.

        Example:
            >>> samples = SampleSet.from_arrays(np.zeros((3, 28, 28), np.uint8), [5, 6, 7])
            >>> samples.merge(samples.take([1]).relabel([0], 9), removed=samples.ids[:1]).labels.tolist()
            [9, 7]
        """
        gone = {*changed.ids, *removed}
        joined = self.take(i for i, one in enumerate(self.ids) if one not in gone).concatenate(changed)
        return joined.take(sorted(range(len(joined)), key=joined.ids.__getitem__))

    def changed_since(self, before: "SampleSet") -> "SampleSet":
        """Return the samples that another set does not contain with the same identifier, label and place in the held-out set.

        Args:
            before: the set to compare with.

        Returns:
            The new and the changed samples, in the same order.

        Example:
            >>> samples = SampleSet.from_arrays(np.zeros((3, 28, 28), np.uint8), [5, 6, 7])
            >>> samples.relabel([1], 9).changed_since(samples.take([1, 2])).labels.tolist()
            [5, 9]
        """
        states = dict(zip(before.ids, zip(before.labels.tolist(), before.held_out.tolist(), strict=True), strict=True))
        present = zip(self.ids, self.labels.tolist(), self.held_out.tolist(), strict=True)
        return self.take(i for i, (one, *state) in enumerate(present) if states.get(one) != tuple(state))

    def relabel(self, indices: Iterable[int], label: int) -> "SampleSet":
        """Return the same samples with another label at the given indices.

        Args:
            indices: indices of the samples to relabel.
            label: new label, 0 to 9.

        Returns:
            The set with the new labels.

        Example:
            >>> samples = SampleSet.from_arrays(np.zeros((3, 28, 28), np.uint8), [5, 6, 7])
            >>> samples.relabel([0, 1], 9).labels.tolist()
            [9, 9, 7]
        """
        labels = self.labels.copy()
        labels[list(indices)] = label
        return replace(self, labels=labels)

    def training_part(self) -> "SampleSet":
        """Return the samples that are not held out.

        Returns:
            The training samples.

        Example:
            >>> samples = SampleSet.from_arrays(np.zeros((5, 28, 28), np.uint8), [3] * 5)
            >>> samples.training_part()
            SampleSet(4 samples, 0 held out)
        """
        return self.take(np.flatnonzero(~self.held_out))

    def drawn_part(self) -> "SampleSet":
        """Return the samples that the user has drawn, without MNIST examples.

        Returns:
            The drawings.

        Example:
            >>> digit = np.zeros((28, 28), np.uint8)
            >>> len(SampleSet().add(digit, 7).add(digit, 7, is_example=True).drawn_part())
            1
        """
        return self.take(np.flatnonzero(~self.is_example)) if self.is_example.any() else self

    def test_part(self) -> "SampleSet":
        """Return the held-out drawings, or all drawings if no drawing is held out.

        Returns:
            The samples for the personal score.

        Example:
            >>> samples = SampleSet.from_arrays(np.zeros((5, 28, 28), np.uint8), [3] * 5)
            >>> samples.test_part()
            SampleSet(1 sample, 1 held out)
        """
        drawn = self.drawn_part()
        return drawn.take(np.flatnonzero(drawn.held_out)) if drawn.held_out.any() else drawn

    def without_hold_out(self) -> "SampleSet":
        """Return the same samples with an empty held-out set.

        Returns:
            The set.

        Example:
            >>> samples = SampleSet.from_arrays(np.zeros((5, 28, 28), np.uint8), [3] * 5)
            >>> samples.without_hold_out()
            SampleSet(5 samples, 0 held out)
        """
        return replace(self, held_out=np.zeros(len(self), bool))

    def counts(self) -> list[int]:
        """Count the samples of each digit.

        Returns:
            Ten counts, for the digits 0 to 9.

        Example:
            >>> SampleSet().add(np.zeros((28, 28), np.uint8), 1).counts()
            [0, 1, 0, 0, 0, 0, 0, 0, 0, 0]
        """
        counts: list[int] = np.bincount(self.labels, minlength=10).tolist()
        return counts


def _hold_out(labels: np.ndarray, is_example: np.ndarray) -> np.ndarray:
    """Return a mask of every fourth drawing of each digit: (N,) bool."""
    held_out = np.zeros(len(labels), bool)
    for label in range(10):
        held_out[np.flatnonzero((labels == label) & ~is_example)[HOLD_OUT_EVERY - 1 :: HOLD_OUT_EVERY]] = True
    return held_out


def _check_mask(values: ArrayLike, n: int, name: str) -> np.ndarray:
    mask = np.asarray(values)
    if mask.shape != (n,) or mask.dtype != bool:
        raise SampleError(
            f"`{name}` must be {n} boolean values, not {mask.dtype} of shape {mask.shape}. Pass one value for each sample."
        )
    return mask


def _check_texts(values: Sequence[str] | None, n: int) -> tuple[str, ...]:
    """Check texts and return them as a tuple. If no texts are given, return n empty texts."""
    if values is None:
        return ("",) * n
    texts = tuple(values)
    if len(texts) != n or not all(isinstance(text, str) for text in texts):
        raise SampleError(
            f"{n} samples need {n} texts for their strokes and {n} texts for their dates. Pass one text for each sample."
        )
    if not all(len(text) <= MAX_TEXT and text.isprintable() for text in texts):
        raise SampleError(
            f"The strokes or the date of a sample are longer than {MAX_TEXT:,} characters or contain non-printable characters. "
            "Shorten or clean the texts."
        )
    return texts


def _encode_texts(texts: Sequence[str]) -> np.ndarray:
    """Encode texts as the bytes of a JSON list: (B,) uint8."""
    return np.frombuffer(json.dumps(texts).encode(), np.uint8)


def _read_first_predictions(arrays: Any) -> list[FirstPrediction | None] | None:
    """Return the first predictions of an .npz file, or `None` if the file has no predictions. Malformed items become `None`."""
    if "first_digits" not in arrays:
        return None
    columns = _decode_texts(arrays["first_models"]), arrays["first_digits"].tolist(), arrays["first_confidences"].tolist()
    return [FirstPrediction.from_untrusted(*values) for values in zip(*columns, strict=True)]


def _read_ids(arrays: Any) -> list[str] | None:
    """Return the identifiers of an .npz file, or `None` if they are missing, malformed or not different."""
    ids = _decode_texts(arrays["ids"]) if "ids" in arrays else []
    is_sound = all(isinstance(one, str) and identifiers.is_valid(one) for one in ids) and len(set(ids)) == len(ids)
    return ids if is_sound and len(ids) == len(arrays["labels"]) else None


def _decode_texts(array: np.ndarray) -> list[Any]:
    texts = json.loads(np.asarray(array, np.uint8).tobytes())
    if not isinstance(texts, list):
        raise SampleError("The strokes or dates of this sample file are not a list. Export the samples again.")
    return texts


def _check_integers(values: np.ndarray, highest: int, name: str) -> None:
    if values.dtype.kind not in "iub":
        raise SampleError(f"{name} must be integers, not {values.dtype}. Convert the array.")
    if values.size and (values.min() < 0 or values.max() > highest):
        raise SampleError(f"{name} must be between 0 and {highest}. Correct the array.")
