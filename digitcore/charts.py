"""Tables to Altair charts. Each function takes a table and returns a chart; the page shows and downloads the table.

Tables of several models give each its colour of `colours.of_models`.
"""

import altair as alt
import pandas as pd

from digitcore.colours import BLUE, GREY, ORANGE, of_models

MEASURES = {"loss": "Loss (cross-entropy, nats)", "accuracy": "Share of digits read right"}
AXES = {"epoch": "Epoch", "seen": "Digits seen", "seconds": "Seconds"}
CELL = "cell"  # the selection of a confusion matrix: the fields drawn and read of what was clicked


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


def curves(
    table: pd.DataFrame,
    measure: str = "loss",
    *,
    by: str = "epoch",
    log: bool = False,
    epochs: float | None = None,
    height: int = 220,
) -> alt.LayerChart:
    """Training (solid) and validation (dashed, with points), a colour for each model.

    Args:
        table: from `curve_table`.
        measure: loss or accuracy; only names and formats the axis.
        by: epoch, seen or seconds, along the horizontal axis.
        log: whether the vertical axis is logarithmic, for a loss.
        epochs: where the axis ends, so that it stands still while a training runs.
        height: of the plot, in px.
    """
    share = measure == "accuracy"
    x = alt.X(
        f"{by}:Q",
        title=AXES[by],
        axis=alt.Axis(tickMinStep=1, tickCount=8, format="~s" if by == "seen" else "~g"),
        scale=alt.Scale(domainMin=0, domainMax=epochs or alt.Undefined, nice=False),
    )
    y = alt.Y(
        "value:Q",
        title=None,
        axis=alt.Axis(format="~%" if share else "~g", tickCount=6),
        scale=alt.Scale(type="log", nice=True) if log else alt.Scale(zero=not share, nice=True),
    )
    colour = _colour(table)
    dash = alt.StrokeDash(
        "part:N",
        scale=alt.Scale(domain=["training", "validation"], range=[[1, 0], [5, 3]]),
        legend=None,
    )
    tips = _tips(
        ("model:N", "Model"),
        ("part:N", "Digits"),
        ("epoch:Q", "Epoch", ".2f"),
        ("seen:Q", "Digits seen", ","),
        ("seconds:Q", "Seconds", ".1f"),
        ("value:Q", MEASURES[measure], ".2%" if share else ".4f"),
    )
    base = alt.Chart(table).encode(x=x, y=y, color=colour, tooltip=tips)
    lines = base.mark_line(strokeWidth=2).encode(strokeDash=dash)
    points = base.mark_point(filled=True, size=45, opacity=1).transform_filter(alt.datum.part == "validation")
    return (lines + points).properties(height=height, title=MEASURES[measure])


def lineage(histories: list[list[dict[str, float]]]) -> list[dict[str, float]]:
    """The curves of a training and of those before it, oldest first, as one: epochs, digits and seconds add up."""
    points, ends = [], dict.fromkeys(AXES, 0.0)
    for history in histories:
        points += [point | {axis: point[axis] + ends[axis] for axis in AXES} for point in history]
        if history:
            ends = {axis: points[-1][axis] for axis in AXES}
    return points


def confusion(table: pd.DataFrame, *, rates: bool = False, height: int = 420) -> alt.LayerChart:
    """A confusion matrix: rows the digit drawn, columns the digit read, the shade its share of the row; a click picks a cell.

    Args:
        table: from `evaluation.confusion_table`.
        rates: whether the cells say shares of the row instead of counts.
        height: of the plot, in px.
    """
    tips = [("count:Q", "How many", ","), ("share:Q", "Share of this digit", ".2%")]
    shade = alt.Color("share:Q", title=None, scale=alt.Scale(scheme="blues", type="sqrt", domain=[0, 1]), legend=None)
    text = alt.Text("share:Q", format=".1%") if rates else alt.Text("count:Q", format=",")
    return _matrix(table, tips, shade, text, "count", "datum.share > 0.25", height)


def confusion_change(table: pd.DataFrame, *, height: int = 420) -> alt.LayerChart:
    """The difference of two confusion matrices: orange where the second model has more, blue where it has fewer.

    Args:
        table: from `Pair.confusion_table`.
        height: of the plot, in px.
    """
    most = max(1, int(table["change"].abs().max())) if len(table) else 1
    shade = alt.Color(
        "change:Q",
        title=None,
        scale=alt.Scale(domain=[-most, 0, most], range=[BLUE, "#f4f4f4", ORANGE], type="linear"),
        legend=None,
    )
    tips = [("change:Q", "More with the second", "+d")]
    return _matrix(table, tips, shade, alt.Text("change:Q", format="+d"), "change", "false", height)


