"""Evaluation of models: accuracy with its uncertainty, calibration, robustness, comparison and explanation.

Example:
    >>> import numpy as np
    >>> from digitcore.evaluation import Evaluation
    >>> Evaluation.from_probabilities([1, 2], np.full((2, 10), 0.1))
    Evaluation(n=2, correct=0, accuracy=0.0000, loss=2.3026)
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from digitcore.evaluation.comparison import PairedComparison
    from digitcore.evaluation.metrics import Evaluation
    from digitcore.evaluation.score import Score, wilson_interval

__all__ = ["Evaluation", "PairedComparison", "Score", "wilson_interval"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "comparison": ["PairedComparison"],
        "metrics": ["Evaluation"],
        "score": ["Score", "wilson_interval"],
    },
)
