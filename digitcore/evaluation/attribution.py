"""Explanation of a prediction: the pixels it depends on, and the smallest change that flips it."""

from dataclasses import dataclass

import numpy as np

from digitcore.images import SIDE
from digitcore.predictor import Predictor

SPOT_SIDE = 3  # px: what a counterfactual adds or erases at once
MAX_SPOTS = 14
MIN_PROBABILITY = 1e-6  # that float32 tells from 0 and 1
WINDOW, STRIDE = 6, 2  # px: the occluded patch, and the distance of two patches


def occlusion(predictor: Predictor, digit: np.ndarray, target: int) -> np.ndarray:
    """Occlusion map: how far a class's log-odds fall when a patch around a pixel is erased.

    Log-odds rather than probabilities: a sure network's probability hardly moves.

    Args:
        predictor: the model.
        digit: (28, 28) uint8, ink 255 on 0.
        target: 0 to 9, the class.

    Returns:
        (28, 28) float32, in natural logarithms, the mean over the patches that cover the pixel; above 0 speaks for the class,
        below 0 against it.

    Source: L. Zintgraf, T. Cohen, T. Adel, M. Welling, "Visualizing deep neural network decisions" (2017).
    """
    corners = [(top, left) for top in range(0, SIDE - WINDOW + 1, STRIDE) for left in range(0, SIDE - WINDOW + 1, STRIDE)]
    occluded = np.repeat(np.asarray(digit, np.uint8)[None], len(corners), axis=0)
    for number, (top, left) in enumerate(corners):
        occluded[number, top : top + WINDOW, left : left + WINDOW] = 0
    probabilities = predictor.probabilities(np.concatenate([np.asarray(digit, np.uint8)[None], occluded]))[:, target]
    log_odds = _log_odds(probabilities)
    sums, counts = np.zeros((2, SIDE, SIDE), np.float32)
    for (top, left), fall in zip(corners, log_odds[0] - log_odds[1:], strict=True):
        sums[top : top + WINDOW, left : left + WINDOW] += fall
        counts[top : top + WINDOW, left : left + WINDOW] += 1
    mean: np.ndarray = sums / counts
    return mean


def _log_odds(probabilities: np.ndarray) -> np.ndarray:
    clipped = np.clip(probabilities.astype(np.float64), MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    return np.asarray(np.log(clipped / (1 - clipped)), np.float32)


@dataclass(frozen=True, eq=False)
class Counterfactual:
    """A digit changed until it is predicted as another class.

    Attributes:
        digit: (28, 28) uint8, changed.
        probability: of the target class then, 0 to 1.
        n_added, n_erased: number of small spots of ink added and erased.
    """

    digit: np.ndarray
    probability: float
    n_added: int
    n_erased: int


def counterfactual(predictor: Predictor, digit: np.ndarray, target: int) -> Counterfactual:
    """Change a digit towards another class: greedily add or erase spots of ink, each time where that helps most.

    Args:
        predictor: the model.
        digit: (28, 28) uint8, ink 255 on 0.
        target: 0 to 9, the wanted class.

    Returns:
        The changed digit; the search ends when the target is the most probable class or after 14 spots.
    """
    current, n_added, n_erased = np.asarray(digit, np.uint8).copy(), 0, 0
    probability = float(predictor.probabilities(current[None])[0, target])
    for _ in range(MAX_SPOTS):
        candidates = _one_spot_changes(current)
        probabilities = predictor.probabilities(candidates)
        best = int(probabilities[:, target].argmax())
        if probabilities[best, target] <= probability:
            break
        n_added, n_erased = n_added + (best % 2 == 0), n_erased + (best % 2)
        current, probability = candidates[best], float(probabilities[best, target])
        if probabilities[best].argmax() == target:
            break
    return Counterfactual(current, probability, n_added, n_erased)


def _one_spot_changes(digit: np.ndarray) -> np.ndarray:
    """The digit with one more spot, at every second place: added at even indices, erased at odd ones."""
    corners = [(top, left) for top in range(2, SIDE - SPOT_SIDE - 1, 2) for left in range(2, SIDE - SPOT_SIDE - 1, 2)]
    changed = np.repeat(digit[None], 2 * len(corners), axis=0)
    for number, (top, left) in enumerate(corners):
        changed[2 * number, top : top + SPOT_SIDE, left : left + SPOT_SIDE] = 255
        changed[2 * number + 1, top : top + SPOT_SIDE, left : left + SPOT_SIDE] = 0
    return changed
