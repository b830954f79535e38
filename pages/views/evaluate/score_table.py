"""The score table: metrics of each model with their uncertainty, and its cost."""

import functools
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from digitcore import mnist
from digitcore.displays import COLUMN_TITLES
from digitcore.evaluation import robustness
from digitcore.evaluation.metrics import Evaluation, prediction_table
from digitcore.jobs.tasks import EvaluateTask, MnistResult, RobustnessTask
from digitcore.training.settings import TrainSettings, differing_names
from pages.components.model_choice import Models
from pages.session import formatting, resources
from pages.session.lab_session import LabSession

CALIBRATION, HANDWRITING = "Calibration error", "Your handwriting"  # columns
ROBUSTNESS = {n: f"Robustness ({n:,} digits)" for n in (robustness.CARD_DIGITS, mnist.TEST_SIZE)}
ON_CARD: dict[str, Callable[[Mapping[str, Any]], float | None]] = {  # column → its value on the card of a shipped model
    "MNIST-C": lambda metrics: metrics.get("mnist_c", {}).get("all"),
    "Pen writers": lambda metrics: metrics.get("pen_accuracy"),
    "Unsure non-digits": lambda metrics: metrics.get("unsure_non_digits", {}).get("all"),
}
FORMATS: dict[str, Callable[[float], str]] = {
    "Parameters": "{:,.0f}".format,
    "Size (kB)": "{:,.0f}".format,
    "Time (ms)": "{:.2f}".format,
    "MNIST": functools.partial(formatting.percent, places=2),
    "Loss": "{:.4f}".format,
    CALIBRATION: functools.partial(formatting.percent, places=2),
    HANDWRITING: functools.partial(formatting.percent, places=1),
    **dict.fromkeys((*ROBUSTNESS.values(), *ON_CARD), functools.partial(formatting.percent, places=1)),
}
INTERVALS = {"MNIST": 2, HANDWRITING: 0}  # column with an interval → decimal places of the interval
LOW, HIGH = "{} 95 % from", "{} 95 % to"  # columns of the ends of an interval in the download
HIGHER_IS_BETTER = {"MNIST", HANDWRITING, *ROBUSTNESS.values(), *ON_CARD}
NEVER_BEST = {"Time (ms)"}  # It differs between measurements.
HELP = {
    "Time (ms)": "This is the median time of a prediction on one thread of this machine.",
    "MNIST": "This is the accuracy on the 10,000 test digits. A star marks the best model of a column.",
    "MNIST 95 %": "This is Wilson's 95 % interval.",
    "Loss": "This is the mean cross-entropy on the test digits, in nats. A smaller loss is better.",
    CALIBRATION: "This is the mean difference between confidence and accuracy. A smaller error is better. An untrained network "
    "gets no star.",
    HANDWRITING: "This is the accuracy on the drawings that no chosen model has learnt from. If there is no such drawing, "
    "it is the accuracy on all drawings.",
    f"{HANDWRITING} 95 %": "This is Wilson's 95 % interval. It is wide if there are few drawings.",
    ROBUSTNESS[robustness.CARD_DIGITS]: "This is the mean accuracy over ten corruptions at five severities, on the first 1,000 "
    "test digits. Shipped models have it on their cards. For other models, the Robustness view measures it.",
    ROBUSTNESS[mnist.TEST_SIZE]: "This is the mean accuracy over ten corruptions at five severities, on all test digits. The "
    "Robustness view measures it.",
    "MNIST-C": "This is the mean accuracy over the fifteen corruptions of MNIST-C, on the first 1,000 test digits. Only shipped "
    "models have it.",
    "Pen writers": "This is the accuracy on 1,498 pen drawings of six writers from whom no shipped model has learnt. Only "
    "shipped models have it.",
    "Unsure non-digits": "This is the share of 1,000 letters, shapes, scribbles, noise images and blots whose confidence is "
    "below the confidence threshold of the model. Letters that look like digits are left out. Only shipped models have it.",
    "Not calibrated": "Shipped and trained models are calibrated on MNIST's validation digits. Other models are not calibrated.",
}
COLOR = "■"  # column
COLOR_WIDTH = 36  # px
SUMMARY_HELP = {
    "Handwriting": "Drawings that are predicted correctly, with Wilson's 95 % interval. Drawings that no chosen model has learnt "
    "from are used if there are any.",
    "MNIST": "Accuracy on the 10,000 test digits. The number after ± is half the width of Wilson's 95 % interval.",
    "Trained on": "Number of digits in the training set.",
}
DRAWINGS = "Drawings evaluated"  # column of the download: the number of drawings behind the accuracy
Row = Mapping[Hashable, Any]
MODEL_COLUMN_WIDTH = 112  # px
CELL_PADDING, CHARACTER_WIDTH = 18, 7  # px
WIDTHS = {"MNIST": 88, "Loss": 88}  # px; Streamlit's default widths do not grow when a star appears.


