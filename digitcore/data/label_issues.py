"""Detection of labels that may be wrong."""

from dataclasses import dataclass

import numpy as np

# Indices of MNIST's test digits whose label fewer than three of five people confirmed. The value is the digit that three people
# chose instead, or None.
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


MIN_CONTRADICTION = 0.8  # confidence; a less confident prediction is no reason to doubt a label
PRIOR_COUNT = 10  # samples with the mean of all digits that are added to each digit; a mean of two samples says little


@dataclass(frozen=True)
class LabelIssue:
    """A label that may be wrong.

    Attributes:
        index: index of the sample.
        label: given label, 0 to 9.
        suggested: most likely label, 0 to 9.
        score: confidence that the given label is right, 0 to 1.

    Example:
        >>> LabelIssue(index=3, label=7, suggested=1, score=0.1).suggested
        1
    """

    index: int
    label: int
    suggested: int
    score: float


def contradicted(labels: np.ndarray, probabilities: np.ndarray, threshold: float) -> np.ndarray:
    """Find the labels that a model contradicts with high confidence.

    Args:
        labels: (N,) integers 0 to 9.
        probabilities: (N, 10) predictions of a model that was not trained on these labels.
        threshold: confidence threshold of the model, 0 to 1. A prediction also needs a confidence of `MIN_CONTRADICTION`.

    Returns:
        (N,) bool.

    Example:
        >>> probabilities = np.full((2, 10), 0.01)
        >>> probabilities[:, 3] = 0.91
        >>> contradicted(np.array([3, 8]), probabilities, threshold=0.9)
        array([False,  True])
    """
    return np.asarray((probabilities.argmax(1) != labels) & (probabilities.max(1) >= max(threshold, MIN_CONTRADICTION)))


def find_label_issues(labels: np.ndarray, probabilities: np.ndarray) -> list[LabelIssue]:
    """Find the labels that are less likely than another digit.

    Each probability is compared with the mean probability of its digit. Therefore the labels of a digit are not reported if the
    model always predicts this digit with low confidence. The mean of a digit with few samples is close to the mean of all digits,
    so that a wrong label does not hide itself and makes no other label doubtful.

    Args:
        labels: (N,) integers 0 to 9.
        probabilities: (N, 10) predictions of models that were not trained on these labels.

    Returns:
        The issues, the least likely label first.

    Example:
        >>> probabilities = np.full((3, 10), 0.01)
        >>> probabilities[[0, 1, 2], [3, 3, 8]] = 0.91
        >>> find_label_issues(np.array([3, 8, 8]), probabilities)
        [LabelIssue(index=1, label=8, suggested=3, score=0...)]

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
    """Return the probabilities relative to the mean probability of each digit among its samples: (N, 10), with row sums of 1."""
    if not len(labels):
        return np.zeros((0, 10))
    is_label = labels[:, None] == np.arange(10)
    overall = probabilities[is_label].mean()
    usual = ((probabilities * is_label).sum(0) + PRIOR_COUNT * overall) / (is_label.sum(0) + PRIOR_COUNT)
    raised = probabilities - usual + usual.max()
    return np.asarray(raised / np.maximum(raised.sum(1, keepdims=True), np.finfo(float).tiny))
