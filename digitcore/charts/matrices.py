"""Confusion matrices, and the difference of two confusion matrices."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from digitcore.charts.style import TooltipField, layer, tooltips
from digitcore.palette import DARK_TEXT, LIGHT_TEXT, ORANGE

CELL_SELECTION = "cell"  # selection with the fields `true` and `predicted` of the clicked cell
# Colors of cells on a light and on a dark page. The text on them has a contrast of at least 4.5.
SHARES = ("#f4f7fb", "#08519c"), ("#1e232d", "#1f6aa5")  # a share of 0, a share of 1
CHANGES = (ORANGE, "#f4f4f4", "#7db8e8"), ("#9a5b00", "#1e232d", "#1f6aa5")  # worse, no difference, better


def confusion(table: pd.DataFrame, *, rates: bool = False, is_dark: bool = False, height: int = 340) -> alt.LayerChart:
    """Draw a confusion matrix. Rows are true digits, and columns are predicted digits. The shade shows the share of the row.

    Args:
        table: From `metrics.confusion_table`.
        rates: Whether the cells show shares of the row instead of counts.
        is_dark: Whether the page is dark.
        height: Height of the plot in px.

    Returns:
        A chart with the selection `CELL_SELECTION`.

    Example:
        >>> columns = ["true", "predicted", "count", "share"]
        >>> chart = confusion(pd.DataFrame([(7, 7, 9, 0.9), (7, 9, 1, 0.1)], columns=columns))
    """
    tooltip: list[TooltipField] = [("count:Q", "Count", ","), ("share:Q", "Share of this digit", ".2%")]
    shade = alt.Color(
        "share:Q", title=None, scale=alt.Scale(range=list(SHARES[is_dark]), type="sqrt", domain=[0, 1]), legend=None
    )
    text = alt.Text("share:Q", format=".1%") if rates else alt.Text("count:Q", format=",")
    return _matrix(table, tooltip, shade, text, "count", "true" if is_dark else "datum.share > 0.25", height)


def confusion_change(table: pd.DataFrame, *, is_dark: bool = False, height: int = 340) -> alt.LayerChart:
    """Draw the difference of two confusion matrices. A cell is blue if the candidate is better, and orange if it is worse.

    Args:
        table: From `PairedComparison.confusion_table`.
        is_dark: Whether the page is dark.
        height: Height of the plot in px.

    Returns:
        A chart with the selection `CELL_SELECTION`.

    Example:
        >>> columns = ["true", "predicted", "change", "improvement"]
        >>> chart = confusion_change(pd.DataFrame([(7, 7, 1, 1), (7, 9, -1, 1)], columns=columns))
    """
    limit = max(1, int(table["change"].abs().max())) if len(table) else 1
    shade = alt.Color(
        "improvement:Q",
        title=None,
        scale=alt.Scale(domain=[-limit, 0, limit], range=list(CHANGES[is_dark]), type="linear"),
        legend=None,
    )
    tooltip: list[TooltipField] = [("change:Q", "Difference", "+d")]
    return _matrix(table, tooltip, shade, alt.Text("change:Q", format="+d"), "change", str(is_dark).lower(), height)


def _matrix(
    table: pd.DataFrame,
    tooltip: Sequence[TooltipField],
    shade: alt.Color,
    text: alt.Text,
    shown: str,
    has_light_text: str,
    height: int,
) -> alt.LayerChart:
    """Draw ten by ten cells. Zeros of the column `shown` are not written. `has_light_text` is the condition for light text."""
    cell = alt.selection_point(name=CELL_SELECTION, fields=["true", "predicted"], empty=False)
    base = alt.Chart(table).encode(
        x=alt.X("predicted:O", title="Predicted", axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("true:O", title="True digit"),
        tooltip=tooltips(("true:O", "True digit"), ("predicted:O", "Predicted"), *tooltip),
    )
    numbers = base.mark_text(fontSize=11).encode(
        text=text,
        color=alt.condition(has_light_text, alt.value(LIGHT_TEXT), alt.value(DARK_TEXT)),
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
