"""What all charts share: heights, percentages, tooltips, colors of models."""

from typing import Any

import altair as alt
import pandas as pd

from digitcore.palette import model_colors

FRAME_HEIGHT, AXES_HEIGHT = 170, 80  # px of a chart that title, legend and axis take in Streamlit's theme, or the axis alone
DARK_TEXT = "#1b1f27"  # on light cells, in both themes
PERCENT = alt.Locale(number=alt.NumberLocale(currency=["", ""], decimal=".", thousands=",", grouping=[3], percent=" %"))
SHARE_AXIS = alt.Axis(format=".0%", tickCount=5)
TooltipField = tuple[str, str] | tuple[str, str, str]  # field with its type, title, d3 format


def layer(*charts: Any, height: int, title: str | None = None) -> alt.LayerChart:
    """Charts above each other, with the height of the plot, and percentages as we spell them."""
    size: dict[str, Any] = {"height": height + FRAME_HEIGHT, "title": title} if title else {"height": height + AXES_HEIGHT}
    layered = alt.layer(*charts).properties(**size).configure(locale=PERCENT)
    assert isinstance(layered, alt.LayerChart)
    return layered


def specification(chart: alt.LayerChart) -> dict[str, Any]:
    """The chart in Vega-Lite without its data, for a chart that is drawn again and again: Altair takes 0.1 s to build one."""
    return {name: part for name, part in chart.to_dict().items() if name not in ("data", "datasets")}


def interval_fields(format: str) -> list[TooltipField]:
    """The ends of a 95 % interval in a tooltip; the format is one of d3's."""
    return [("low:Q", "From", format), ("high:Q", "To", format)]


def tooltips(*fields: TooltipField) -> list[alt.Tooltip]:
    """Tooltips from fields with their titles and formats."""
    return [alt.Tooltip(field, title=title, format=rest[0] if rest else alt.Undefined) for field, title, *rest in fields]


def model_color(table: pd.DataFrame) -> Any:
    """A color for each model, the same where others of the column's categories are missing; a legend where there are several."""
    present = list(table["model"].unique())
    every = list(table["model"].cat.categories) if table["model"].dtype == "category" else present
    colors = dict(zip(every, model_colors(len(every)), strict=True))
    return alt.Color(
        "model:N",
        title=None,
        scale=alt.Scale(domain=present, range=[colors[name] for name in present]),
        legend=alt.Legend(orient="top", columns=3, symbolOpacity=1) if len(present) > 1 else None,
    )
