"""Which digit to draw next, and why."""

from dataclasses import dataclass

import numpy as np

from digitcore.samples import HOLD_OUT_EVERY, SampleSet


@dataclass(frozen=True)
class Suggestion:
    """A digit worth drawing, 0 to 9, and the reason in one sentence."""

    digit: int
    reason: str


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
        return Suggestion(
            digit, f"The network still reads {errors[digit]} of your {counts[digit]} as another digit, such as {confused_with}."
        )
    if (counts == 0).any():
        return Suggestion(int((counts == 0).argmax()), "You have none yet.")
    if (counts < HOLD_OUT_EVERY).any():
        digit = int(counts.argmin())
        return Suggestion(digit, f"You have {counts[digit]}; with {HOLD_OUT_EVERY} one is held out to judge the network by.")
    true_probabilities = probabilities[np.arange(len(samples)), samples.labels]
    mean_confidence = np.array([true_probabilities[samples.labels == digit].mean() for digit in range(10)])
    digit = int(mean_confidence.argmin())
    return Suggestion(
        digit, f"It is the one that the network is least sure of in your hand: {mean_confidence[digit]:.0%} on average."
    )
