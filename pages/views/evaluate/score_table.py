"""The score table: metrics of each model with their uncertainty, and its cost."""

import functools
from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from digitcore.evaluation import robustness
from digitcore.evaluation.metrics import Evaluation
from digitcore.jobs.tasks import EvaluateTask, RobustnessTask
from digitcore.training.settings import TrainSettings, differing_names
from pages.components.model_choice import Models
from pages.session import formatting, resources
from pages.session.lab_session import LabSession

FORMATS: dict[str, Callable[[float], str]] = {
    "Parameters": "{:,.0f}".format,
    "Size (kB)": "{:,.0f}".format,
    "Time (ms)": "{:.2f}".format,
    "MNIST": functools.partial(formatting.percent, places=2),
    "Loss": "{:.4f}".format,
    "Calibration error": functools.partial(formatting.percent, places=2),
    "Your handwriting": functools.partial(formatting.percent, places=1),
    "Robustness": functools.partial(formatting.percent, places=1),
}
HIGHER_IS_BETTER = {"MNIST", "Your handwriting", "Robustness"}
NEVER_BEST = {"Time (ms)"}  # It differs between measurements.
HELP = {
    "Time (ms)": "Median time of one prediction on this machine, on one thread.",
    "MNIST": "Accuracy on the 10,000 test digits. The star marks the best model of a column.",
    "MNIST 95 %": "95 % interval (Wilson).",
    "Loss": "Mean cross-entropy on the test digits, in nats. Smaller is better.",
    "Calibration error": "Difference between confidence and accuracy. Smaller is better.",
    "Your handwriting": "Accuracy on your held-out drawings, or on all drawings if none is held out.",
    "Your handwriting 95 %": "95 % interval. It is wide if there are few drawings.",
    "Not calibrated": "Shipped models and trained models are calibrated on MNIST's validation digits, other models are not.",
    "Robustness": "Mean accuracy over ten corruptions at five severities, on 1,000 test digits, or on all test digits "
    "after the Robustness view has evaluated all chosen models.",
}
MODEL_COLUMN_WIDTH = 112  # px
WIDTHS = {"MNIST": 88, "Loss": 88}  # px; Streamlit's default widths do not grow when a star appears.


def show(session: LabSession, models: Models) -> None:
    """Draw the score table, and the settings in which the models differ."""
    table = _score_table(session, models)
    st.dataframe(
        table.style.format(
            {
                name: _formatter(_candidates(table, models, name), name, _is_fair(session, models, name))
                for name in FORMATS
                if name in table
            }
        ),
        placeholder="–",
        hide_index=True,
        key="scores",
        column_config={name: st.column_config.Column(help=help, width=WIDTHS.get(name)) for name, help in HELP.items()}
        | {"Model": st.column_config.Column(width=MODEL_COLUMN_WIDTH, pinned=True)},
    )
    settings = _settings_table(models)
    with st.container(horizontal=True):
        st.download_button(
            "Download (CSV)", table.to_csv(index=False), "models.csv", "text/csv", type="tertiary", key="scores_csv"
        )
        if settings.shape[1] > 1:
            with st.popover("Settings that differ", type="tertiary"):
                st.dataframe(settings, hide_index=True, key="settings")
    leaked = [record.name for record in session.models.runs if record.name in models and not record.run.personal_is_held_out]
    if leaked and session.samples.current.held_out.any():
        st.caption(f"{', '.join(map(formatting.escape, leaked))} may have been trained on drawings that are held out now.")


def _score_table(session: LabSession, models: Models) -> pd.DataFrame:
    results = session.work.results({name: EvaluateTask(model) for name, model in models.items()})
    tables = session.work.known_results({name: RobustnessTask(model) for name, model in models.items()})
    use_all_digits = len(tables) == len(models)
    samples = session.samples.current.test_part()
    rows: list[dict[str, Any]] = []
    for name, model in models.items():
        result, metrics = results.get(name), model.card.metrics
        evaluation = result.evaluation if result else None
        personal = Evaluation.from_probabilities(samples.labels, resources.probabilities(model, samples.digits))
        is_unseen = session.is_scored_on_unseen([name])  # Without unseen drawings an interval would be misleading.
        measured = metrics.get("robustness")
        on_card = robustness.mean_accuracy(measured) if measured else None
        rows.append(
            {
                "Model": name,
                "MNIST": evaluation.accuracy if evaluation else metrics.get("mnist_accuracy"),
                "MNIST 95 %": formatting.interval(evaluation.interval if evaluation else metrics.get("mnist_interval"), 2),
                "Your handwriting": personal.accuracy,
                "Your handwriting 95 %": f"{formatting.interval(personal.interval, 0)} of {personal.n}"
                if personal.n and is_unseen
                else "",
                "Loss": evaluation.loss if evaluation else metrics.get("mnist_loss"),
                "Calibration error": evaluation.calibration_error if evaluation else metrics.get("calibration_error"),
                "Robustness": robustness.mean_corrupted_accuracy(tables[name]) if use_all_digits else on_card,
                "Time (ms)": result.milliseconds if result else None,
                "Parameters": model.card.parameters,
                "Size (kB)": len(model.tflite_bytes) / 1e3,
                "Not calibrated": "" if "temperature" in metrics else "✓",
            }
        )
    return pd.DataFrame(rows).astype(dict.fromkeys(FORMATS, float)).replace("", None).dropna(axis="columns", how="all")


def _is_fair(session: LabSession, models: Models, name: str) -> bool:
    """Check whether a column may have a star: no model was trained on the digits of the column."""
    if name in NEVER_BEST:
        return False
    return name != "Your handwriting" or session.is_scored_on_unseen(models)


def _candidates(table: pd.DataFrame, models: Models, name: str) -> "pd.Series[float]":
    """Return the values of a column that may have a star. The calibration of random weights has none."""
    is_trained = pd.Series([models[model].card.trained for model in table["Model"]], table.index)
    return table[name].where(is_trained) if name == "Calibration error" else table[name]


def _formatter(column: "pd.Series[float]", name: str, is_fair: bool) -> Any:
    """Return a formatter that marks the best value of a column if values differ."""
    best = column.max() if name in HIGHER_IS_BETTER else column.min()
    has_choice = column.nunique() > 1 and is_fair
    return lambda value: FORMATS[name](value) + " ★" * bool(has_choice and value == best)


def _settings_table(models: Models) -> pd.DataFrame:
    """Return one row per model with the settings in which the models differ."""
    trained = {name: model for name, model in models.items() if model.card.trained}
    settings = [TrainSettings.from_dict(model.card.settings) for model in trained.values()]
    names = differing_names(settings) if len(settings) > 1 else []
    columns = {"Model": list(trained)} | {name.replace("_", " "): [str(getattr(one, name)) for one in settings] for name in names}
    return pd.DataFrame(columns)
