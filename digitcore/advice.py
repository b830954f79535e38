"""Which digit is worth drawing next, and why."""

import numpy as np

from digitcore.samples import SampleSet

ENOUGH = 4  # samples of a digit: then one is held out, and balance matters less


def draw_next(samples: SampleSet, probabilities: np.ndarray) -> tuple[int, str]:
    """The digit whose next drawing would teach most.

    In this order: digits that the model misreads and that have few samples, digits with no sample, the rarest digit while
    one has fewer than `ENOUGH`, digits that it is least sure of.

    Args:
        samples: the user's.
        probabilities: (N, 10), what the model in use answers to them.

    Returns:
        The digit, and the reason in one sentence.
    """
    counts = np.array(samples.counts())
    guesses = probabilities.argmax(1) if len(samples) else np.zeros(0, int)
    wrong = guesses != samples.labels
    errors = np.bincount(samples.labels[wrong], minlength=10)
    short = counts < 2 * ENOUGH
    if (errors * short).any():
        digit = int((errors * short).argmax())
        taken = np.bincount(guesses[wrong & (samples.labels == digit)], minlength=10)
        return (
            digit,
            f"The network still reads {errors[digit]} of your {counts[digit]} as another digit, such as {taken.argmax()}.",
        )
    if (counts == 0).any():
        return int((counts == 0).argmax()), "You have none yet."
    if (counts < ENOUGH).any():
        digit = int(counts.argmin())
        return digit, f"You have {counts[digit]}; with {ENOUGH} one is held out to judge the network by."
    truth = probabilities[np.arange(len(samples)), samples.labels]
    sure = np.array([truth[samples.labels == digit].mean() for digit in range(10)])
    digit = int(sure.argmin())
    return digit, f"It is the one that the network is least sure of in your hand: {sure[digit]:.0%} on average."
