"""Charts of the trials of a sweep."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from digitcore.charts.style import TooltipField, extent, layer, tooltips
from digitcore.palette import BLUE, DARK_TEXT, GREY, ORANGE
from digitcore.values import format_value, percent

VIRIDIS = alt.SchemeParams(name="viridis", extent=[0.25, 0.9])  # visible on white and on black
TWO_LINES = "split(datum.label, ': ')"  # Labels of two lines fit on a phone.
MAX_TICKS = 8  # labels of an axis


def sweep_points(
    table: pd.DataFrame, parameters: Mapping[str, str], score: str, title: str, *, height: int = 200
) -> alt.LayerChart:
    """Draw a score by one parameter, with a point for each trial and a bar at the mean of each value.

    Args:
        table: From `Sweep.done_table`.
        parameters: Column of the parameter → its title. It has one item.
        score: Column of the score, 0 to 1.
        title: Title of the score.
        height: Height of the plot in px.

    Returns:
        The chart.

    Example:
        >>> table = pd.DataFrame({"epochs": [1, 2], "seed": [0, 0], "validation": [0.9, 0.95]})
        >>> chart = sweep_points(table, {"epochs": "Epochs"}, "validation", "MNIST validation")
    """
    table, (shown,) = _with_safe_columns(table, parameters)
    is_many = table["p0"].nunique() > MAX_TICKS and pd.api.types.is_numeric_dtype(table["p0"])
    axis = (
        alt.X("p0:Q", title=shown, scale=alt.Scale(domain=extent(table["p0"]), nice=False, zero=False))
        if is_many
        else alt.X("p0:O", title=shown, axis=alt.Axis(labelAngle=0))
    )
    base = alt.Chart(table)
    scale = alt.Scale(domain=extent(table[score]), nice=False, zero=False)
    y = alt.Y(f"{score}:Q", title=title, scale=scale, axis=alt.Axis(format=".1%", tickCount=5))
    tooltip = tooltips(("p0:N", shown), ("seed:O", "Seed"), (f"{score}:Q", title, ".2%"))
    points = base.mark_point(filled=True, size=40, opacity=0.6, color=BLUE).encode(x=axis, y=y, tooltip=tooltip)
    means = base.mark_tick(color=ORANGE, thickness=3, size=28).encode(
        x=axis, y=alt.Y(f"mean({score}):Q", title=title, scale=scale)
    )
    return layer(points, *([] if is_many else [means]), height=height, title=f"{title} by {shown}")


def sweep_heat_map(
    table: pd.DataFrame, parameters: Mapping[str, str], score: str, title: str, *, height: int = 260
) -> alt.LayerChart:
    """Draw the mean scores of a sweep, with a cell for each combination of two parameters. The shade shows the score.

    Args:
        table: From `Sweep.means`.
        parameters: Column → title of the horizontal parameter, then of the vertical parameter.
        score: Column of the score, 0 to 1.
        title: Title of the score.
        height: Height of the plot in px.

    Returns:
        The chart.

    Example:
        >>> columns = ["epochs", "network", "validation", "range", "seeds", "added_validation_errors", "seconds"]
        >>> table = pd.DataFrame([(1, "mlp", 0.9, 0.01, 3, 0.0, 2.5)], columns=columns)
        >>> chart = sweep_heat_map(table, {"epochs": "Epochs", "network": "Network"}, "validation", "MNIST validation")
    """
    table, (x, y) = _with_safe_columns(table, parameters)
    fields: list[TooltipField] = [
        ("p0:O", x),
        ("p1:O", y),
        (f"{score}:Q", title, ".2%"),
        *([("range:Q", "Range over seeds", ".2%")] if table["range"].notna().any() else []),
        ("seeds:Q", "Seeds"),
        ("added_validation_errors:Q", "Added validation errors", "+.0f"),
        ("seconds:Q", "Seconds", ".1f"),
    ]
    base = alt.Chart(table).encode(
        x=alt.X("p0:O", title=x, axis=alt.Axis(labelAngle=0)), y=alt.Y("p1:O", title=y), tooltip=tooltips(*fields)
    )
    shade = alt.Color(f"{score}:Q", scale=_shades(table[score]), legend=None)
    text = alt.Text(f"{score}:Q", format=".1%")
    middle = (table[score].min() + table[score].max()) / 2
    ink = alt.when(alt.datum[score] > middle).then(alt.value(DARK_TEXT)).otherwise(alt.value("white"))
    numbers = base.mark_text(fontWeight="bold", fontSize=13).encode(text=text, color=ink)
    return layer(base.mark_rect().encode(color=shade), numbers, height=height, title=f"{title} after training")


def parallel_coordinates(
    table: pd.DataFrame, parameters: Mapping[str, str], score: str, title: str, *, height: int = 300
) -> alt.LayerChart:
    """Draw a line for each combination of parameters. There is an axis for each parameter and for the score.

    Args:
        table: From `Sweep.means`.
        parameters: Column → title of each parameter, in the order of the axes.
        score: Column of the score, 0 to 1. It also determines the shade of a line.
        title: Title of the score.
        height: Height of the plot in px.

    Returns:
        The chart.

    Example:
        >>> table = pd.DataFrame({"epochs": [1, 2], "network": ["mlp", "genius"], "validation": [0.9, 0.95]})
        >>> parameters = {"epochs": "Epochs", "network": "Network"}
        >>> chart = parallel_coordinates(table, parameters, "validation", "MNIST validation")
    """
    table, shown = _with_safe_columns(table, parameters)
    axes = {**{f"p{number}": name for number, name in enumerate(shown)}, score: title}
    lines, ticks = _axis_positions(table, axes, score)
    x = alt.X(
        "axis:N",
        sort=list(axes.values()),
        title=None,
        axis=alt.Axis(labelAngle=0, grid=True, domain=False, labelLimit=140, labelExpr=TWO_LINES),
    )
    y = alt.Y("position:Q", axis=None, scale=alt.Scale(domain=[-0.06, 1.06]))
    shade = alt.Color("score:Q", title=None, scale=_shades(table[score]), legend=alt.Legend(format=".1%"))
    fields: list[TooltipField] = [(f"p{number}:N", name) for number, name in enumerate(shown)]
    drawn = (
        alt.Chart(lines)
        .mark_line(strokeWidth=2, opacity=0.75)
        .encode(x=x, y=y, detail="combination:N", color=shade, tooltip=tooltips(*fields, ("score:Q", title, ".2%")))
    )
    labels = alt.Chart(ticks).mark_text(align="left", dx=6, color=GREY, fontSize=11).encode(x=x, y=y, text="text:N")
    return layer(drawn, labels, height=height, title=f"{title} by combination")


def _shades(scores: "pd.Series[float]") -> alt.Scale:
    return alt.Scale(scheme=VIRIDIS, domain=[float(scores.min()), float(scores.max())])


def _with_safe_columns(table: pd.DataFrame, parameters: Mapping[str, str]) -> tuple[pd.DataFrame, list[str]]:
    """Rename the columns of the parameters to p0, p1 …, because Vega interprets dots and colons. Also return the titles."""
    return table.rename(columns={name: f"p{number}" for number, name in enumerate(parameters)}), list(parameters.values())


def _axis_positions(table: pd.DataFrame, axes: Mapping[str, str], score: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a table of the points of the lines and a table of the labels of the axes, with positions from 0 to 1."""
    texts = {name: [percent(value, 1) if name == score else format_value(value) for value in table[name]] for name in axes}
    rows: list[dict[str, Any]] = []
    ticks: list[dict[str, Any]] = []
    for name, shown in axes.items():
        positions = _positions(table[name].tolist())
        rows += [
            {"axis": shown, "position": position, "combination": number, "score": table[score].iloc[number]}
            | {column: texts[column][number] for column in axes if column != score}
            for number, position in enumerate(positions)
        ]
        labels = sorted(dict(zip(positions, texts[name], strict=True)).items())
        step = max(1, math.ceil(len(labels) / MAX_TICKS))
        ticks += [{"axis": shown, "position": position, "text": text} for position, text in labels[::step]]
    return pd.DataFrame(rows), pd.DataFrame(ticks)


def _positions(values: Sequence[Any]) -> list[float]:
    """Return positions from 0 to 1, equally spaced for few values and proportional for many numbers."""
    distinct = sorted(dict.fromkeys(values), key=_order)
    if len(distinct) == 1:
        return [0.5] * len(values)
    if len(distinct) > MAX_TICKS and not any(value is None or isinstance(value, str) for value in distinct):
        low, high = distinct[0], distinct[-1]
        return [(value - low) / (high - low) for value in values]
    return [distinct.index(value) / (len(distinct) - 1) for value in values]


def _order(value: Any) -> tuple[bool, bool, Any]:
    """Return a sort key: None first, then numbers, then text."""
    return value is not None, isinstance(value, str), value if value is not None else 0
