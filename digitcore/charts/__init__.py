"""Altair charts from tables. Each function takes a table and returns a chart; the page shows and downloads the table.

Heights are those of the plot, in px; title, legend and axis come on top. Where a table has a column model, each model has its
color of `palette.model_colors`.
"""

from digitcore.charts.feature_maps import KINDS, MAP_SELECTION, feature_map
from digitcore.charts.learning_curves import AXES, METRICS, curve_bands, curves
from digitcore.charts.matrices import CELL_SELECTION, confusion, confusion_change
from digitcore.charts.shares import bars, coverage, digit_accuracy, reliability, robustness
from digitcore.charts.style import specification
from digitcore.charts.sweeps import parallel_coordinates, sweep_heat_map, sweep_points

__all__ = [
    "AXES",
    "CELL_SELECTION",
    "KINDS",
    "MAP_SELECTION",
    "METRICS",
    "bars",
    "confusion",
    "confusion_change",
    "coverage",
    "curve_bands",
    "curves",
    "digit_accuracy",
    "feature_map",
    "parallel_coordinates",
    "reliability",
    "robustness",
    "specification",
    "sweep_heat_map",
    "sweep_points",
]
