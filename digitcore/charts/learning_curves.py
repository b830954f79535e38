"""Curves of trainings."""

import altair as alt
import pandas as pd

from digitcore.charts.style import layer, model_color, tooltips
from digitcore.palette import GREY

METRICS = {"loss": "Loss (cross-entropy, nats)", "accuracy": "Accuracy"}
AXES = {"epoch": "Epoch", "samples_seen": "Digits seen", "seconds": "Seconds"}


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
    tooltip = tooltips(
        ("model:N", "Model"),
        ("subset:N", "Digits"),
        ("epoch:Q", "Epoch", ".2f"),
        ("samples_seen:Q", "Digits seen", ","),
        ("seconds:Q", "Seconds", ".1f"),
        ("value:Q", METRICS[metric], ".2%" if is_share else ".4f"),
    )
    base = alt.Chart(table).encode(x=x_axis, y=y_axis, color=model_color(table), tooltip=tooltip)
    lines = base.mark_line(strokeWidth=2).encode(strokeDash=dash)
    counted = base.mark_point(filled=True, size=45, opacity=1).transform_joinaggregate(n="count()", groupby=["model", "subset"])
    points = counted.transform_filter((alt.datum.subset == "validation") | (alt.datum.n == 1))
    return layer(lines, points, height=height, title=METRICS[metric])
