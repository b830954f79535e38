"""Explanation of a prediction: an occlusion map and a counterfactual digit."""

from dataclasses import dataclass, field

import numpy as np

from digitcore.images import SIDE
from digitcore.predictor import Predictor

SPOT_SIDE = 3  # px, side of a spot of ink that a counterfactual adds or erases
MAX_SPOTS = 14
MIN_PROBABILITY = 1e-6  # Float32 can distinguish 1e-6 from 0, and 1 - 1e-6 from 1.
WINDOW, STRIDE = 6, 2  # px, side of the occluded patch and distance between patches


def occlusion(predictor: Predictor, digit: np.ndarray, target: int) -> np.ndarray:
    """Compute an occlusion map: the decrease of a class's log-odds when a patch around a pixel is erased.

    Log-odds are used because the probability of a confident prediction hardly changes.

    Args:
        predictor: The model.
        digit: (28, 28) uint8, ink 255 on 0.
        target: The class, 0 to 9.

    Returns:
        (28, 28) float32, the mean decrease of the natural log-odds over the patches that cover the pixel. A
        positive pixel supports the class. A negative pixel contradicts the class.

    Example:
        >>> from digitcore import models
        >>> predictor = models.load("mlp").predictor()
        >>> occlusion(predictor, np.zeros((28, 28), np.uint8), target=3).shape
        (28, 28)

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
    """A changed digit, found by a search for a digit that the model predicts as the target class.

    Attributes:
        digit: (28, 28) uint8, the changed digit.
        probability: Probability of the target class for the changed digit, 0 to 1.
        n_added: Number of spots of ink that were added.
        n_erased: Number of spots of ink that were erased.

    Example:
        >>> Counterfactual(np.zeros((28, 28), np.uint8), 0.9, n_added=2, n_erased=1)
        Counterfactual(probability=0.9, n_added=2, n_erased=1)
    """

    digit: np.ndarray = field(repr=False)
    probability: float
    n_added: int
    n_erased: int


def counterfactual(predictor: Predictor, digit: np.ndarray, target: int) -> Counterfactual:
    """Search for a small change of a digit that makes the model predict the target class.

    Each step adds or erases the spot of ink that increases the probability of the target class most. The search ends when the
    target is the most probable class, when no spot increases the target's probability, or after 14 spots.

    Args:
        predictor: The model.
        digit: (28, 28) uint8, ink 255 on 0.
        target: The target class, 0 to 9.

    Returns:
        The changed digit. The model may still predict another class.

    Example:
        >>> from digitcore import models
        >>> change = counterfactual(models.load("mlp").predictor(), np.zeros((28, 28), np.uint8), target=1)
        >>> change.n_added + change.n_erased <= MAX_SPOTS
        True
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
    """Return copies of the digit that differ in one spot. The spot is added at even indices and erased at odd indices."""
    corners = [(top, left) for top in range(2, SIDE - SPOT_SIDE - 1, 2) for left in range(2, SIDE - SPOT_SIDE - 1, 2)]
    changed = np.repeat(digit[None], 2 * len(corners), axis=0)
    for number, (top, left) in enumerate(corners):
        changed[2 * number, top : top + SPOT_SIDE, left : left + SPOT_SIDE] = 255
        changed[2 * number + 1, top : top + SPOT_SIDE, left : left + SPOT_SIDE] = 0
    return changed
