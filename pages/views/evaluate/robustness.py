"""The Robustness view: accuracy on digits with ten corruptions at five severities."""

import pandas as pd
import streamlit as st

from digitcore import displays
from digitcore.data import corruptions
from digitcore.evaluation import robustness
from digitcore.evaluation.score import wilson_interval
from digitcore.jobs.tasks import EvaluateTask, RobustnessTask
from pages.components.model_choice import Models
from pages.components.presentation import download
from pages.session import formatting, training_summary
from pages.session.lab_session import LabSession

DEFAULT_SHOWN = 2  # corruptions


def show(session: LabSession, models: Models) -> None:
    """Draw the accuracies on 1,000 or, on request, on all test digits. A chart never mixes both sets of digits."""
    use_all = st.toggle(
        "Evaluate all test digits (about a minute per model)",
        key="robustness_all_digits",
        persist_state="session",
        help="If this is off, the models are evaluated on the first 1,000 test digits. Shipped models have this on their cards.",
    )
    tables = _on_all_digits(session, models, wait=use_all) or _on_card_digits(session, models)
    if missing := [name for name in models if name not in tables]:
        names = ", ".join(map(formatting.escape, missing))
        st.caption(f"Not evaluated yet: {names}. {training_summary.WAIT}")
    if not tables:
        return
    chosen = st.pills(
        "Corruptions",
        corruptions.names(),
        selection_mode="multi",
        default=corruptions.names()[:DEFAULT_SHOWN],
        format_func=str.capitalize,
        key="robustness_corruptions",
    )
    display = displays.robustness({name: _with_intervals(table) for name, table in tables.items()}, session.models.colors(models))
    columns = st.columns(2)
    for number, name in enumerate(chosen):
        columns[number % 2].altair_chart(display.chart(corruption=name), key=f"robustness_{name}")
    download(display)
    st.caption(f"Measured on {display.data['n'].max():,} test digits at each severity.")


def _on_all_digits(session: LabSession, models: Models, wait: bool) -> dict[str, pd.DataFrame]:
    """Return the known tables on all test digits. With `wait`, start unknown evaluations; else return {} unless all are known."""
    tasks = {name: RobustnessTask(model) for name, model in models.items()}
    if wait:
        return session.work.results(tasks)
    known = session.work.known_results(tasks)
    return known if len(known) == len(models) else {}


def _on_card_digits(session: LabSession, models: Models) -> dict[str, pd.DataFrame]:
    """Return the known tables on the first 1,000 test digits. Models without such a table on their card are evaluated.

    A table from a card has the accuracy on the same digits without corruption if it is known.
    """
    evaluations = session.work.results({name: EvaluateTask(model) for name, model in models.items()})
    clean = {name: float(result.evaluation.is_correct[: robustness.CARD_DIGITS].mean()) for name, result in evaluations.items()}
    measured = {name: model.card.metrics.get("robustness") for name, model in models.items()}
    tasks = {name: RobustnessTask(model, robustness.CARD_DIGITS) for name, model in models.items() if not measured[name]}
    return session.work.results(tasks) | {
        name: robustness.from_card(found, clean.get(name)) for name, found in measured.items() if found
    }


def _with_intervals(table: pd.DataFrame) -> pd.DataFrame:
    low, high = wilson_interval(table["correct"].to_numpy(), table["n"].to_numpy())
    return table.assign(low=low, high=high)
