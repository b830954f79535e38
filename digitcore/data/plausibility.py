"""Check of labels against their pictures, and search for another reading of a file that fits better.

A trained model agrees with 97 to 100 % of the labels of each of 30 people in 5,000 pen drawings. It agrees with at least 81 % of
the labels of each person and digit. An agreement below `MIN_AGREEMENT` means that the file was read in a wrong way. For
example, the pictures are inverted or transposed, as in EMNIST, or the labels belong to other pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

MIN_AGREEMENT = 0.6  # minimum share of the labels that agree; otherwise another reading is tried
MIN_DIGITS = 3  # With fewer digits, a wrong reading looks like an unusual drawing.
MIN_GAIN = 3  # minimum number of additional labels that agree in another reading
MAX_CHECKED = 500  # digits that are predicted, spread over the set


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
    digits: np.ndarray, labels: np.ndarray, predictor: DigitPredictor | None, other_labels: Sequence[np.ndarray] = ()
) -> Reading:
    """Choose the reading of a file with which a trained model agrees.

    The usual reading is kept if the model agrees with at least `MIN_AGREEMENT` of the labels, if no other reading fits, or if all
    labels are the same.

    Args:
        digits: (N, 28, 28) uint8, ink 255 on 0.
        labels: (N,) uint8, the usual labels.
        predictor: the trained model. With `None`, the usual reading is returned.
        other_labels: other possible labels, each (N,) uint8.

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
    if agreement >= MIN_AGREEMENT:
        return Reading(digits, labels, agreement=agreement, usual_agreement=agreement)
    if len(np.unique(labels)) == 1:  # Pictures of one class agree with one wrong label in some reading by chance.
        return Reading(digits, labels, agreement=agreement, usual_agreement=agreement)
    turned = {change: pictures for change, pictures in _turned(digits).items() if not change or _has_dark_border(pictures)}
    best = ("", labels, False, agreement)
    for change, pictures in turned.items():
        predicted = predictor.probabilities(pictures[checked]).argmax(1)
        for is_other, candidate in [(False, labels), *((True, other) for other in other_labels)]:
            fits = predicted == candidate[checked]
            is_better = fits.mean() > max(best[3], MIN_AGREEMENT) and fits.sum() - usual.sum() >= MIN_GAIN
            best = (change, candidate, is_other, float(fits.mean())) if is_better else best
    change, chosen, is_other, share = best
    return Reading(turned[change], chosen, _describe(change, is_other), share, agreement)


def _turned(digits: np.ndarray) -> dict[str, np.ndarray]:
    transposed = digits.transpose(0, 2, 1)
    return {
        "": digits,
        "inverted": 255 - digits,
        "transposed": transposed,
        "inverted and transposed": 255 - transposed,
    }


def _has_dark_border(digits: np.ndarray) -> bool:
    """Return whether the border of the pictures is background, as in MNIST."""
    border = np.concatenate([digits[:, 0], digits[:, -1], digits[:, :, 0], digits[:, :, -1]], axis=1)
    return bool(border.mean() < 128)


def _describe(change: str, has_other_labels: bool) -> str:
    pictures = f"The pictures were {change}" if change else ""
    labels = f"{'other' if change else 'Other'} labels of the file were used" if has_other_labels else ""
    return " and ".join(filter(None, (pictures, labels)))
