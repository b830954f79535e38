"""Why a model answers as it does: which part of a digit its guess hangs on."""

import numpy as np

from digitcore.images import SIDE
from digitcore.predictor import Predictor

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
