"""How much a model still reads when the digits are spoilt: every corruption at every strength."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from digitcore import corruptions, mnist
from digitcore.errors import Stopped
from digitcore.predictor import Predictor

ON_CARD = 1000  # test digits, the first, that a card's robustness is measured on
CLEAN = 0  # the strength of digits that are not spoilt
COLUMNS = ["corruption", "strength", "correct", "of", "accuracy"]


def measure(
    predictor: Predictor,
    count: int = ON_CARD,
    *,
    on_progress: Callable[[float], None] = lambda share: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> pd.DataFrame:
    """Spoil the first MNIST test digits in every way, and read them.

    Args:
        predictor: the model.
        count: digits, 1 to 10,000.
        on_progress: called with the share done, 0 to 1.
        should_stop: asked before each strength.

    Returns:
        One row a corruption and strength (0 is unspoilt): corruption, strength, correct, of, accuracy (0 to 1).

    Raises:
        Stopped: when asked to.
    """
    digits, labels = (part[:count] for part in mnist.load().test)
    clean = _correct(predictor, digits, labels)
    rows, steps = [], [(name, strength) for name in corruptions.names() for strength in (CLEAN, *corruptions.STRENGTHS)]
    for number, (name, strength) in enumerate(steps, start=1):
        if should_stop():
            raise Stopped("Stopped before every corruption was read.")
        correct = clean
        if strength != CLEAN:
            correct = _correct(predictor, corruptions.corrupt(digits, name, strength), labels)
        rows.append((name, strength, correct, len(labels), correct / len(labels)))
        on_progress(number / len(steps))
    return pd.DataFrame(rows, columns=COLUMNS)


def on_card(table: pd.DataFrame) -> dict[str, list[float]]:
    """As a card holds it: corruption → five accuracies, from slight to strong."""
    spoilt = table[table["strength"] != CLEAN]
    return {name: [round(value, 3) for value in rows["accuracy"]] for name, rows in spoilt.groupby("corruption", sort=False)}


def from_card(robustness: dict[str, list[float]], accuracy: float) -> pd.DataFrame:
    """Back from a card; accuracy is that of unspoilt digits, 0 to 1."""
    rows = [
        (name, strength, round(share * ON_CARD), ON_CARD, share)
        for name, shares in robustness.items()
        for strength, share in enumerate((accuracy, *shares))
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def mean(robustness: dict[str, list[float]]) -> float:
    """Mean accuracy over every corruption and strength of a card, 0 to 1."""
    return float(np.mean(list(robustness.values())))


def _correct(predictor, digits, labels):
    return int((predictor.probabilities(digits).argmax(1) == labels).sum())
