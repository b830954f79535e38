"""A map of digits by their features in a network."""

import altair as alt
import pandas as pd

from digitcore.charts.style import layer, tooltips
from digitcore.palette import DIGIT_COLORS, GREY, spread_colors

LEGEND_ROWS = 20  # pupils in a column of the legend
MAP_SELECTION = "digit"  # selection with the fields `number` and `kind` of the clicked digit
MAP_KINDS = ("MNIST", "yours", "yours, before")


def digit_map(table: pd.DataFrame, *, height: int = 460) -> alt.LayerChart:
    """Draw MNIST's digits as small numbers and the user's drawings as circles.

    A line connects each drawing to its position for the baseline.

    Args:
        table: One row for each digit: x, y (-1 to 1), label, kind (one of `MAP_KINDS`), number (index in its set), picture (a
            data URL or ""). A drawing has a second row of the kind “yours, before” for the baseline.
        height: Height of the plot in px.

    Returns:
        A chart with the selection `MAP_SELECTION`.

    Example:
        >>> row = {"x": 0.1, "y": 0.2, "label": 7, "kind": "MNIST", "number": 0, "picture": ""}
        >>> chart = digit_map(pd.DataFrame([row]))
    """
    clicked = alt.selection_point(name=MAP_SELECTION, fields=["number", "kind"], empty=False)
    scale = alt.Scale(domain=[-1.05, 1.05])
    places = alt.Chart(table).encode(x=alt.X("x:Q", axis=None, scale=scale), y=alt.Y("y:Q", axis=None, scale=scale))
    colors = alt.Scale(domain=list(range(10)), range=list(DIGIT_COLORS))
    digits = places.encode(
        color=alt.Color("label:N", title="Label", scale=colors, legend=alt.Legend(orient="top", columns=10)),
        tooltip=[alt.Tooltip("picture:N", title="image"), *tooltips(("label:N", "Label"), ("kind:N", "Of"))],
    )
    mnist, own = (digits.transform_filter(alt.datum.kind == kind) for kind in MAP_KINDS[:2])
    moves = places.transform_filter(alt.datum.kind != MAP_KINDS[0]).mark_line(stroke=GREY, strokeWidth=1.5)
    return layer(
        mnist.mark_text(fontSize=10, cursor="pointer").encode(text="label:N").add_params(clicked),
        moves.encode(detail="number:N", order=alt.Order("kind:N", sort="descending")),
        own.mark_point(filled=True, size=330, opacity=0.9, stroke="white"),
        own.mark_text(fontSize=13, fontWeight="bold", cursor="pointer").encode(text="label:N", color=alt.value("white")),
        height=height,
    )


def pupil_map(table: pd.DataFrame, *, height: int = 460) -> alt.LayerChart:
    """Draw the drawings of a class as numbers on the map of MNIST's digits, with a color for each pupil.

    A click on a pupil in the legend highlights the drawings of this pupil.

    Args:
        table: One row for each digit: x, y (-1 to 1), label, pupil (name, or "" for MNIST), picture (a data URL or "").
        height: Height of the plot in px.

    Returns:
        The chart.

    Example:
        >>> row = {"x": 0.1, "y": 0.2, "label": 7, "pupil": "Ada", "picture": ""}
        >>> chart = pupil_map(pd.DataFrame([row]))
    """
    names = sorted(set(table["pupil"]) - {""}, key=str.casefold)
    chosen = alt.selection_point(name="pupil", fields=["pupil"], bind="legend")
    scale = alt.Scale(domain=[-1.05, 1.05])
    places = alt.Chart(table).encode(x=alt.X("x:Q", axis=None, scale=scale), y=alt.Y("y:Q", axis=None, scale=scale))
    legend = alt.Legend(orient="right", columns=1 + len(names) // (LEGEND_ROWS + 1), symbolLimit=0)
    colors = alt.Scale(domain=names, range=spread_colors(len(names)))
    own = places.transform_filter(alt.datum.pupil != "").encode(
        color=alt.Color("pupil:N", title="Pupil", scale=colors, legend=legend),
        opacity=alt.condition(chosen, alt.value(0.95), alt.value(0.08)),
        tooltip=[alt.Tooltip("picture:N", title="image"), *tooltips(("label:N", "Label"), ("pupil:N", "Pupil"))],
    )
    mnist = places.transform_filter(alt.datum.pupil == "").mark_text(fontSize=9, opacity=0.3, color=GREY)
    return layer(
        mnist.encode(text="label:N"),
        own.mark_text(fontSize=15, fontWeight="bold").encode(text="label:N").add_params(chosen),
        height=height,
    )
