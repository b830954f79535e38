"""Altair charts of tables. Each function takes a table and returns a chart. The pages show the chart and export the table.

`height` is the height of the plot in px, without the title, the legend and the axis. If a table has the column `model`, `colors`
has the color of each model. The ends of all axes are part of the charts.

Example:
    >>> import pandas as pd
    >>> from digitcore import charts
    >>> type(charts.bars(pd.DataFrame({"digit": [0, 1], "count": [5, 7]}), "digit", "count", "Drawings")).__name__
    'Chart'
"""

from digitcore.charts.digit_map import MAP_KINDS, MAP_SELECTION, digit_map, pupil_map
from digitcore.charts.learning_curves import AXES, METRICS, curve_bands, curves
from digitcore.charts.matrices import CELL_SELECTION, confusion, confusion_change
from digitcore.charts.prequential import prequential
from digitcore.charts.shares import bars, coverage, digit_accuracy, reliability, robustness
from digitcore.charts.style import extent, specification
from digitcore.charts.sweeps import parallel_coordinates, sweep_heat_map, sweep_points

__all__ = [
    "AXES",
    "CELL_SELECTION",
    "MAP_KINDS",
    "MAP_SELECTION",
    "METRICS",
    "bars",
    "confusion",
    "confusion_change",
    "coverage",
    "curve_bands",
    "curves",
    "digit_accuracy",
    "digit_map",
    "extent",
    "parallel_coordinates",
    "prequential",
    "pupil_map",
    "reliability",
    "robustness",
    "specification",
    "sweep_heat_map",
    "sweep_points",
]
