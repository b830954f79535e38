"""Charts of shares with their uncertainty: accuracy, calibration, coverage and robustness. Also bar charts."""

from collections.abc import Mapping

import altair as alt
import pandas as pd

from digitcore.charts.style import (
    FRAME_HEIGHT,
    PERCENT,
    SHARE_AXIS,
    TooltipField,
    extent,
    interval_fields,
    layer,
    model_color,
    tooltips,
)
from digitcore.palette import BLUE, GREY

LOG_TICKS = [0, 0.001, 0.01, 0.1, 1]  # ticks of a logarithmic axis for shares


def digit_accuracy(table: pd.DataFrame, *, colors: Mapping[str, str] | None = None, height: int = 260) -> alt.LayerChart:
    """Draw the accuracy on each digit with its 95 % interval. Each model has a color.

    Args:
        table: From `metrics.digit_table`, with the additional column `model`.
        colors: Name of a model → its color.
        height: Height of the plot in px.

    Returns:
        The chart.

    Example:
        >>> columns = ["model", "digit", "n", "correct", "accuracy", "low", "high"]
        >>> chart = digit_accuracy(pd.DataFrame([("genius", 7, 10, 9, 0.9, 0.6, 0.98)], columns=columns))
    """
    scale = alt.Scale(domain=extent(table["low"], table["high"]), nice=False, zero=False)
    base = alt.Chart(table).encode(
        x=alt.X("digit:O", title="Digit", axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("model:N", sort=list(table["model"].unique())),
        color=model_color(table, colors),
        tooltip=tooltips(
            ("model:N", "Model"),
            ("digit:O", "Digit"),
            ("correct:Q", "Correct", ","),
            ("n:Q", "Of", ","),
            *interval_fields(".2%"),
        ),
    )
    y = alt.Y("low:Q", title=None, scale=scale, axis=alt.Axis(format="~%", tickCount=6))
    intervals = base.mark_rule(strokeWidth=2).encode(y=y, y2="high:Q")
    points = base.mark_point(filled=True, size=60, opacity=1).encode(y=alt.Y("accuracy:Q", scale=scale))
    return layer(intervals, points, height=height, title="Accuracy on each digit")


def reliability(table: pd.DataFrame, *, colors: Mapping[str, str] | None = None, height: int = 260) -> alt.LayerChart:
    """Draw a reliability diagram: accuracy by confidence. The points of a calibrated model lie on the diagonal.

    Args:
        table: From `metrics.reliability_table`, with the additional column `model`.
        colors: Name of a model → its color.
        height: Height of the plot in px.

    Returns:
        The chart.

    Example:
        >>> columns = ["model", "confidence", "accuracy", "low", "high", "count"]
        >>> chart = reliability(pd.DataFrame([("genius", 0.9, 0.9, 0.6, 0.98, 10)], columns=columns))
    """
    unit = alt.Scale(domain=[0, 1])
    corners = pd.DataFrame({"confidence": [0.0, 1.0], "accuracy": [0.0, 1.0]})
    diagonal = alt.Chart(corners).mark_line(strokeDash=[4, 4], color=GREY).encode(x="confidence:Q", y="accuracy:Q")
    base = alt.Chart(table).encode(
        x=alt.X("confidence:Q", title="Confidence", scale=unit, axis=SHARE_AXIS),
        color=model_color(table, colors),
        tooltip=tooltips(
            ("model:N", "Model"),
            ("confidence:Q", "Confidence", ".1%"),
            ("accuracy:Q", "Accuracy", ".1%"),
            *interval_fields(".1%"),
            ("count:Q", "Digits", ","),
        ),
    )
    y = alt.Y("accuracy:Q", title=None, scale=unit, axis=alt.Axis(format=".0%"))
    intervals = base.mark_rule(strokeWidth=1.5, opacity=0.6).encode(y=alt.Y("low:Q", title=None, scale=unit), y2="high:Q")
    points = base.mark_point(filled=True, size=60, opacity=1).encode(y=y)
    lines = base.mark_line(strokeWidth=1.5).encode(y=y)
    return layer(diagonal, intervals, lines, points, height=height, title="Accuracy by confidence")


def coverage(table: pd.DataFrame, *, colors: Mapping[str, str] | None = None, height: int = 260) -> alt.LayerChart:
    """Draw the selective accuracy by the coverage: the accuracy on the digits that reach a confidence threshold, by their share.

    Args:
        table: From `metrics.coverage_table`, with the additional columns `model` and `is_threshold` (True for the row of the
            model's confidence threshold).
        colors: Name of a model → its color.
        height: Height of the plot in px.

    Returns:
        The chart.

    Example:
        >>> columns = ["model", "threshold", "coverage", "accuracy", "is_threshold"]
        >>> chart = coverage(pd.DataFrame([("genius", 0.9, 0.95, 0.99, True)], columns=columns))
    """
    fields: list[TooltipField] = [
        ("model:N", "Model"),
        ("threshold:Q", "Confidence threshold", ".1%"),
        ("coverage:Q", "Coverage", ".1%"),
    ]
    base = alt.Chart(table).encode(
        x=alt.X("coverage:Q", title="Coverage", scale=_scale(table["coverage"]), axis=SHARE_AXIS),
        y=alt.Y("accuracy:Q", title=None, scale=_scale(table["accuracy"]), axis=alt.Axis(format="~%", tickCount=6)),
        color=model_color(table, colors),
        tooltip=tooltips(*fields, ("accuracy:Q", "Selective accuracy", ".2%")),
    )
    points = base.mark_point(filled=True, size=90, opacity=1).transform_filter(alt.datum.is_threshold)
    lines = base.mark_line(strokeWidth=2)
    return layer(lines, points, height=height, title="Selective accuracy")


def robustness(table: pd.DataFrame, title: str, *, colors: Mapping[str, str] | None = None, height: int = 220) -> alt.LayerChart:
    """Draw the accuracy by the severity of a corruption, with a curve for each model.

    Args:
        table: Rows of one corruption from `robustness.robustness_table`, with the additional columns `model`, `low` and `high`
            (0 to 1).
        title: Title of the chart.
        colors: Name of a model → its color.
        height: Height of the plot in px.

    Returns:
        The chart.

    Example:
        >>> columns = ["model", "severity", "n", "accuracy", "low", "high"]
        >>> chart = robustness(pd.DataFrame([("genius", 0, 10, 0.9, 0.6, 0.98)], columns=columns), "Blur")
    """
    fields: list[TooltipField] = [("model:N", "Model"), ("severity:O", "Severity"), ("accuracy:Q", "Accuracy", ".1%")]
    base = alt.Chart(table).encode(
        x=alt.X("severity:O", title="Severity (0: clean)", axis=alt.Axis(labelAngle=0)),
        color=model_color(table, colors),
        tooltip=tooltips(*fields, *interval_fields(".1%"), ("n:Q", "Of", ",")),
    )
    y = alt.Y("accuracy:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=SHARE_AXIS)
    lines, points = base.mark_line(strokeWidth=2).encode(y=y), base.mark_point(filled=True, size=45, opacity=1).encode(y=y)
    return layer(lines, points, height=height, title=title)


def bars(
    table: pd.DataFrame, x: str, y: str, title: str, *, format: str = "~s", log_scale: bool = False, height: int = 220
) -> alt.Chart:
    """Draw a bar for each row.

    Args:
        table: A table with the columns `x` and `y`.
        x: Column of the horizontal axis, shown as categories.
        y: Column of the heights of the bars.
        title: Title of the chart, which names the quantity of `y` and its unit.
        format: Format of the vertical axis, as a d3 format string.
        log_scale: Whether the vertical axis is logarithmic. Use it only for a share.
        height: Height of the plot in px.

    Returns:
        The chart.

    Example:
        >>> chart = bars(pd.DataFrame({"digit": [0, 1], "count": [5, 7]}), "digit", "count", "Drawings")
    """
    base: alt.Chart = alt.Chart(table, height=height + FRAME_HEIGHT, title=title).mark_bar(color=BLUE).configure(locale=PERCENT)
    return base.encode(
        x=alt.X(f"{x}:O", title=x.capitalize(), axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        y=alt.Y(
            f"{y}:Q",
            title=None,
            scale=alt.Scale(type="symlog", constant=LOG_TICKS[1], domain=[0, 1])
            if log_scale
            else alt.Scale(domain=extent(table[y], zero=True), nice=False),
            axis=alt.Axis(format=format, **({"values": LOG_TICKS} if log_scale else {"tickCount": 5})),
        ),
        tooltip=tooltips((f"{x}:O", x.capitalize()), (f"{y}:Q", title)),
    )


def _scale(values: "pd.Series[float]") -> alt.Scale:
    return alt.Scale(domain=extent(values), nice=False, zero=False)
