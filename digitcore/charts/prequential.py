"""Chart of the running accuracy of first predictions, which are made before a drawing has a label."""

import altair as alt
import pandas as pd

from digitcore.charts.style import SHARE_AXIS, interval_fields, layer, tooltips
from digitcore.palette import BLUE, GREY, ORANGE

MARK_SIZE = 45  # px²


def prequential(table: pd.DataFrame, *, height: int = 220) -> alt.LayerChart:
    """Draw the running accuracy with its 95 % interval, the wrong predictions, and the changes of the model.

    Args:
        table: From `evaluation.prequential.prequential_table`.
        height: Height of the plot in px.

    Returns:
        The chart.

    Example:
        >>> from digitcore.evaluation.prequential import prequential_table
        >>> from digitcore.samples import SampleSet
        >>> chart = prequential(prequential_table(SampleSet(), {}))
    """
    axis = alt.Axis(format="d", tickMinStep=1)
    base = alt.Chart(table).encode(
        x=alt.X("drawing:Q", title="Drawings", scale=alt.Scale(domain=[1, max(2, len(table))], nice=False, padding=8), axis=axis),
        tooltip=tooltips(
            ("drawing:Q", "Drawing"),
            ("label:O", "Label"),
            ("predicted:O", "First prediction"),
            ("confidence:Q", "Confidence", ".1%"),
            ("model:N", "Model"),
            ("accuracy:Q", "Accuracy so far", ".1%"),
            *interval_fields(".1%"),
        ),
    )
    scale = alt.Scale(domain=[0, 1])
    y = alt.Y("accuracy:Q", title=None, scale=scale, axis=SHARE_AXIS)
    band = base.mark_area(opacity=0.2, color=BLUE).encode(y=alt.Y("low:Q", title=None, scale=scale), y2="high:Q")
    line = base.mark_line(strokeWidth=2, color=BLUE).encode(y=y)
    color = alt.condition(alt.datum.is_correct, alt.value(BLUE), alt.value(ORANGE))
    points = base.mark_point(filled=True, size=MARK_SIZE, opacity=1).encode(y=y, color=color)
    rules = base.mark_rule(strokeDash=[4, 4], color=GREY, aria=False).transform_filter(alt.datum.is_new_model)
    return layer(band, rules, line, points, height=height, title="Accuracy of first predictions")
