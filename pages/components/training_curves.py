"""The curves of a training."""

import functools
from collections.abc import Sequence
from typing import Any

import streamlit as st

from digitcore import charts
from digitcore.training import history
from digitcore.training.run import Point


def training_curves(points: Sequence[Point], epochs: int, key: str = "curve") -> None:
    """Draw loss and accuracy over the epochs. `key` must be unique on the page."""
    for column, metric in zip(st.columns(2), charts.METRICS, strict=True):
        table = history.curve_table({"training": points}, metric)
        column.vega_lite_chart(table, _curve_specification(metric, epochs), key=f"{key}_{metric}")
    st.caption("Validation digits are MNIST digits that are not used for training. Epoch 0 is the state before the training.")


@functools.lru_cache(maxsize=32)
def _curve_specification(metric: str, epochs: int) -> dict[str, Any]:
    """Return the chart without its data. Building a chart is slow, and only the data change during a training."""
    point = dict.fromkeys([*history.PROGRESS_AXES, metric], 0.0)
    table = history.curve_table({"training": [point]}, metric)
    return charts.specification(charts.curves(table, metric, x_max=epochs))
