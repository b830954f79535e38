"""Tables to Altair charts. Each function takes a table and returns a chart; the page shows and downloads the table.

Colours are after Okabe and Ito's, which colour-blind people can tell apart, the blue lightened so that it also stands out
on a dark page. The initial model is grey and the trained one blue wherever they are compared.
Source: M. Okabe, K. Ito, "Color Universal Design" (2008).
"""

import altair as alt
import pandas as pd

GREY, BLUE, ORANGE = "#8a8f98", "#2b83c6", "#E69F00"
MODEL_COLOURS = [GREY, BLUE, ORANGE, "#009E73", "#CC79A7", "#56B4E9", "#D55E00"]
MEASURES = {"loss": "Loss (cross-entropy, nats)", "accuracy": "Share of digits read right"}


def curve_table(histories: dict[str, list[dict[str, float]]], measure: str = "loss") -> pd.DataFrame:
    """Curves in long form: one row a point, with columns model, part (training or validation), epoch, seen, seconds, value.

    Args:
        histories: model name → points, as a run or a card holds them.
        measure: loss or accuracy.
    """
    rows = [
        {
            "model": model,
            "part": part,
            "epoch": point["epoch"],
            "seen": point["seen"],
            "seconds": point["seconds"],
            "value": point[key],
        }
        for model, points in histories.items()
        for part, key in (("training", measure), ("validation", f"val_{measure}"))
        for point in points
        if key in point
    ]
    return pd.DataFrame(rows, columns=["model", "part", "epoch", "seen", "seconds", "value"])


def curves(table: pd.DataFrame, measure: str = "loss", *, epochs: float | None = None, height: int = 220) -> alt.Chart:
    """Training (solid) and validation (dashed, with points) by epoch, a colour for each model.

    Args:
        table: from `curve_table`.
        measure: loss or accuracy; only names and formats the axis.
        epochs: where the axis ends, so that it stands still while a training runs.
        height: of the plot, in px.
    """
    models = list(dict.fromkeys(table["model"]))
    share = measure == "accuracy"
    x = alt.X(
        "epoch:Q",
        title="Epoch",
        axis=alt.Axis(tickMinStep=1, tickCount=8),
        scale=alt.Scale(domainMin=0, domainMax=epochs or alt.Undefined, nice=False),
    )
    y = alt.Y(
        "value:Q",
        title=None,
        axis=alt.Axis(format=".0%" if share else "~g"),
        scale=alt.Scale(zero=not share, nice=True),
    )
    colour = alt.Color(
        "model:N",
        title=None,
        scale=alt.Scale(domain=models, range=_colours(models)),
        legend=alt.Legend(orient="top") if len(models) > 1 else None,
    )
    dash = alt.StrokeDash(
        "part:N",
        scale=alt.Scale(domain=["training", "validation"], range=[[1, 0], [5, 3]]),
        legend=None,
    )
    tips = [
        alt.Tooltip("model:N", title="Model"),
        alt.Tooltip("part:N", title="Digits"),
        alt.Tooltip("epoch:Q", title="Epoch", format=".2f"),
        alt.Tooltip("value:Q", title=MEASURES[measure], format=".2%" if share else ".4f"),
    ]
    base = alt.Chart(table).encode(x=x, y=y, color=colour, tooltip=tips)
    lines = base.mark_line(strokeWidth=2).encode(strokeDash=dash)
    points = base.mark_point(filled=True, size=45, opacity=1).transform_filter(alt.datum.part == "validation")
    return (lines + points).properties(height=height, title=MEASURES[measure])


def confusion(table: pd.DataFrame, *, height: int = 300) -> alt.LayerChart:
    """A confusion matrix: rows the digit drawn, columns the digit read, the shade its share of the row.

    Args:
        table: from `evaluation.confusion_table`.
        height: of the plot, in px.
    """
    base = alt.Chart(table).encode(
        x=alt.X("read:O", title="Read as", axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("drawn:O", title="Digit"),
        tooltip=[
            alt.Tooltip("drawn:O", title="Digit"),
            alt.Tooltip("read:O", title="Read as"),
            alt.Tooltip("count:Q", title="How many", format=","),
            alt.Tooltip("share:Q", title="Share of this digit", format=".2%"),
        ],
    )
    cells = base.mark_rect().encode(
        color=alt.Color("share:Q", title=None, scale=alt.Scale(scheme="blues", type="sqrt", domain=[0, 1]), legend=None)
    )
    counts = base.mark_text(fontSize=10).encode(
        text=alt.Text("count:Q", format=","),
        color=alt.condition(alt.datum.share > 0.25, alt.value("white"), alt.value("#1b1f27")),
        opacity=alt.condition(alt.datum.count > 0, alt.value(1), alt.value(0)),
    )
    return (cells + counts).properties(height=height)


def heat_map(table: pd.DataFrame, x: str, y: str, *, height: int = 260) -> alt.LayerChart:
    """A sweep's means: one cell a combination, its shade the personal score, its price on MNIST on hover.

    Args:
        table: from `Sweep.means`; with more than two swept settings the best cell of each place is on top.
        x, y: the columns across and down; the same one twice gives a single row.
        height: of the plot, in px.
    """
    tips = [
        alt.Tooltip(f"{x}:O"),
        alt.Tooltip(f"{y}:O"),
        alt.Tooltip("your_hand:Q", title="Your hand", format=".1%"),
        alt.Tooltip("your_hand_spread:Q", title="Spread over seeds", format=".1%"),
        alt.Tooltip("mnist:Q", title="MNIST", format=".2%"),
        alt.Tooltip("mnist_errors_more:Q", title="MNIST errors more", format="+.0f"),
        alt.Tooltip("seconds:Q", title="Seconds", format=".1f"),
    ]
    base = alt.Chart(table.sort_values("your_hand")).encode(
        x=alt.X(f"{x}:O", title=x.replace("_", " "), axis=alt.Axis(labelAngle=0)),
        y=alt.Y(f"{y}:O", title=y.replace("_", " ")),
        tooltip=tips,
    )
    shade = alt.Color("your_hand:Q", title="Your hand", scale=alt.Scale(scheme="viridis"), legend=alt.Legend(format=".0%"))
    figures = base.mark_text(fontWeight="bold", stroke="black", strokeWidth=0.4, fill="white").encode(
        text=alt.Text("your_hand:Q", format=".0%")
    )
    return (base.mark_rect().encode(color=shade) + figures).properties(height=height, title="Your hand, read after training")


def _colours(models):
    return [BLUE] if len(models) == 1 else [MODEL_COLOURS[i % len(MODEL_COLOURS)] for i in range(len(models))]
