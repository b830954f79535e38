"""Check of labels against their pictures, and search for another reading of a file that fits better.

A trained model agrees with 97 to 100 % of the labels of each of 30 people in 5,000 pen drawings. It agrees with at least 81 % of
the labels of each person and digit. A lower agreement can mean that the file was read in a wrong way. For example, the pictures
are inverted or transposed, as in EMNIST, or the labels belong to other pictures. Zeros, ones and eights look the same when they
are transposed. A set of mostly these digits has an agreement of 70 to 75 % if it is transposed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from digitcore.data.sample_arrays import is_like_mnist

MIN_AGREEMENT = 0.6  # minimum share of the labels that agree; otherwise the labels do not fit the pictures
SURE_AGREEMENT = 0.95  # With a smaller share, other readings are tried.
MAX_ERROR_SHARE = 0.5  # of the usual reading's errors: maximum errors of a better reading if the usual reading is plausible
MIN_LIKE_DIGITS = 0.9  # minimum share of inverted pictures that look like digits
MIN_DIGITS = 3  # With fewer digits, a wrong reading looks like an unusual drawing.
MIN_CLASSES = 2  # minimum number of classes among the labels that confirm another reading
MIN_GAIN = 3  # minimum number of additional labels that agree in another reading
MAX_CHECKED = 500  # digits that are predicted, spread over the set


OtherLabels = tuple[str, np.ndarray]  # such as "other labels of the file were used", and the labels, (N,) uint8


class DigitPredictor(Protocol):
    """An object that predicts the probabilities of digits, such as `digitcore.predictor.Predictor`.

    Example:
        >>> from digitcore.predictor import Predictor
        >>> hasattr(Predictor, "probabilities")
        True
    """

    def probabilities(self, digits: np.ndarray, /) -> np.ndarray:
        """Return (N, 10) probabilities of (N, 28, 28) uint8 digits."""


@dataclass(frozen=True, eq=False)
class Reading:
    """A way to read a file of samples.

    Attributes:
        digits: (N, 28, 28) uint8, ink 255 on 0.
        labels: (N,) uint8.
        change: sentence about the change of the pictures or labels, or "" if nothing was changed.
        agreement: share of the labels with which the model agrees, 0 to 1, or `None` if it was not measured.
        usual_agreement: agreement without the change, 0 to 1, or `None` if it was not measured.

    Example:
        >>> Reading(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8)).is_plausible
        True
    """

    digits: np.ndarray
    labels: np.ndarray
    change: str = ""
    agreement: float | None = None
    usual_agreement: float | None = None

    @property
    def is_plausible(self) -> bool:
        """Whether the model agrees with enough labels, or there are too few digits for a check."""
        return self.agreement is None or self.agreement >= MIN_AGREEMENT

    def __str__(self) -> str:
        """Return a sentence about the change or the low agreement."""
        percent = f"{100 * (self.agreement or 0):.0f} %"
        if not self.is_plausible:
            return f"The labels do not fit the pictures: {percent} agree with the prediction."
        if self.change:
            before = f"{100 * (self.usual_agreement or 0):.0f} %"
            return f"{self.change}, because {percent} of the labels then agree with the prediction, instead of {before}."
        return ""


def choose_reading(
    digits: np.ndarray, labels: np.ndarray, predictor: DigitPredictor | None, other_labels: Sequence[OtherLabels] = ()
) -> Reading:
    """Choose the reading of a file with which a trained model agrees.

    Other readings are tried if the model agrees with fewer than `SURE_AGREEMENT` of the labels. Another reading is taken if it
    fits clearly better, also on average over the classes of the labels. A single class cannot confirm another reading, because a
    model may predict the same digit for all pictures that do not look like digits.

    Args:
        digits: (N, 28, 28) uint8, ink 255 on 0.
        labels: (N,) uint8, the usual labels.
        predictor: the trained model. With `None`, the usual reading is returned.
        other_labels: other possible labels, each with a sentence about their origin.

    Returns:
        The chosen reading with its agreement.

    Example:
        >>> from digitcore import mnist, models
        >>> digits, labels = mnist.load_test()
        >>> predictor = models.load("genius").predictor()
        >>> choose_reading(digits[:50].transpose(0, 2, 1), labels[:50], predictor).change
        'The pictures were transposed'
    """
    if predictor is None or len(labels) < MIN_DIGITS:
        return Reading(digits, labels)
    checked = np.unique(np.linspace(0, len(labels) - 1, MAX_CHECKED).round().astype(int))
    usual = predictor.probabilities(digits[checked]).argmax(1) == labels[checked]
    agreement = float(usual.mean())
    if agreement >= SURE_AGREEMENT:
        return Reading(digits, labels, agreement=agreement, usual_agreement=agreement)
    turned = _turned(digits, checked)
    best = ("", labels, "", agreement)
    for change, pictures in turned.items():
        predicted = predictor.probabilities(pictures[checked]).argmax(1)
        for origin, candidate in [("", labels), *other_labels]:
            fits = predicted == candidate[checked]
            if fits.mean() > best[3] and _is_clearly_better(fits, usual, candidate[checked]):
                best = (change, candidate, origin, float(fits.mean()))
    change, chosen, origin, share = best
    return Reading(turned[change], chosen, _describe(change, origin), share, agreement)


def _is_clearly_better(fits: np.ndarray, usual: np.ndarray, labels: np.ndarray) -> bool:
    """Return whether another reading fits clearly better than the usual reading, (N,) bool each, and not by a single class."""
    classes = np.unique(labels)
    by_class = np.mean([fits[labels == digit].mean() for digit in classes])
    if len(classes) < MIN_CLASSES or min(fits.mean(), by_class) < MIN_AGREEMENT or fits.sum() - usual.sum() < MIN_GAIN:
        return False
    return bool(usual.mean() < MIN_AGREEMENT or (~fits).sum() <= MAX_ERROR_SHARE * (~usual).sum())


def _turned(digits: np.ndarray, checked: np.ndarray) -> dict[str, np.ndarray]:
    """Return the digits and their turned copies. Inverted pictures are left out if they do not look like digits."""
    transposed = digits.transpose(0, 2, 1)
    turned = {"": digits, "transposed": transposed}
    if np.mean([is_like_mnist(255 - digit) for digit in digits[checked]]) >= MIN_LIKE_DIGITS:
        turned |= {"inverted": 255 - digits, "inverted and transposed": 255 - transposed}
    return turned


def _describe(change: str, origin: str) -> str:
    parts = [f"the pictures were {change}" if change else "", origin]
    text = " and ".join(filter(None, parts))
    return text[:1].upper() + text[1:]
