"""Confusion matrices, and the difference of two confusion matrices."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from digitcore.charts.style import DARK_TEXT, TooltipField, layer, tooltips
from digitcore.palette import BLUE, ORANGE

CELL_SELECTION = "cell"  # selection with the fields `true` and `predicted` of the clicked cell
NEUTRAL = "#f4f4f4"  # color of a difference of 0


def confusion(table: pd.DataFrame, *, rates: bool = False, height: int = 340) -> alt.LayerChart:
    """Draw a confusion matrix. Rows are true digits, columns are predicted digits, the shade is the share of the row.

    Args:
        table: From `metrics.confusion_table`.
        rates: Whether the cells show shares of the row instead of counts.
        height: Height of the plot in px.

    Returns:
        A chart with the selection `CELL_SELECTION`.

    Example:
        >>> columns = ["true", "predicted", "count", "share"]
        >>> chart = confusion(pd.DataFrame([(7, 7, 9, 0.9), (7, 9, 1, 0.1)], columns=columns))
    """
    tooltip: list[TooltipField] = [("count:Q", "Count", ","), ("share:Q", "Share of this digit", ".2%")]
    shade = alt.Color("share:Q", title=None, scale=alt.Scale(scheme="blues", type="sqrt", domain=[0, 1]), legend=None)
    text = alt.Text("share:Q", format=".1%") if rates else alt.Text("count:Q", format=",")
    return _matrix(table, tooltip, shade, text, "count", "datum.share > 0.25", height)


def confusion_change(table: pd.DataFrame, *, height: int = 340) -> alt.LayerChart:
    """Draw the difference of two confusion matrices: orange if the candidate has more, blue if it has fewer.

    Args:
        table: From `PairedComparison.confusion_table`.
        height: Height of the plot in px.

    Returns:
        A chart with the selection `CELL_SELECTION`.

    Example:
        >>> columns = ["true", "predicted", "change"]
        >>> chart = confusion_change(pd.DataFrame([(7, 7, 1), (7, 9, -1)], columns=columns))
    """
    limit = max(1, int(table["change"].abs().max())) if len(table) else 1
    shade = alt.Color(
        "change:Q",
        title=None,
        scale=alt.Scale(domain=[-limit, 0, limit], range=[BLUE, NEUTRAL, ORANGE], type="linear"),
        legend=None,
    )
    tooltip: list[TooltipField] = [("change:Q", "Difference", "+d")]
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
    """Draw ten by ten cells. `shown` is the column whose zeros are not written, `is_dark` the condition for white text."""
    cell = alt.selection_point(name=CELL_SELECTION, fields=["true", "predicted"], empty=False)
    base = alt.Chart(table).encode(
        x=alt.X("predicted:O", title="Predicted", axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("true:O", title="True digit"),
        tooltip=tooltips(("true:O", "True digit"), ("predicted:O", "Predicted"), *tooltip),
    )
    numbers = base.mark_text(fontSize=11).encode(
        text=text,
        color=alt.condition(is_dark, alt.value("white"), alt.value(DARK_TEXT)),
        opacity=alt.condition(alt.datum[shown] != 0, alt.value(1), alt.value(0)),
    )
    frames = base.mark_rect(
        fillOpacity=0, cursor="pointer"
    ).encode(  # The frames are the top layer, so that every click hits a cell.
        stroke=alt.condition(cell, alt.value(ORANGE), alt.value("transparent")),
        strokeWidth=alt.condition(cell, alt.value(3), alt.value(0)),
    )
    cells = base.mark_rect().encode(color=shade)
    return layer(cells, numbers, frames.add_params(cell), height=height)
