"""Heights, percentages, tooltips and legends of all charts. The colors are in `digitcore.palette`."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt
import pandas as pd

from digitcore.palette import model_colors

FRAME_HEIGHT = 170  # px, height of the title, the legend and the axis in Streamlit's theme
AXES_HEIGHT = 80  # px, height of the axis in a chart without a title
SMALL_TEXT = 11  # px
LEGEND_LIMIT = 340  # px, width of a name in the legend
LEGEND_COLUMNS, LONG_NAME = 3, 18  # A legend has one column if a name has more than 18 characters.
NUMBER = ",~r"  # The format “~g” writes 200 as 2e+2 if the ticks are 100 apart.
PERCENT = alt.Locale(number=alt.NumberLocale(currency=["", ""], decimal=".", thousands=",", grouping=[3], percent=" %"))
SHARE_AXIS = alt.Axis(format=".0%", tickCount=5)
TooltipField = tuple[str, str] | tuple[str, str, str]  # field and its type, title, optional d3 format string


def layer(*charts: Any, height: int, title: str | None = None) -> alt.LayerChart:
    """Layer charts, and set the height and the format of percentages.

    Args:
        charts: Altair charts, the lowest layer first.
        height: Height of the plot in px, without the title, the legend and the axis.
        title: Title of the chart.

    Returns:
        The layered chart.

    Example:
        >>> points = alt.Chart(pd.DataFrame({"x": [1], "y": [2]})).mark_point().encode(x="x:Q", y="y:Q")
        >>> layer(points, height=200, title="Points").height
        370
    """
    size: dict[str, Any] = {"height": height + FRAME_HEIGHT, "title": title} if title else {"height": height + AXES_HEIGHT}
    # The chart has a description. Vega gives the group of the points a role that needs a name, but no name.
    layered = alt.layer(*charts).properties(**size).configure(locale=PERCENT, point=alt.MarkConfig(aria=False))
    assert isinstance(layered, alt.LayerChart)
    return layered


def specification(chart: alt.LayerChart) -> dict[str, Any]:
    """Return the Vega-Lite specification of a chart without its data.

    Altair takes 0.1 s to build a chart, so a chart that is updated often is built once and then used with different data.

    Args:
        chart: The chart.

    Returns:
        The specification.

    Example:
        >>> points = alt.Chart(pd.DataFrame({"x": [1], "y": [2]})).mark_point().encode(x="x:Q", y="y:Q")
        >>> "data" in specification(layer(points, height=200))
        False
    """
    return {name: part for name, part in chart.to_dict().items() if name not in ("data", "datasets")}


def interval_fields(format: str) -> list[TooltipField]:
    """Return the tooltip fields of the bounds of a 95 % interval.

    Args:
        format: A d3 format string.

    Returns:
        Fields for `tooltips`.

    Example:
        >>> interval_fields(".1%")
        [('low:Q', 'From', '.1%'), ('high:Q', 'To', '.1%')]
    """
    return [("low:Q", "From", format), ("high:Q", "To", format)]


def tooltips(*fields: TooltipField) -> list[alt.Tooltip]:
    """Return the tooltips of a chart.

    Args:
        fields: Field with its Vega-Lite type, title, and optionally a d3 format string.

    Returns:
        A tooltip for each field.

    Example:
        >>> len(tooltips(("model:N", "Model"), ("accuracy:Q", "Accuracy", ".1%")))
        2
    """
    return [alt.Tooltip(field, title=title, format=rest[0] if rest else alt.Undefined) for field, title, *rest in fields]


def extent(*columns: Iterable[float], zero: bool = False) -> list[float]:
    """Return the ends of an axis as round numbers.

    A chart with fixed ends needs no data for its scales. Vega draws a chart before it has data, and warns about each scale whose
    ends depend on data.

    Args:
        columns: The numbers on the axis. NaN is ignored.
        zero: Whether the axis includes 0.

    Returns:
        The lower and the upper end.

    Example:
        >>> extent([0.03, 2.31], zero=True)
        [0.0, 2.5]
        >>> extent([0.912, 0.97])
        [0.9, 0.98]
    """
    numbers = [number for column in columns for number in map(float, column) if math.isfinite(number)] or [0.0, 1.0]
    low, high = min([*numbers, *[0.0] * zero]), max([*numbers, *[0.0] * zero])
    if low == high:
        low, high = low - abs(low) / 10 - 1e-6, high + abs(high) / 10 + 1e-6
    power = 10 ** math.floor(math.log10((high - low) / 5))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= (high - low) / 5 * (1 - 1e-9))
    return [round(math.floor(low / step + 1e-9) * step, 12), round(math.ceil(high / step - 1e-9) * step, 12)]


def model_color(table: pd.DataFrame, colors: Mapping[str, str] | None = None, *, has_legend: bool = True) -> Any:
    """Return the color encoding of the models. It has a legend if there are several models.

    Args:
        table: A table with the column `model`.
        colors: Name of a model → its color. By default, the models have the colors of `palette.model_colors`.
        has_legend: Whether several models have a legend.

    Returns:
        The encoding.

    Example:
        >>> model_color(pd.DataFrame({"model": ["genius"]})).to_dict()["legend"] is None
        True
    """
    present = list(table["model"].unique())
    colors = colors or dict(zip(present, model_colors(len(present)), strict=True))
    return alt.Color(
        "model:N",
        title=None,
        scale=alt.Scale(domain=present, range=[colors[name] for name in present]),
        legend=_legend(table) if has_legend and len(present) > 1 else None,
    )


def _legend(table: pd.DataFrame) -> alt.Legend:
    """Return the legend. Long names have a smaller font, so that they fit on a phone."""
    columns = _legend_columns(table)
    size = SMALL_TEXT if columns == 1 else alt.Undefined
    return alt.Legend(orient="top", columns=columns, labelLimit=LEGEND_LIMIT, labelFontSize=size, symbolOpacity=1)


def _legend_columns(table: pd.DataFrame) -> int:
    return 1 if any(len(str(name)) > LONG_NAME for name in table["model"].unique()) else LEGEND_COLUMNS