def show(session: LabSession, models: Models) -> None:
    """Draw the most important scores or all scores, and the settings in which the models differ."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("Models", anchor=False, width="stretch")
        has_more = st.toggle("More columns", key="score_columns", persist_state="session")
    table = numbers(session, models)
    if has_more:
        _show_all(session, models, table)
    else:
        _show_summary(session, models, table)
    _show_downloads(session, models, table)


def _show_summary(session: LabSession, models: Models, table: pd.DataFrame) -> None:
    """Draw four columns: the model with its color, both accuracies with their uncertainty, and the size of the training set."""
    colors = list(session.models.colors(models).values())
    is_unseen = session.tested_drawings(models.values())[1]
    rows = [
        {
            COLOR: COLOR,
            "Model": row["Model"],
            "Handwriting": _on_drawings(row, is_unseen=is_unseen),
            "MNIST": _with_half_width(row, "MNIST", 2),
            "Trained on": f"{models[row['Model']].card.training_data.n_samples:,}",
        }
        for row in table.to_dict("records")
    ]
    st.dataframe(
        pd.DataFrame(rows).style.apply(lambda column: [f"color: {color}" for color in colors], subset=[COLOR]),
        hide_index=True,
        width="content",
        key="scores",
        column_config={
            COLOR: st.column_config.Column(width=COLOR_WIDTH),
            "Model": st.column_config.Column(width=_fit(rows, "Model")),
            "Handwriting": st.column_config.Column(width=_fit(rows, "Handwriting"), help=SUMMARY_HELP["Handwriting"]),
            "MNIST": st.column_config.Column(width=_fit(rows, "MNIST"), help=SUMMARY_HELP["MNIST"]),
            "Trained on": st.column_config.Column(help=SUMMARY_HELP["Trained on"]),
        },
    )


def _fit(rows: list[dict[str, Any]], name: str) -> int:
    """Return the width of a column in px. Streamlit cuts long texts, because it measures only some rows."""
    return CELL_PADDING + CHARACTER_WIDTH * max(len(text) for text in (name, *(row[name] for row in rows)))


def _on_drawings(row: Row, *, is_unseen: bool) -> str:
    """Return the score on the user's drawings. Drawings that a model may have learnt from have no interval."""
    if not row.get(DRAWINGS) or pd.isna(row[DRAWINGS]):
        return ""
    n = int(row[DRAWINGS])
    counts = f"{round(row[HANDWRITING] * n):,} of {n:,}"
    low, high = row.get(LOW.format(HANDWRITING)), row.get(HIGH.format(HANDWRITING))
    if low is None or high is None or pd.isna(low):
        return f"{counts} (training)"
    return f"{counts} ({formatting.interval((low, high), 0)}{', unseen' * is_unseen})"


def _with_half_width(row: Row, name: str, places: int) -> str:
    """Return a share with half the width of its 95 % interval: "99.72 % ± 0.11"."""
    share, low, high = (row.get(column) for column in (name, LOW.format(name), HIGH.format(name)))
    if share is None or pd.isna(share):
        return "…"
    text = formatting.percent(share, places)
    return text if low is None or pd.isna(low) else f"{text} ± {50 * (high - low):.{places}f}"


def _show_all(session: LabSession, models: Models, table: pd.DataFrame) -> None:
    shown = _with_interval_texts(table)
    candidates = {name: _candidates(shown, models, name) for name in FORMATS if name in shown}
    st.dataframe(
        shown.style.format(
            {name: _formatter(found, name, _is_scored_on_unseen(session, models, name)) for name, found in candidates.items()}
        ),
        placeholder="–",
        hide_index=True,
        key="scores",
        column_config={name: st.column_config.Column(help=help, width=WIDTHS.get(name)) for name, help in HELP.items()}
        | {"Model": st.column_config.Column(width=MODEL_COLUMN_WIDTH)},
    )


def _show_downloads(session: LabSession, models: Models, table: pd.DataFrame) -> None:
    settings = _settings_table(models)
    with st.container(horizontal=True):
        st.download_button(
            "Download (CSV)", table.to_csv(index=False), "models.csv", "text/csv", type="tertiary", key="scores_csv"
        )
        evaluations = {name: result.evaluation for name, result in evaluation_results(session, models).items()}
        st.download_button(
            "Predictions (CSV)",
            functools.partial(predictions_csv, evaluations),
            "predictions.csv",
            "text/csv",
            type="tertiary",
            key="predictions_csv",
            disabled=len(evaluations) < len(models),
            help="The file contains the ten probabilities of each model for each test digit.",
        )
        if settings.shape[1] > 1:
            with st.popover("Settings that differ", type="tertiary"):
                st.dataframe(settings, hide_index=True, key="settings")


