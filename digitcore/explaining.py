"""Why a model answers as it does: which part of a digit its guess hangs on."""

from dataclasses import dataclass

import numpy as np

from digitcore.images import SIDE
from digitcore.predictor import Predictor

SPOT = 3  # px: what is added or wiped out at once on the way to another answer
MOST_SPOTS = 14
WINDOW, STEP = 6, 2  # px: the patch that is hidden, and how far apart two patches lie


def occlusion(predictor: Predictor, digit: np.ndarray, answer: int) -> np.ndarray:
    """What each place of a digit does for an answer: how far its probability falls when a patch around it is wiped out.

    Args:
        predictor: the model.
        digit: (28, 28) uint8, ink 255 on 0.
        answer: 0 to 9, the digit whose probability is watched.

    Returns:
        (28, 28) float32, −1 to 1, the mean over the patches that cover the pixel; above 0 speaks for the answer, below 0
        against it.

    Source: M. D. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks" (2014).
    """
    corners = [(top, left) for top in range(0, SIDE - WINDOW + 1, STEP) for left in range(0, SIDE - WINDOW + 1, STEP)]
    hidden = np.repeat(np.asarray(digit, np.uint8)[None], len(corners), axis=0)
    for number, (top, left) in enumerate(corners):
        hidden[number, top : top + WINDOW, left : left + WINDOW] = 0
    asked = predictor.probabilities(np.concatenate([np.asarray(digit, np.uint8)[None], hidden]))[:, answer]
    sums, times = np.zeros((2, SIDE, SIDE), np.float32)
    for (top, left), fall in zip(corners, asked[0] - asked[1:], strict=True):
        sums[top : top + WINDOW, left : left + WINDOW] += fall
        times[top : top + WINDOW, left : left + WINDOW] += 1
    return sums / times


@dataclass(frozen=True, eq=False)
class Change:
    """A digit changed until it is read as something else.

    Attributes:
        digit: (28, 28) uint8, changed.
        probability: of the wanted answer then, 0 to 1.
        added, wiped: how many small spots of ink were added and wiped out.
    """

    digit: np.ndarray
    probability: float
    added: int
    wiped: int


def towards(predictor: Predictor, digit: np.ndarray, answer: int) -> Change:
    """What would make it another digit: spots of ink added or wiped out one by one, each time where that helps most.

    Args:
        predictor: the model.
        digit: (28, 28) uint8, ink 255 on 0.
        answer: 0 to 9, the wanted one.

    Returns:
        The change, which ends when the answer is the likeliest or after 14 spots; the probability says how far it came.
    """
    now, added, wiped = np.asarray(digit, np.uint8).copy(), 0, 0
    probability = float(predictor.probabilities(now[None])[0, answer])
    for _ in range(MOST_SPOTS):
        tried = _with_spots(now)
        answers = predictor.probabilities(tried)
        best = int(answers[:, answer].argmax())
        if answers[best, answer] <= probability:
            break
        added, wiped = added + (best % 2 == 0), wiped + (best % 2)
        now, probability = tried[best], float(answers[best, answer])
        if answers[best].argmax() == answer:
            break
    return Change(now, probability, added, wiped)


def _with_spots(digit):
    """The digit with one more spot, at every second place: added at even numbers, wiped out at odd ones."""
    corners = [(top, left) for top in range(2, SIDE - SPOT - 1, 2) for left in range(2, SIDE - SPOT - 1, 2)]
    tried = np.repeat(digit[None], 2 * len(corners), axis=0)
    for number, (top, left) in enumerate(corners):
        tried[2 * number, top : top + SPOT, left : left + SPOT] = 255
        tried[2 * number + 1, top : top + SPOT, left : left + SPOT] = 0
    return tried
