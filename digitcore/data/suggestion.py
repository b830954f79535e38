"""Which digit to draw next, and why."""

from dataclasses import dataclass

import numpy as np

from digitcore.samples import HOLD_OUT_EVERY, SampleSet


@dataclass(frozen=True)
class Suggestion:
    """A digit worth drawing, 0 to 9, and a sentence that says so and why."""

    digit: int
    sentence: str


def suggest_next_digit(samples: SampleSet, probabilities: np.ndarray) -> Suggestion:
    """The digit whose next drawing would help most.

    In this order: digits that the model misclassifies and that have few samples, digits with no sample, the rarest digit while
    one has too few to hold one out, digits that the model is least confident of.

    Args:
        samples: the user's.
        probabilities: (N, 10), the active model's for these samples.
    """
    counts = np.array(samples.counts())
    predictions = probabilities.argmax(1) if len(samples) else np.zeros(0, int)
    wrong = predictions != samples.labels
    errors = np.bincount(samples.labels[wrong], minlength=10)
    frequent_errors = errors * (counts < 2 * HOLD_OUT_EVERY)
    if frequent_errors.any():
        digit = int(frequent_errors.argmax())
        confused_with = int(np.bincount(predictions[wrong & (samples.labels == digit)], minlength=10).argmax())
        return Suggestion(digit, _describe_errors(digit, int(errors[digit]), int(counts[digit]), confused_with))
    if (counts == 0).any():
        digit = int((counts == 0).argmax())
        return Suggestion(digit, f"Draw a {digit} next: you have none.")
    if (counts < HOLD_OUT_EVERY).any():
        digit = int(counts.argmin())
        missing = HOLD_OUT_EVERY - counts[digit]
        return Suggestion(digit, f"Draw another {digit}: {missing} more and one is set aside for testing.")
    true_probabilities = probabilities[np.arange(len(samples)), samples.labels]
    mean_confidence = np.array([true_probabilities[samples.labels == digit].mean() for digit in range(10)])
    digit = int(mean_confidence.argmin())
    return Suggestion(
        digit, f"Draw another {digit}: the network is least sure of yours, {100 * mean_confidence[digit]:.0f} % on average."
    )


def _describe_errors(digit: int, n_errors: int, n: int, confused_with: int) -> str:
    if n == 1:
        return f"Draw another {digit}: your only one was read as {confused_with}."
    return f"Draw another {digit}: {n_errors} of your {n} were read as another digit, such as {confused_with}."
