"""Learning curves."""

from collections.abc import Mapping

import altair as alt
import pandas as pd

from digitcore.charts.style import NUMBER, SMALL_TEXT, extent, layer, model_color, tooltips
from digitcore.palette import GREY
from digitcore.values import percent

METRICS = {"loss": "Loss (cross-entropy, nats)", "accuracy": "Accuracy"}
LABEL_WIDTH = 36  # px at the left of the plot; with less, Vega cuts labels of a chart that it resizes
AXES = {"epoch": "Epoch", "samples_seen": "Samples seen", "seconds": "Seconds"}


def curves(
    table: pd.DataFrame,
    metric: str = "loss",
    *,
    x: str = "epoch",
    log_scale: bool = False,
    x_max: float | None = None,
    colors: Mapping[str, str] | None = None,
    level: tuple[str, float] | None = None,
    height: int = 220,
) -> alt.LayerChart:
    """Draw learning curves. Training is a solid line, validation is a dashed line with points, and each model has a color.

    Args:
        table: From `training.history.curve_table`.
        metric: "loss" or "accuracy". It determines the title and the format of the vertical axis.
        x: Column of the horizontal axis: "epoch", "samples_seen" or "seconds".
        log_scale: Whether the vertical axis is logarithmic. Use it only for a loss.
        x_max: End of the horizontal axis. With it, the axis does not move during a training.
        colors: Name of a model → its color.
        level: Name of a model that is shown as a level line, and its value.
        height: Height of the plot in px.

    Returns:
        The chart.

    Example:
        >>> columns = ["model", "subset", "epoch", "samples_seen", "seconds", "value"]
        >>> chart = curves(pd.DataFrame([("run 1", "training", 1.0, 500, 2.5, 0.4)], columns=columns))
    """
    is_share = metric == "accuracy"
    x_axis = alt.X(
        f"{x}:Q",
        title=AXES[x],
        axis=alt.Axis(tickMinStep=1, tickCount=8, format="~s" if x == "samples_seen" else NUMBER, labelFlushOffset=-3),
        scale=alt.Scale(domain=[0, x_max or max(_ends(table[x])[1], 0.1)], nice=False),
    )
    y_axis = alt.Y(
        "value:Q",
        title=None,
        axis=alt.Axis(format="~%" if is_share else NUMBER, tickCount=6, minExtent=LABEL_WIDTH),
        scale=_value_scale([*table["value"], *([level[1]] if level else [])], is_share=is_share, log_scale=log_scale),
    )
    dashes = alt.Scale(domain=["training", "validation"], range=[[1, 0], [5, 3]])
    legend = alt.Legend(orient="bottom", symbolType="stroke", symbolSize=600, symbolStrokeColor=GREY)
    dash = alt.StrokeDash("subset:N", title=None, scale=dashes, legend=legend)
    tooltip = tooltips(
        ("model:N", "Model"),
        ("subset:N", "Digits"),
        ("epoch:Q", "Epoch", ".2f"),
        ("samples_seen:Q", AXES["samples_seen"], ","),
        ("seconds:Q", "Seconds", ".1f"),
        ("value:Q", METRICS[metric], ".2%" if is_share else ".4f"),
    )
    base = alt.Chart(table).encode(x=x_axis, y=y_axis, color=model_color(table, colors), tooltip=tooltip)
    lines = base.mark_line(strokeWidth=2).encode(strokeDash=dash)
    counted = base.mark_point(filled=True, size=45, opacity=1).transform_joinaggregate(n="count()", groupby=["model", "subset"])
    points = counted.transform_filter((alt.datum.subset == "validation") | (alt.datum.n == 1))
    levels = _level(*level, (colors or {}).get(level[0], GREY), y_axis, is_share=is_share) if level else []
    return layer(lines, points, *levels, height=height, title=METRICS[metric])


def _value_scale(values: list[float], *, is_share: bool, log_scale: bool) -> alt.Scale:
    if not log_scale:
        low, high = extent(values, zero=not is_share)
        return alt.Scale(domain=[low, min(high, 1.0) if is_share else high], nice=False, zero=False)
    positive = [value for value in values if value > 0] or [1.0]
    return alt.Scale(type="log", domain=[min(positive), max(positive)], nice=True)


def _level(name: str, value: float, color: str, y: alt.Y, *, is_share: bool) -> list[alt.Chart]:
    """Return a level line over the whole width, and its name above the line."""
    number = percent(value, 2) if is_share else f"{value:.4f}"
    row = pd.DataFrame({"value": [value], "text": [f"{name} ends at {number}"]})
    base = alt.Chart(row)
    line = base.mark_rule(color=color, strokeWidth=2, strokeDash=[2, 2]).encode(y=y, tooltip=tooltips(("text:N", "Baseline")))
    text = base.mark_text(align="right", baseline="bottom", dx=-4, dy=-3, color=color, fontSize=SMALL_TEXT + 1)
    return [line, text.encode(y=y, x=alt.value("width"), text="text:N")]


def curve_bands(
    table: pd.DataFrame, metric: str = "accuracy", *, colors: Mapping[str, str] | None = None, height: int = 260
) -> alt.LayerChart:
    """Draw the mean validation curve of each group of trainings, and the range of the group as a band.

    The chart has no legend, because the legend of a chart cuts long names.

    Args:
        table: One row for each group and epoch: model (the group), epoch, mean, low, high, n (number of trainings).
        metric: "loss" or "accuracy". It determines the title and the format of the vertical axis.
        colors: Name of a group → its color.
        height: Height of the plot in px.

    Returns:
        The chart.

    Example:
        >>> columns = ["model", "epoch", "mean", "low", "high", "n"]
        >>> chart = curve_bands(pd.DataFrame([("lr 0.01", 1.0, 0.9, 0.8, 0.95, 3)], columns=columns))
    """
    is_share = metric == "accuracy"
    number_format = ".2%" if is_share else ".4f"
    scale, axis = (
        alt.Scale(domain=extent(table["low"], table["high"]), nice=False),
        alt.Axis(format="~%" if is_share else NUMBER, tickCount=6),
    )
    tooltip = tooltips(
        ("model:N", "Group"),
        ("epoch:Q", "Epoch"),
        ("mean:Q", "Mean", number_format),
        ("low:Q", "Lowest", number_format),
        ("high:Q", "Highest", number_format),
        ("n:Q", "Trainings"),
    )
    x = alt.X(
        "epoch:Q",
        title="Epoch",
        axis=alt.Axis(tickMinStep=1, format=NUMBER),
        scale=alt.Scale(domain=_ends(table["epoch"]), nice=False),
    )
    base = alt.Chart(table).encode(x=x, color=model_color(table, colors, has_legend=False), tooltip=tooltip)
    bands = base.mark_area(opacity=0.18).encode(y=alt.Y("low:Q", title=None, scale=scale, axis=axis), y2="high:Q")
    y = alt.Y("mean:Q", title=None, scale=scale, axis=axis)
    lines = base.mark_line(strokeWidth=2).encode(y=y)
    points = base.mark_point(filled=True, size=40, opacity=1).encode(y=y)
    return layer(bands, lines, points, height=height, title="Validation accuracy" if is_share else "Validation loss (nats)")


def _ends(values: "pd.Series[float]") -> list[float]:
    return [float(values.min()), float(values.max())] if len(values) else [0.0, 1.0]
