"""Altair charts from tables. Each function takes a table and returns a chart; the page shows and downloads the table.

Heights are those of the plot, in px; title, legend and axis come on top. Where a table has a column model, each model has its
color of `palette.model_colors`.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from digitcore.palette import BLUE, GREY, ORANGE, model_colors

METRICS = {"loss": "Loss (cross-entropy, nats)", "accuracy": "Accuracy"}
AXES = {"epoch": "Epoch", "samples_seen": "Digits seen", "seconds": "Seconds"}
FRAME_HEIGHT, AXES_HEIGHT = 170, 80  # px of a chart that title, legend and axis take in Streamlit's theme, or the axis alone
CELL_SELECTION = "cell"  # of a confusion matrix: the fields true and predicted of what was clicked
PERCENT = alt.Locale(number=alt.NumberLocale(currency=["", ""], decimal=".", thousands=",", grouping=[3], percent=" %"))
SHARE_AXIS = alt.Axis(format=".0%", tickCount=5)
DARK_TEXT, NEUTRAL = "#1b1f27", "#f4f4f4"
LOG_TICKS = [0, 0.001, 0.01, 0.1, 1]  # of a share
TooltipField = tuple[str, str] | tuple[str, str, str]  # field with its type, title, d3 format


def curves(
    table: pd.DataFrame,
    metric: str = "loss",
    *,
    x: str = "epoch",
    log_scale: bool = False,
    x_max: float | None = None,
    height: int = 220,
) -> alt.LayerChart:
    """Training (solid; a point where there is one only) and validation (dashed, with points), a color for each model.

    Args:
        table: from `training.history.curve_table`.
        metric: loss or accuracy; only names and formats the axis.
        x: epoch, samples_seen or seconds, along the horizontal axis.
        log_scale: whether the vertical axis is logarithmic, for a loss.
        x_max: end of the axis, so that it stands still while a training runs.
    """
    is_share = metric == "accuracy"
    x_axis = alt.X(
        f"{x}:Q",
        title=AXES[x],
        axis=alt.Axis(tickMinStep=1, tickCount=8, format="~s" if x == "samples_seen" else "~g"),
        scale=alt.Scale(domainMin=0, domainMax=x_max or alt.Undefined, nice=False),
    )
    y_axis = alt.Y(
        "value:Q",
        title=None,
        axis=alt.Axis(format="~%" if is_share else "~g", tickCount=6),
        scale=alt.Scale(type="log", nice=True) if log_scale else alt.Scale(zero=not is_share, nice=True),
    )
    dashes = alt.Scale(domain=["training", "validation"], range=[[1, 0], [5, 3]])
    legend = alt.Legend(orient="bottom", symbolType="stroke", symbolSize=600, symbolStrokeColor=GREY)
    dash = alt.StrokeDash("subset:N", title=None, scale=dashes, legend=legend)
    tooltip = _tooltip(
        ("model:N", "Model"),
        ("subset:N", "Digits"),
        ("epoch:Q", "Epoch", ".2f"),
        ("samples_seen:Q", "Digits seen", ","),
        ("seconds:Q", "Seconds", ".1f"),
        ("value:Q", METRICS[metric], ".2%" if is_share else ".4f"),
    )
    base = alt.Chart(table).encode(x=x_axis, y=y_axis, color=_model_color(table), tooltip=tooltip)
    lines = base.mark_line(strokeWidth=2).encode(strokeDash=dash)
    counted = base.mark_point(filled=True, size=45, opacity=1).transform_joinaggregate(n="count()", groupby=["model", "subset"])
    points = counted.transform_filter((alt.datum.subset == "validation") | (alt.datum.n == 1))
    return _layer(lines, points, height=height, title=METRICS[metric])


def confusion(table: pd.DataFrame, *, rates: bool = False, height: int = 340) -> alt.LayerChart:
    """A confusion matrix: rows the true digit, columns the predicted one, the shade its share of the row; a click picks a cell.

    Args:
        table: from `metrics.confusion_table`.
        rates: whether the cells show shares of the row instead of counts.
    """
    tooltip: list[TooltipField] = [("count:Q", "How many", ","), ("share:Q", "Share of this digit", ".2%")]
    shade = alt.Color("share:Q", title=None, scale=alt.Scale(scheme="blues", type="sqrt", domain=[0, 1]), legend=None)
    text = alt.Text("share:Q", format=".1%") if rates else alt.Text("count:Q", format=",")
    return _matrix(table, tooltip, shade, text, "count", "datum.share > 0.25", height)


def confusion_change(table: pd.DataFrame, *, height: int = 340) -> alt.LayerChart:
    """The difference of two confusion matrices: orange where the candidate has more, blue where it has fewer.

    Args:
        table: from `PairedComparison.confusion_table`.
    """
    limit = max(1, int(table["change"].abs().max())) if len(table) else 1
    shade = alt.Color(
        "change:Q",
        title=None,
        scale=alt.Scale(domain=[-limit, 0, limit], range=[BLUE, NEUTRAL, ORANGE], type="linear"),
        legend=None,
    )
    tooltip: list[TooltipField] = [("change:Q", "More with the second", "+d")]
    return _matrix(table, tooltip, shade, alt.Text("change:Q", format="+d"), "change", "false", height)


def _matrix(
    table: pd.DataFrame,
    tooltip: Sequence[TooltipField],
    shade: alt.Color,
    text: alt.Text,
    shown: str,
    is_dark: str,
    height: int,
) -> alt.LayerChart:
    """Ten by ten cells; `shown` is the column whose zeros stay empty, `is_dark` the expression for white text."""
    cell = alt.selection_point(name=CELL_SELECTION, fields=["true", "predicted"], empty=False)
    base = alt.Chart(table).encode(
        x=alt.X("predicted:O", title="Predicted", axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("true:O", title="True digit"),
        tooltip=_tooltip(("true:O", "True digit"), ("predicted:O", "Predicted"), *tooltip),
    )
    numbers = base.mark_text(fontSize=11).encode(
        text=text,
        color=alt.condition(is_dark, alt.value("white"), alt.value(DARK_TEXT)),
        opacity=alt.condition(alt.datum[shown] != 0, alt.value(1), alt.value(0)),
    )
    frames = base.mark_rect(fillOpacity=0, cursor="pointer").encode(  # on top, so that every click finds a cell
        stroke=alt.condition(cell, alt.value(ORANGE), alt.value("transparent")),
        strokeWidth=alt.condition(cell, alt.value(3), alt.value(0)),
    )
    cells = base.mark_rect().encode(color=shade)
    return _layer(cells, numbers, frames.add_params(cell), height=height)


def digit_accuracy(table: pd.DataFrame, *, height: int = 260) -> alt.LayerChart:
    """Accuracy for each digit, with its 95 % interval, a color for each model.

    Args:
        table: from `metrics.digit_table`, with the column model.
    """
    scale = alt.Scale(zero=False, nice=True)
    base = alt.Chart(table).encode(
        x=alt.X("digit:O", title="Digit", axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("model:N", sort=list(table["model"].unique())),
        color=_model_color(table),
        tooltip=_tooltip(
            ("model:N", "Model"),
            ("digit:O", "Digit"),
            ("correct:Q", "Correct", ","),
            ("n:Q", "Of", ","),
            *_interval_fields(".2%"),
        ),
    )
    y = alt.Y("low:Q", title=None, scale=scale, axis=alt.Axis(format="~%", tickCount=6))
    intervals = base.mark_rule(strokeWidth=2).encode(y=y, y2="high:Q")
    points = base.mark_point(filled=True, size=60, opacity=1).encode(y=alt.Y("accuracy:Q", scale=scale))
    return _layer(intervals, points, height=height, title="Accuracy on each digit")


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
        color=_model_color(table),
        tooltip=_tooltip(
            ("model:N", "Model"),
            ("confidence:Q", "Confidence", ".1%"),
            ("accuracy:Q", "Accuracy", ".1%"),
            *_interval_fields(".1%"),
            ("count:Q", "Digits", ","),
        ),
    )
    y = alt.Y("accuracy:Q", title=None, scale=unit, axis=alt.Axis(format=".0%"))
    intervals = base.mark_rule(strokeWidth=1.5, opacity=0.6).encode(y=alt.Y("low:Q", title=None, scale=unit), y2="high:Q")
    points = base.mark_point(filled=True, size=60, opacity=1).encode(y=y)
    lines = base.mark_line(strokeWidth=1.5).encode(y=y)
    return _layer(diagonal, intervals, lines, points, height=height, title="Accuracy by confidence")


def coverage(table: pd.DataFrame, *, height: int = 260) -> alt.LayerChart:
    """Selective accuracy: the fewer digits a model answers, the more of those are right.

    Args:
        table: from `metrics.coverage_table`, with the columns model and is_threshold (True at the model's own threshold).
    """
    fields: list[TooltipField] = [("model:N", "Model"), ("threshold:Q", "Unsure below", ".1%"), ("coverage:Q", "Answered", ".1%")]
    base = alt.Chart(table).encode(
        x=alt.X("coverage:Q", title="Share of the digits answered", scale=alt.Scale(zero=False), axis=SHARE_AXIS),
        y=alt.Y("accuracy:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(format="~%", tickCount=6)),
        color=_model_color(table),
        tooltip=_tooltip(*fields, ("accuracy:Q", "Selective accuracy", ".2%")),
    )
    points = base.mark_point(filled=True, size=90, opacity=1).transform_filter(alt.datum.is_threshold)
    lines = base.mark_line(strokeWidth=2)
    return _layer(lines, points, height=height, title="Selective accuracy: of the answered")


def robustness(table: pd.DataFrame, title: str, *, height: int = 220) -> alt.LayerChart:
    """Accuracy by the severity of a corruption, a curve for each model.

    Args:
        table: of one corruption, from `robustness.robustness_table`, with the columns model, low and high (0 to 1).
        title: over the plot.
    """
    fields: list[TooltipField] = [("model:N", "Model"), ("severity:O", "Strength"), ("accuracy:Q", "Accuracy", ".1%")]
    base = alt.Chart(table).encode(
        x=alt.X("severity:O", title="Strength (0: as it is)", axis=alt.Axis(labelAngle=0)),
        color=_model_color(table),
        tooltip=_tooltip(*fields, *_interval_fields(".1%"), ("n:Q", "Of", ",")),
    )
    y = alt.Y("accuracy:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=SHARE_AXIS)
    lines, points = base.mark_line(strokeWidth=2).encode(y=y), base.mark_point(filled=True, size=45, opacity=1).encode(y=y)
    return _layer(lines, points, height=height, title=title)


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
        tooltip=_tooltip((f"{x}:O", x.capitalize()), (f"{y}:Q", title)),
    )


def sweep_heat_map(table: pd.DataFrame, x: str, y: str, *, height: int = 260) -> alt.LayerChart:
    """A sweep's means: one cell a combination, its shade the personal score, its cost on MNIST on hover.

    Args:
        table: from `Sweep.means`; with more than two swept settings the best combination of each cell is on top.
        x, y: the columns across and down; the same one twice gives a single row.
    """
    base = alt.Chart(table.sort_values("personal")).encode(
        x=alt.X(f"{x}:O", title=x, axis=alt.Axis(labelAngle=0)),
        y=alt.Y(f"{y}:O", title=y) if x != y else alt.Undefined,
        tooltip=_tooltip(
            (f"{x}:O", x),
            (f"{y}:O", y),
            ("personal:Q", "Your handwriting", ".1%"),
            ("personal_range:Q", "Spread over seeds", ".1%"),
            ("mnist:Q", "MNIST", ".2%"),
            ("added_mnist_errors:Q", "Added MNIST errors", "+.0f"),
            ("seconds:Q", "Seconds", ".1f"),
        ),
    )
    shade = alt.Color("personal:Q", title="Your handwriting", scale=alt.Scale(scheme="viridis"), legend=alt.Legend(format=".0%"))
    text = alt.Text("personal:Q", format=".0%")
    numbers = base.mark_text(fontWeight="bold", stroke="black", strokeWidth=0.4, fill="white").encode(text=text)
    cells = base.mark_rect().encode(color=shade)
    return _layer(cells, numbers, height=height, title="Accuracy on your handwriting after training")


def _layer(*charts: Any, height: int, title: str | None = None) -> alt.LayerChart:
    size: dict[str, Any] = {"height": height + FRAME_HEIGHT, "title": title} if title else {"height": height + AXES_HEIGHT}
    layered = alt.layer(*charts).properties(**size).configure(locale=PERCENT)
    assert isinstance(layered, alt.LayerChart)
    return layered


def _interval_fields(format: str) -> list[TooltipField]:
    return [("low:Q", "From", format), ("high:Q", "To", format)]


def _tooltip(*fields: TooltipField) -> list[alt.Tooltip]:
    return [alt.Tooltip(field, title=title, format=rest[0] if rest else alt.Undefined) for field, title, *rest in fields]


def _model_color(table: pd.DataFrame) -> Any:
    """A color for each model, the same where others of the column's categories are missing; a legend where there are several."""
    present = list(table["model"].unique())
    every = list(table["model"].cat.categories) if table["model"].dtype == "category" else present
    colors = dict(zip(every, model_colors(len(every)), strict=True))
    return alt.Color(
        "model:N",
        title=None,
        scale=alt.Scale(domain=present, range=[colors[name] for name in present]),
        legend=alt.Legend(orient="top", columns=3) if len(present) > 1 else None,
    )
