"""Shares and counts with their uncertainty: accuracy, calibration, coverage, robustness, bars."""

import altair as alt
import pandas as pd

from digitcore.charts.style import FRAME_HEIGHT, PERCENT, SHARE_AXIS, TooltipField, interval_fields, layer, model_color, tooltips
from digitcore.palette import BLUE, GREY

LOG_TICKS = [0, 0.001, 0.01, 0.1, 1]  # of a share


def digit_accuracy(table: pd.DataFrame, *, height: int = 260) -> alt.LayerChart:
    """Accuracy for each digit, with its 95 % interval, a color for each model.

    Args:
        table: from `metrics.digit_table`, with the column model.
    """
    scale = alt.Scale(zero=False, nice=True)
    base = alt.Chart(table).encode(
        x=alt.X("digit:O", title="Digit", axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("model:N", sort=list(table["model"].unique())),
        color=model_color(table),
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


def reliability(table: pd.DataFrame, *, height: int = 260) -> alt.LayerChart:
    """Reliability diagram: accuracy by confidence; a calibrated model lies on the diagonal.

    Args:
        table: from `metrics.reliability_table`, with the column model.
    """
    unit = alt.Scale(domain=[0, 1])
    corners = pd.DataFrame({"confidence": [0.0, 1.0], "accuracy": [0.0, 1.0]})
    diagonal = alt.Chart(corners).mark_line(strokeDash=[4, 4], color=GREY).encode(x="confidence:Q", y="accuracy:Q")
    base = alt.Chart(table).encode(
        x=alt.X("confidence:Q", title="Confidence", scale=unit, axis=SHARE_AXIS),
        color=model_color(table),
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


def coverage(table: pd.DataFrame, *, height: int = 260) -> alt.LayerChart:
    """Selective accuracy: the fewer digits a model answers, the more of those are right.

    Args:
        table: from `metrics.coverage_table`, with the columns model and is_threshold (True at the model's own threshold).
    """
    fields: list[TooltipField] = [("model:N", "Model"), ("threshold:Q", "Unsure below", ".1%"), ("coverage:Q", "Answered", ".1%")]
    base = alt.Chart(table).encode(
        x=alt.X("coverage:Q", title="Share of the digits answered", scale=alt.Scale(zero=False), axis=SHARE_AXIS),
        y=alt.Y("accuracy:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(format="~%", tickCount=6)),
        color=model_color(table),
        tooltip=tooltips(*fields, ("accuracy:Q", "Selective accuracy", ".2%")),
    )
    points = base.mark_point(filled=True, size=90, opacity=1).transform_filter(alt.datum.is_threshold)
    lines = base.mark_line(strokeWidth=2)
    return layer(lines, points, height=height, title="Selective accuracy: of the answered")


def robustness(table: pd.DataFrame, title: str, *, height: int = 220) -> alt.LayerChart:
    """Accuracy by the severity of a corruption, a curve for each model.

    Args:
        table: of one corruption, from `robustness.robustness_table`, with the columns model, low and high (0 to 1).
        title: over the plot.
    """
    fields: list[TooltipField] = [("model:N", "Model"), ("severity:O", "Strength"), ("accuracy:Q", "Accuracy", ".1%")]
    base = alt.Chart(table).encode(
        x=alt.X("severity:O", title="Strength (0: as it is)", axis=alt.Axis(labelAngle=0)),
        color=model_color(table),
        tooltip=tooltips(*fields, *interval_fields(".1%"), ("n:Q", "Of", ",")),
    )
    y = alt.Y("accuracy:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=SHARE_AXIS)
    lines, points = base.mark_line(strokeWidth=2).encode(y=y), base.mark_point(filled=True, size=45, opacity=1).encode(y=y)
    return layer(lines, points, height=height, title=title)


def bars(
    table: pd.DataFrame, x: str, y: str, title: str, *, format: str = "~s", log_scale: bool = False, height: int = 220
) -> alt.Chart:
    """One bar a row.

    Args:
        table: any.
        x: the column along the horizontal axis, as categories.
        y: the column of the bars' height.
        title: over the plot: what the height is, with its unit.
        format: of the vertical axis, in d3's language.
        log_scale: whether the vertical axis is logarithmic, for a share.
    """
    base: alt.Chart = alt.Chart(table, height=height + FRAME_HEIGHT, title=title).mark_bar(color=BLUE).configure(locale=PERCENT)
    return base.encode(
        x=alt.X(f"{x}:O", title=x.capitalize(), axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        y=alt.Y(
            f"{y}:Q",
            title=None,
            scale=alt.Scale(type="symlog", constant=LOG_TICKS[1]) if log_scale else alt.Scale(),
            axis=alt.Axis(format=format, **({"values": LOG_TICKS} if log_scale else {"tickCount": 5})),
        ),
        tooltip=tooltips((f"{x}:O", x.capitalize()), (f"{y}:Q", title)),
    )
