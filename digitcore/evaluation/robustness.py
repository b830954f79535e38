"""Accuracy on corrupted digits, for each corruption at each severity."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pandas as pd

from digitcore import mnist
from digitcore.data import corruptions, mnist_c
from digitcore.errors import CancelledError
from digitcore.predictor import Predictor

CARD_DIGITS = 1000  # first test digits, which measure the robustness on a card
CLEAN = 0  # severity of digits that are not corrupted
COLUMNS = ["corruption", "severity", "correct", "n", "accuracy"]
Robustness = dict[str, list[float]]  # five accuracies by corruption, from the lowest severity to the highest


def robustness_table(
    predictor: Predictor,
    n_digits: int = CARD_DIGITS,
    *,
    on_progress: Callable[[float], None] = lambda share: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> pd.DataFrame:
    """Evaluate a model on corrupted MNIST test digits.

    Args:
        predictor: The model.
        n_digits: Number of test digits, 1 to 10,000.
        on_progress: Called with the finished share, 0 to 1.
        should_stop: Called before each severity. If it returns True, the work is cancelled.

    Returns:
        One row for each corruption and severity (0 is clean): corruption, severity, correct, n, accuracy (0 to 1).

    Raises:
        CancelledError: If `should_stop` returned True.
        DatasetNotFoundError: If MNIST is not on this machine and cannot be downloaded.

    Example:
        >>> from digitcore import models
        >>> len(robustness_table(models.load("mlp").predictor(), n_digits=2))
        60
    """
    digits, labels = (part[:n_digits] for part in mnist.load().test)
    clean = _count_correct(predictor, digits, labels)
    rows, steps = [], [(name, severity) for name in corruptions.names() for severity in (CLEAN, *corruptions.SEVERITIES)]
    for number, (name, severity) in enumerate(steps, start=1):
        if should_stop():
            raise CancelledError("The robustness evaluation was stopped. Start the evaluation again to see its result.")
        correct = clean
        if severity != CLEAN:
            correct = _count_correct(predictor, corruptions.corrupt(digits, name, severity), labels)
        rows.append((name, severity, correct, len(labels), correct / len(labels)))
        on_progress(number / len(steps))
    return pd.DataFrame(rows, columns=COLUMNS)


def mnist_c_accuracies(predictor: Predictor, n_digits: int = CARD_DIGITS) -> dict[str, float]:
    """Evaluate a model on the fifteen corruptions of MNIST-C (`digitcore.data.mnist_c`). No recipe trains with their digits.

    Args:
        predictor: The model.
        n_digits: Number of MNIST test digits, 1 to 10,000. The first digits are used.

    Returns:
        The accuracy, 0 to 1, for each corruption, and their mean for “all”.

    Raises:
        DatasetNotFoundError: If MNIST is not on this machine and cannot be downloaded.

    Example:
        >>> from digitcore import models
        >>> len(mnist_c_accuracies(models.load("mlp").predictor(), n_digits=2))
        16
    """
    labels = mnist.load().test[1][:n_digits]
    found = {kind: _count_correct(predictor, _mnist_c_digits(kind, n_digits), labels) / len(labels) for kind in mnist_c.KINDS}
    return found | {"all": float(np.mean(list(found.values())))}


@lru_cache(maxsize=len(mnist_c.KINDS))
def _mnist_c_digits(kind: str, n_digits: int) -> np.ndarray:
    """Return corrupted test digits. They stay in memory, because their computation takes longer than the predictions."""
    return mnist_c.corrupt(mnist.load().test_images[:n_digits], kind)


def to_card(table: pd.DataFrame) -> Robustness:
    """Convert a table to the format of a card.

    Args:
        table: A table from `robustness_table`.

    Returns:
        The five accuracies of each corruption, rounded to three decimals.

    Example:
        >>> to_card(from_card({"gaussian blur": [0.9, 0.8, 0.7, 0.6, 0.5]}, clean_accuracy=0.99))
        {'gaussian blur': [0.9, 0.8, 0.7, 0.6, 0.5]}
    """
    corrupted = table[table["severity"] != CLEAN]
    return {
        str(name): [round(value, 3) for value in rows["accuracy"]] for name, rows in corrupted.groupby("corruption", sort=False)
    }


def from_card(robustness: Robustness, clean_accuracy: float | None = None) -> pd.DataFrame:
    """Convert the robustness of a card to a table.

    Args:
        robustness: The five accuracies of each corruption, 0 to 1.
        clean_accuracy: Accuracy on the same digits without corruption, 0 to 1. If None, the rows of clean digits are left out.
            Do not pass the card's MNIST accuracy, because it is measured on more digits.

    Returns:
        A table as from `robustness_table`.

    Example:
        >>> from_card({"gaussian blur": [0.9, 0.8, 0.7, 0.6, 0.5]}, clean_accuracy=0.99)["accuracy"].tolist()
        [0.99, 0.9, 0.8, 0.7, 0.6, 0.5]
    """
    rows = [
        (name, severity, round(accuracy * CARD_DIGITS), CARD_DIGITS, accuracy)
        for name, accuracies in robustness.items()
        for severity, accuracy in enumerate((clean_accuracy, *accuracies))
        if accuracy is not None
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def mean_accuracy(robustness: Robustness) -> float:
    """Compute the mean accuracy of a card over all corruptions and severities.

    Args:
        robustness: The five accuracies of each corruption, 0 to 1.

    Returns:
        The mean, 0 to 1.

    Example:
        >>> round(mean_accuracy({"gaussian blur": [0.9, 0.8, 0.7, 0.6, 0.5]}), 3)
        0.7
    """
    return float(np.mean(list(robustness.values())))


def mean_corrupted_accuracy(table: pd.DataFrame) -> float:
    """Compute the mean accuracy of a table over all corruptions and severities, without clean digits.

    Args:
        table: A table from `robustness_table`.

    Returns:
        The mean, 0 to 1.

    Example:
        >>> table = from_card({"gaussian blur": [0.9, 0.8, 0.7, 0.6, 0.5]}, clean_accuracy=0.99)
        >>> round(mean_corrupted_accuracy(table), 3)
        0.7
    """
    return float(table[table["severity"] != CLEAN]["accuracy"].mean())


def _count_correct(predictor: Predictor, digits: np.ndarray, labels: np.ndarray) -> int:
    return int((predictor.probabilities(digits).argmax(1) == labels).sum())
