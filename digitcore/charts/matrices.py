"""Confusion matrices."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from digitcore.charts.style import DARK_TEXT, TooltipField, layer, tooltips
from digitcore.palette import BLUE, ORANGE

CELL_SELECTION = "cell"  # of a confusion matrix: the fields true and predicted of what was clicked
NEUTRAL = "#f4f4f4"


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
        tooltip=tooltips(("true:O", "True digit"), ("predicted:O", "Predicted"), *tooltip),
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
    return layer(cells, numbers, frames.add_params(cell), height=height)