def _matrix(table, tips, shade, text, shown, white, height):
    """Ten by ten cells; `shown` is the column whose zeros stay empty, `white` the expression for white text."""
    cell = alt.selection_point(name=CELL, fields=["drawn", "read"], empty=False)
    base = alt.Chart(table).encode(
        x=alt.X("read:O", title="Read as", axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("drawn:O", title="Digit"),
        tooltip=_tips(("drawn:O", "Digit"), ("read:O", "Read as"), *tips),
    )
    figures = base.mark_text(fontSize=11).encode(
        text=text,
        color=alt.condition(white, alt.value("white"), alt.value("#1b1f27")),
        opacity=alt.condition(alt.datum[shown] != 0, alt.value(1), alt.value(0)),
    )
    frames = base.mark_rect(fillOpacity=0, cursor="pointer").encode(  # on top, so that every click finds a cell
        stroke=alt.condition(cell, alt.value(ORANGE), alt.value("transparent")),
        strokeWidth=alt.condition(cell, alt.value(3), alt.value(0)),
    )
    return (base.mark_rect().encode(color=shade) + figures + frames.add_params(cell)).properties(height=height)


def digit_shares(table: pd.DataFrame, *, height: int = 360) -> alt.LayerChart:
    """Share of each digit read right, with its 95 % interval, a colour for each model.

    Args:
        table: from `evaluation.digit_table`, with the column model.
        height: of the plot, in px.
    """
    scale = alt.Scale(zero=False, nice=True)
    base = alt.Chart(table).encode(
        x=alt.X("digit:O", title="Digit", axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("model:N", sort=_models(table)),
        color=_colour(table),
        tooltip=_tips(
            ("model:N", "Model"),
            ("digit:O", "Digit"),
            ("correct:Q", "Read right", ","),
            ("of:Q", "Of", ","),
            ("low:Q", "From", ".2%"),
            ("high:Q", "To", ".2%"),
        ),
    )
    bars = base.mark_rule(strokeWidth=2).encode(
        y=alt.Y("low:Q", title=None, scale=scale, axis=alt.Axis(format="~%", tickCount=6)), y2="high:Q"
    )
    points = base.mark_point(filled=True, size=60, opacity=1).encode(y=alt.Y("accuracy:Q", scale=scale))
    return (bars + points).properties(height=height, title="Share of each digit read right")


def reliability(table: pd.DataFrame, *, height: int = 360) -> alt.LayerChart:
    """How often a model is right when it is so sure; on the diagonal it is as sure as it should be.

    Args:
        table: from `evaluation.reliability_table`, with the column model.
        height: of the plot, in px.
    """
    unit = alt.Scale(domain=[0, 1])
    diagonal = (
        alt.Chart(pd.DataFrame({"confidence": [0.0, 1.0], "accuracy": [0.0, 1.0]}))
        .mark_line(strokeDash=[4, 4], color=GREY)
        .encode(x="confidence:Q", y="accuracy:Q")
    )
    base = alt.Chart(table).encode(
        x=alt.X("confidence:Q", title="How sure it is", scale=unit, axis=alt.Axis(format=".0%")),
        color=_colour(table),
        tooltip=_tips(
            ("model:N", "Model"),
            ("confidence:Q", "How sure", ".1%"),
            ("accuracy:Q", "Read right", ".1%"),
            ("low:Q", "From", ".1%"),
            ("high:Q", "To", ".1%"),
            ("count:Q", "Digits", ","),
        ),
    )
    y = alt.Y("accuracy:Q", title=None, scale=unit, axis=alt.Axis(format=".0%"))
    bars = base.mark_rule(strokeWidth=1.5, opacity=0.6).encode(y=alt.Y("low:Q", title=None, scale=unit), y2="high:Q")
    points = base.mark_point(filled=True, size=60, opacity=1).encode(y=y)
    return (diagonal + bars + base.mark_line(strokeWidth=1.5).encode(y=y) + points).properties(
        height=height, title="Share read right"
    )


def coverage(table: pd.DataFrame, *, height: int = 360) -> alt.LayerChart:
    """What “unsure” costs: the fewer digits a model answers, the more of those are right.

    Args:
        table: from `evaluation.coverage_table`, with the columns model and chosen (True at the model's own threshold).
        height: of the plot, in px.
    """
    base = alt.Chart(table).encode(
        x=alt.X("coverage:Q", title="Share of the digits answered", scale=alt.Scale(zero=False), axis=alt.Axis(format=".0%")),
        y=alt.Y("accuracy:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(format="~%", tickCount=6)),
        color=_colour(table),
        tooltip=_tips(
            ("model:N", "Model"),
            ("threshold:Q", "Unsure below", ".1%"),
            ("coverage:Q", "Answered", ".1%"),
            ("accuracy:Q", "Read right of those", ".2%"),
        ),
    )
    points = base.mark_point(filled=True, size=90, opacity=1).transform_filter(alt.datum.chosen)
    return (base.mark_line(strokeWidth=2) + points).properties(height=height, title="Share of the answered read right")


def stress(table: pd.DataFrame, title: str, *, height: int = 300) -> alt.LayerChart:
    """Share read right against the strength of a corruption, a curve for each model.

    Args:
        table: of one corruption, as of `stress.measure`, with the columns model, low and high (0 to 1).
        title: over the plot.
        height: of the plot, in px.
    """
    base = alt.Chart(table).encode(
        x=alt.X("strength:O", title="Strength (0: as it is)", axis=alt.Axis(labelAngle=0)),
        color=_colour(table),
        tooltip=_tips(
            ("model:N", "Model"),
            ("strength:O", "Strength"),
            ("accuracy:Q", "Read right", ".1%"),
            ("low:Q", "From", ".1%"),
            ("high:Q", "To", ".1%"),
            ("of:Q", "Of", ","),
        ),
    )
    y = alt.Y("accuracy:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%", tickCount=5))
    lines, points = base.mark_line(strokeWidth=2).encode(y=y), base.mark_point(filled=True, size=45, opacity=1).encode(y=y)
    return (lines + points).properties(height=height, title=title)


def bars(
    table: pd.DataFrame, x: str, y: str, title: str, *, format: str = "~s", log: bool = False, height: int = 240
) -> alt.Chart:
    """One bar a row.

    Args:
        table: any.
        x: the column along the horizontal axis, as it is.
        y: the column of the bars' height.
        title: over the plot: what the height is, with its unit.
        format: of the vertical axis, in d3's language.
        log: whether the vertical axis is logarithmic.
        height: of the plot, in px.
    """
    scale = alt.Scale(type="symlog", constant=0.001) if log else alt.Scale()
    return (
        alt.Chart(table)
        .mark_bar(color=BLUE)
        .encode(
            x=alt.X(f"{x}:O", title=x.capitalize(), axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y(f"{y}:Q", title=None, scale=scale, axis=alt.Axis(format=format, tickCount=5)),
            tooltip=_tips((f"{x}:O", x.capitalize()), (f"{y}:Q", title)),
        )
        .properties(height=height, title=title)
    )


def heat_map(table: pd.DataFrame, x: str, y: str, *, height: int = 260) -> alt.LayerChart:
    """A sweep's means: one cell a combination, its shade the personal score, its price on MNIST on hover.

    Args:
        table: from `Sweep.means`; with more than two swept settings the best cell of each place is on top.
        x, y: the columns across and down; the same one twice gives a single row.
        height: of the plot, in px.
    """
    tips = _tips(
        (f"{x}:O", x),
        (f"{y}:O", y),
        ("your_hand:Q", "Your hand", ".1%"),
        ("your_hand_spread:Q", "Spread over seeds", ".1%"),
        ("mnist:Q", "MNIST", ".2%"),
        ("mnist_errors_more:Q", "MNIST errors more", "+.0f"),
        ("seconds:Q", "Seconds", ".1f"),
    )
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


def _models(table):
    """The models' names in the order of a table."""
    return list(dict.fromkeys(table["model"]))


def _tips(*fields):
    """What hovering shows: of each field its name with its type, its title and perhaps its format in d3's language."""
    return [alt.Tooltip(field, title=title, format=form[0] if form else alt.Undefined) for field, title, *form in fields]


def _colour(table):
    """A colour for each model, with a legend where there are several."""
    models = _models(table)
    return alt.Color(
        "model:N",
        title=None,
        scale=alt.Scale(domain=models, range=of_models(len(models))),
        legend=alt.Legend(orient="top", columns=4) if len(models) > 1 else None,
    )
