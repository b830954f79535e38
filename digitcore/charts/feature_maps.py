"""Maps of digits by what a network makes of them."""

import altair as alt
import pandas as pd

from digitcore.charts.style import layer, tooltips
from digitcore.palette import DIGIT_COLORS, GREY

MAP_SELECTION = "digit"  # of a map: the field number of what was clicked
KINDS = ("MNIST", "yours", "yours, before")


def feature_map(table: pd.DataFrame, *, height: int = 460) -> alt.LayerChart:
    """MNIST's digits as small letters, one's own as large ones, with a line from where the baseline places them.

    Args:
        table: one row a digit: x, y (-1 to 1), label, kind (of `KINDS`), number (in its set), picture (a data URL or "").
            A drawing of two models has two rows, the earlier of the kind "yours, before".
    """
    clicked = alt.selection_point(name=MAP_SELECTION, fields=["number", "kind"], empty=False)
    scale = alt.Scale(domain=[-1.05, 1.05])
    places = alt.Chart(table).encode(x=alt.X("x:Q", axis=None, scale=scale), y=alt.Y("y:Q", axis=None, scale=scale))
    colors = alt.Scale(domain=list(range(10)), range=list(DIGIT_COLORS))
    digits = places.encode(
        color=alt.Color("label:N", title="Label", scale=colors, legend=alt.Legend(orient="top", columns=10)),
        tooltip=[alt.Tooltip("picture:N", title="image"), *tooltips(("label:N", "Label"), ("kind:N", "Of"))],
    )
    mnist, own = (digits.transform_filter(alt.datum.kind == kind) for kind in KINDS[:2])
    moves = places.transform_filter(alt.datum.kind != KINDS[0]).mark_line(stroke=GREY, strokeWidth=1.5)
    return layer(
        mnist.mark_text(fontSize=10, opacity=0.75, cursor="pointer").encode(text="label:N").add_params(clicked),
        moves.encode(detail="number:N", order=alt.Order("kind:N", sort="descending")),
        own.mark_point(filled=True, size=330, opacity=0.9, stroke="white"),
        own.mark_text(fontSize=13, fontWeight="bold", cursor="pointer").encode(text="label:N", color=alt.value("white")),
        height=height,
    )
