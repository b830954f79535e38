"""Suggestion of the digit to draw next."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from digitcore.samples import HOLD_OUT_EVERY, SampleSet
from digitcore.values import with_article


@dataclass(frozen=True)
class Suggestion:
    """A suggestion to draw a digit.

    Attributes:
        digit: digit to draw, 0 to 9.
        sentence: the suggestion and its reason, for the user.

    Example:
        >>> Suggestion(8, "Draw an 8 next: you have no 8 yet.").digit
        8
    """

    digit: int
    sentence: str


def suggest_next_digit(samples: SampleSet, probabilities: np.ndarray, digits: Sequence[int] = tuple(range(10))) -> Suggestion:
    """Suggest the next digit to draw.

    The first of these rules that applies decides:

    1. The model misclassifies a digit that has few samples.
    2. A digit has no sample.
    3. A digit has too few samples for a held-out sample.
    4. The model predicts a digit with the lowest mean confidence.

    Args:
        samples: the user's samples. MNIST examples are ignored.
        probabilities: (N, 10) predictions of the active model for these samples.
        digits: the digits that may be suggested, in ascending order.

    Returns:
        The suggestion.

    Example:
        >>> suggest_next_digit(SampleSet(), np.zeros((0, 10))).sentence
        'Draw a 0 next: you have no 0 yet.'
    """
    is_used = ~samples.is_example & np.isin(samples.labels, digits)
    samples, probabilities = samples.take(np.flatnonzero(is_used)), probabilities[is_used]
    is_allowed = np.isin(np.arange(10), digits)
    counts = np.array(samples.counts())
    predictions = probabilities.argmax(1) if len(samples) else np.zeros(0, int)
    wrong = predictions != samples.labels
    errors = np.bincount(samples.labels[wrong], minlength=10)
    frequent_errors = errors * (counts < 2 * HOLD_OUT_EVERY)
    if frequent_errors.any():
        digit = int(frequent_errors.argmax())
        confused_with = int(np.bincount(predictions[wrong & (samples.labels == digit)], minlength=10).argmax())
        return Suggestion(digit, _describe_errors(digit, int(errors[digit]), int(counts[digit]), confused_with))
    if (is_allowed & (counts == 0)).any():
        digit = int((is_allowed & (counts == 0)).argmax())
        return Suggestion(digit, f"Draw {with_article(digit)} next: you have no {digit} yet.")
    if (is_allowed & (counts < HOLD_OUT_EVERY)).any():
        digit = int(np.where(is_allowed, counts, len(samples)).argmin())
        missing = HOLD_OUT_EVERY - counts[digit]
        return Suggestion(digit, f"Draw another {digit}: after {missing} more, one {digit} is held out.")
    true_probabilities = probabilities[np.arange(len(samples)), samples.labels]
    mean_confidence = {digit: true_probabilities[samples.labels == digit].mean() for digit in digits}
    digit = min(mean_confidence, key=lambda digit: mean_confidence[digit])
    return Suggestion(
        digit,
        f"Draw another {digit}: its mean confidence is the lowest, {100 * mean_confidence[digit]:.0f} %.",
    )


def _describe_errors(digit: int, n_errors: int, n: int, confused_with: int) -> str:
    if n == 1:
        return f"Draw another {digit}: your only {digit} is predicted as {confused_with}."
    return f"Draw another {digit}: {n_errors} of your {n} are predicted as another digit, for example as {confused_with}."