def numbers(session: LabSession, models: Models) -> pd.DataFrame:
    """Return the score table as numbers: one row for each model, shares from 0 to 1. Unknown columns are left out."""
    results = evaluation_results(session, models)
    tables = {
        n: session.work.known_results({name: RobustnessTask(model, n) for name, model in models.items()}) for n in ROBUSTNESS
    }
    samples, is_unseen_by_all = session.tested_drawings(models.values())
    rows: list[dict[str, Any]] = []
    for name, model in models.items():
        result, metrics = results.get(name), model.card.metrics
        evaluation = result.evaluation if result else None
        personal = Evaluation.from_probabilities(samples.labels, resources.probabilities(model, samples.digits))
        is_unseen = is_unseen_by_all or not session.has_learnt(model)  # Without unseen drawings an interval would be misleading.
        low, high = (evaluation.interval if evaluation else metrics.get("mnist_interval")) or (None, None)
        robust = {n: robustness.mean_corrupted_accuracy(known[name]) for n, known in tables.items() if name in known}
        if on_card := metrics.get("robustness"):
            robust[robustness.CARD_DIGITS] = robustness.mean_accuracy(on_card)
        rows.append(
            {
                "Model": name,
                "MNIST": evaluation.accuracy if evaluation else metrics.get("mnist_accuracy"),
                LOW.format("MNIST"): low,
                HIGH.format("MNIST"): high,
                HANDWRITING: personal.accuracy,
                LOW.format(HANDWRITING): personal.interval[0] if personal.n and is_unseen else None,
                HIGH.format(HANDWRITING): personal.interval[1] if personal.n and is_unseen else None,
                DRAWINGS: personal.n or None,
                "Loss": evaluation.loss if evaluation else metrics.get("mnist_loss"),
                CALIBRATION: evaluation.calibration_error if evaluation else metrics.get("calibration_error"),
                **{title: robust.get(n) for n, title in ROBUSTNESS.items()},
                **{title: get(metrics) for title, get in ON_CARD.items()},
                "Time (ms)": result.milliseconds if result else None,
                "Parameters": model.card.parameters,
                "Size (kB)": len(model.tflite_bytes) / 1e3,
                "Not calibrated": "" if "temperature" in metrics else "✓",
            }
        )
    table = pd.DataFrame(rows)
    numeric = {name: float for name in table if name not in ("Model", "Not calibrated")}
    return table.astype(numeric).replace("", None).dropna(axis="columns", how="all")


def evaluation_results(session: LabSession, models: Models) -> dict[str, MnistResult]:
    """Return the evaluations on MNIST's test digits that are known. Unknown evaluations are started."""
    return session.work.results({name: EvaluateTask(model) for name, model in models.items()})


def predictions_csv(evaluations: dict[str, Evaluation]) -> str:
    """Return the predictions of all models. The text is long, so it is created only when the button is pressed."""
    tables = [prediction_table(evaluation).assign(model=name) for name, evaluation in evaluations.items()]
    titles = COLUMN_TITLES | {"digit": "Number"}  # the position of the digit in the test set
    text: str = pd.concat(tables, ignore_index=True).rename(columns=titles).to_csv(index=False)
    return text


def _with_interval_texts(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with one text for each interval, such as "97.9–98.4 %", in place of its two ends."""
    shown = table.drop(columns=DRAWINGS, errors="ignore")
    for name, places in INTERVALS.items():
        low, high = LOW.format(name), HIGH.format(name)
        if low not in shown:
            continue
        of = table[DRAWINGS] if name == HANDWRITING else [None] * len(table)
        texts = [_interval_text(*row, places) for row in zip(shown[low], shown[high], of, strict=True)]
        shown.insert(list(shown.columns).index(low), f"{name} 95 %", pd.Series(texts, dtype=object))
        shown = shown.drop(columns=[low, high])
    return shown


def _interval_text(low: float, high: float, n: float | None, places: int) -> str | None:
    if pd.isna(low):
        return None
    return formatting.interval((low, high), places) + (f" of {n:.0f}" if n else "")


def _is_scored_on_unseen(session: LabSession, models: Models, name: str) -> bool:
    """Check whether a column may have a star: no model was trained on the digits of the column."""
    if name in NEVER_BEST:
        return False
    return name != HANDWRITING or session.tested_drawings(models.values())[1]


def _candidates(table: pd.DataFrame, models: Models, name: str) -> "pd.Series[float]":
    """Return the values of a column that may have a star. The calibration error of random weights has no star."""
    is_trained = [models[model].card.trained for model in table["Model"]]
    return table[name][is_trained] if name == CALIBRATION else table[name]


def _formatter(column: "pd.Series[float]", name: str, is_fair: bool) -> Any:
    """Return a formatter that marks the best value of a column if values differ and all are known."""
    best = column.max() if name in HIGHER_IS_BETTER else column.min()
    has_choice = column.nunique() > 1 and column.notna().all() and is_fair
    return lambda value: FORMATS[name](value) + " ★" * bool(has_choice and value == best)


def _settings_table(models: Models) -> pd.DataFrame:
    """Return one row per model with the settings in which the models differ."""
    trained = {name: model for name, model in models.items() if model.card.trained}
    settings = [TrainSettings.from_dict(model.card.settings) for model in trained.values()]
    names = differing_names(settings) if len(settings) > 1 else []
    columns = {"Model": list(trained)} | {name.replace("_", " "): [str(getattr(one, name)) for one in settings] for name in names}
    return pd.DataFrame(columns)
