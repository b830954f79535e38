"""Labels that are perhaps wrong."""

import numpy as np


def contradicted(labels: np.ndarray, probabilities: np.ndarray, threshold: float) -> np.ndarray:
    """Which labels a model contradicts that is sure of another digit.

    Args:
        labels: (N,), 0 to 9.
        probabilities: (N, 10), of a model that has not learnt these labels.
        threshold: the confidence from which on the model is sure.

    Returns:
        (N,) bool.
    """
    return np.asarray((probabilities.argmax(1) != labels) & (probabilities.max(1) >= threshold))
