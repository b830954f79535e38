"""The curves of trainings."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from digitcore import charts
from digitcore.training import history
from digitcore.training.run import Point

HEIGHT = 260  # px of the plot
LEGEND_HEIGHT = 80  # px of the names of several trainings above the plot


def training_curves(histories: Mapping[str, Sequence[Point]], colors: Mapping[str, str], epochs: float, key: str) -> None:
    """Draw loss and accuracy over the epochs, with a color for each training.

    Args:
        histories: Name of a training → its points.
        colors: Name of a training → its color.
        epochs: End of the horizontal axis.
        key: Key of the charts, unique on the page.
    """
    shown = tuple((name, colors[name]) for name, points in histories.items() if points)
    for column, metric in zip(st.columns(2), charts.METRICS, strict=True):
        table = history.curve_table(histories, metric)
        low, high = charts.extent(table["value"], zero=metric == "loss")
        specification = _specification(metric, epochs, shown, low, high)
        column.vega_lite_chart(table, specification, key=f"{key}_{metric}")
    st.caption("Validation digits are MNIST digits that are not used for training. Epoch 0 is the state before the training.")


@functools.lru_cache(maxsize=32)
def _specification(metric: str, epochs: float, shown: tuple[tuple[str, str], ...], low: float, high: float) -> dict[str, Any]:
    """Return the chart without its data. Building a chart is slow, and the ends of its axes seldom change during a training."""
    ends = [history.START | {metric: value} for value in (low, high)]
    table = history.curve_table({name: ends for name, _ in shown}, metric)
    height = HEIGHT + LEGEND_HEIGHT * (len(shown) > 1)
    return charts.specification(charts.curves(table, metric, x_max=epochs, colors=dict(shown), height=height))
