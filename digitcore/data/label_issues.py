"""Labels that are perhaps wrong."""

from dataclasses import dataclass

import numpy as np

# MNIST's test digits whose label fewer than three of five people confirmed, and the digit that three of them saw instead, if any.
# Source: C. Northcutt, A. Athalye, J. Mueller, "Pervasive Label Errors in Test Sets Destabilize Machine Learning
# Benchmarks" (2021).
DISPUTED_TEST_LABELS: dict[int, int | None] = {
    947: 9,
    1621: 6,
    1901: 4,
    2130: None,
    2462: 0,
    2597: 3,
    2654: None,
    3520: None,
    3558: 0,
    5937: 3,
    6651: 6,
    6783: 6,
    8527: None,
    9679: None,
    9729: 6,
}


@dataclass(frozen=True)
class LabelIssue:
    """A label that is little believed.

    Attributes:
        index: of the digit.
        label: as given, 0 to 9.
        suggested: the digit that is believed most, 0 to 9.
        score: how far the label is believed, 0 to 1.
    """

    index: int
    label: int
    suggested: int
    score: float


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


def find_label_issues(labels: np.ndarray, probabilities: np.ndarray) -> list[LabelIssue]:
    """The labels that are believed less than another digit, the least believed first.

    A probability counts by how far it lies above what is usual for its digit, so that a digit that a model is never sure of
    is not suspected for it.

    Args:
        labels: (N,), 0 to 9.
        probabilities: (N, 10), of models that have not learnt these labels.

    Source:
        C. Northcutt, L. Jiang, I. Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels" (2021).
    """
    labels, belief = np.asarray(labels, int), _belief(np.asarray(labels, int), np.asarray(probabilities, float))
    scores, suggested = belief[np.arange(len(labels)), labels], belief.argmax(1)
    order = np.argsort(scores, kind="stable")
    return [
        LabelIssue(int(i), int(labels[i]), int(suggested[i]), round(float(scores[i]), 6))
        for i in order
        if suggested[i] != labels[i]
    ]


def _belief(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Probabilities beside the mean that each digit has where it is the label: (N, 10), rows adding up to 1."""
    is_label = labels[:, None] == np.arange(10)
    usual = (probabilities * is_label).sum(0) / np.maximum(1, is_label.sum(0))
    usual[~is_label.any(0)] = usual[is_label.any(0)].mean() if len(labels) else 1
    raised = probabilities - usual + usual.max()
    return np.asarray(raised / np.maximum(raised.sum(1, keepdims=True), np.finfo(float).tiny))
