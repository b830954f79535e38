"""Prequential evaluation: the accuracy of the predictions that were made before each drawing had a label.

The model was not trained on a drawing before its first prediction. The running accuracy therefore needs no held-out set.

Source: A. P. Dawid, "Present Position and Potential Developments: Some Personal Views: Statistical Theory: The Prequential
Approach", Journal of the Royal Statistical Society A 147 (1984).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from digitcore.evaluation.score import wilson_interval
from digitcore.samples import SampleSet

if TYPE_CHECKING:
    import pandas as pd

RECENT = 20  # drawings in the window of the recent accuracy
HASH_LENGTH = 8  # characters of the hash of a model without a name


def prequential_table(samples: SampleSet, names: Mapping[str, str]) -> "pd.DataFrame":
    """Return the running accuracy of the first predictions of the user's drawings.

    Drawings without a known first prediction and MNIST examples are left out.

    Args:
        samples: The samples, oldest first.
        names: Name of each model by the SHA-256 of its .tflite file. A model without a name is shown by the start of its hash.

    Returns:
        One row for each drawing: drawing (number, from 1), date, label, predicted, confidence, model, is_new_model (whether
        another model predicted the previous drawing), is_correct, correct (number of correct predictions so far), accuracy
        (running accuracy), low and high (its 95 % Wilson interval), and recent (accuracy of the last `RECENT` drawings).

    Example:
        >>> from digitcore.samples import FirstPrediction
        >>> samples = SampleSet()
        >>> for predicted in (7, 1):
        ...     first = FirstPrediction("ab12", predicted, confidence=0.9)
        ...     samples = samples.add(np.zeros((28, 28), np.uint8), 7, first_prediction=first)
        >>> prequential_table(samples, {"ab12": "genius"})[["model", "predicted", "accuracy"]].values.tolist()
        [['genius', 7, 1.0], ['genius', 1, 0.5]]
    """
    import pandas as pd

    known = [i for i, first in enumerate(samples.first_predictions) if first is not None and not samples.is_example[i]]
    firsts = [first for i in known if (first := samples.first_predictions[i]) is not None]
    labels, predicted = samples.labels[known].astype(int), np.array([first.digit for first in firsts], int)
    is_correct = labels == predicted
    drawing = np.arange(1, len(known) + 1)
    correct = is_correct.cumsum()
    hashes = [first.model for first in firsts]
    low, high = wilson_interval(correct, drawing)
    return pd.DataFrame(
        {
            "drawing": drawing,
            "date": [samples.dates[i] for i in known],
            "label": labels,
            "predicted": predicted,
            "confidence": [first.confidence for first in firsts],
            "model": [names.get(first.model, first.model[:HASH_LENGTH]) for first in firsts],
            "is_new_model": [i > 0 and hashes[i] != hashes[i - 1] for i in range(len(hashes))],
            "is_correct": is_correct,
            "correct": correct,
            "accuracy": correct / drawing,
            "low": low,
            "high": high,
            "recent": pd.Series(is_correct, dtype=float).rolling(RECENT, min_periods=1).mean(),
        }
    )
