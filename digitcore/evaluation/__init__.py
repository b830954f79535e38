"""Metrics of models: accuracy with its uncertainty, calibration, robustness, comparison, explanation."""

from typing import TYPE_CHECKING

from digitcore._lazy import lazy_attributes

if TYPE_CHECKING:
    from digitcore.evaluation.comparison import PairedComparison
    from digitcore.evaluation.metrics import Evaluation
    from digitcore.evaluation.score import Score, wilson_interval

__all__ = ["Evaluation", "PairedComparison", "Score", "wilson_interval"]

__getattr__ = lazy_attributes(
    __name__,
    {"Evaluation": "metrics", "PairedComparison": "comparison", "Score": "score", "wilson_interval": "score"},
)
