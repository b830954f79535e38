"""Accuracy on corrupted digits: every corruption at every severity."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from digitcore import mnist
from digitcore.data import corruptions
from digitcore.errors import CancelledError
from digitcore.predictor import Predictor

CARD_DIGITS = 1000  # the first test digits, on which a card's robustness is measured
CLEAN = 0  # the severity of digits that are not corrupted
COLUMNS = ["corruption", "severity", "correct", "n", "accuracy"]
Robustness = dict[str, list[float]]  # corruption → five accuracies, from slight to strong


def robustness_table(
    predictor: Predictor,
    n_digits: int = CARD_DIGITS,
    *,
    on_progress: Callable[[float], None] = lambda share: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> pd.DataFrame:
    """Evaluate a model on the first MNIST test digits with every corruption.

    Args:
        predictor: the model.
        n_digits: 1 to 10,000.
        on_progress: called with the share done, 0 to 1.
        should_stop: asked before each severity.

    Returns:
        One row a corruption and severity (0 is clean): corruption, severity, correct, n, accuracy (0 to 1).

    Raises:
        CancelledError: when `should_stop` returned True.
    """
    digits, labels = (part[:n_digits] for part in mnist.load().test)
    clean = _count_correct(predictor, digits, labels)
    rows, steps = [], [(name, severity) for name in corruptions.names() for severity in (CLEAN, *corruptions.SEVERITIES)]
    for number, (name, severity) in enumerate(steps, start=1):
        if should_stop():
            raise CancelledError("Stopped before every corruption was read.")
        correct = clean
        if severity != CLEAN:
            correct = _count_correct(predictor, corruptions.corrupt(digits, name, severity), labels)
        rows.append((name, severity, correct, len(labels), correct / len(labels)))
        on_progress(number / len(steps))
    return pd.DataFrame(rows, columns=COLUMNS)


def to_card(table: pd.DataFrame) -> Robustness:
    """A table as a card holds it."""
    corrupted = table[table["severity"] != CLEAN]
    return {
        str(name): [round(value, 3) for value in rows["accuracy"]] for name, rows in corrupted.groupby("corruption", sort=False)
    }


def from_card(robustness: Robustness, clean_accuracy: float) -> pd.DataFrame:
    """The table of a card's robustness; the accuracy on clean digits, 0 to 1, is given apart."""
    rows = [
        (name, severity, round(accuracy * CARD_DIGITS), CARD_DIGITS, accuracy)
        for name, accuracies in robustness.items()
        for severity, accuracy in enumerate((clean_accuracy, *accuracies))
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def mean_accuracy(robustness: Robustness) -> float:
    """Mean accuracy over every corruption and severity of a card, 0 to 1."""
    return float(np.mean(list(robustness.values())))


def mean_corrupted_accuracy(table: pd.DataFrame) -> float:
    """Mean accuracy over every corruption and severity of a table, 0 to 1."""
    return float(table[table["severity"] != CLEAN]["accuracy"].mean())


def _count_correct(predictor: Predictor, digits: np.ndarray, labels: np.ndarray) -> int:
    return int((predictor.probabilities(digits).argmax(1) == labels).sum())
