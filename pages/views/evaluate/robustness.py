"""The Robustness view: accuracy on digits with ten corruptions at five severities."""

import pandas as pd
import streamlit as st

from digitcore import charts
from digitcore.data import corruptions
from digitcore.evaluation import robustness
from digitcore.evaluation.score import wilson_interval
from digitcore.jobs.tasks import RobustnessTask
from digitcore.models.bundle import ModelBundle
from pages.components.model_choice import Models, download_table, with_fixed_colors
from pages.session import formatting
from pages.session.lab_session import LabSession

DEFAULT_SHOWN = 2  # corruptions


def show(session: LabSession, models: Models) -> None:
    """Draw the accuracies of the cards, or of all test digits if the user asks for them."""
    use_all = st.toggle(
        "Evaluate all test digits (about a minute per model)",
        key="robustness_all_digits",
        persist_state="session",
        help="Otherwise shipped models show the accuracy on 1,000 test digits, which is stored on their cards.",
    )
    tasks = {name: RobustnessTask(model) for name, model in models.items()}
    found = session.work.results(tasks) if use_all else session.work.known_results(tasks)
    tables = {name: found[name] if name in found else _from_card(model) for name, model in models.items()}
    if missing := [name for name, table in tables.items() if table is None]:
        names = ", ".join(map(formatting.escape, missing))
        st.caption(f"Not evaluated yet: {names}." + " Switch on the evaluation of all test digits." * (not use_all))
    known = {name: table for name, table in tables.items() if table is not None}
    if not known:
        return
    chosen = st.pills(
        "Corruptions",
        corruptions.names(),
        selection_mode="multi",
        default=corruptions.names()[:DEFAULT_SHOWN],
        format_func=str.capitalize,
        key="robustness_corruptions",
    )
    every = _with_intervals(pd.concat([table.assign(model=name) for name, table in known.items()], ignore_index=True))
    columns = st.columns(2)
    for number, name in enumerate(chosen):
        table = every[every["corruption"] == name]
        chart = charts.robustness(with_fixed_colors(table, models), f"{name.capitalize()}: accuracy")
        columns[number % 2].altair_chart(chart, key=f"robustness_{name}")
    download_table(every, "stress")
    st.caption(f"Measured on {' and '.join(f'{n:,}' for n in sorted(every['n'].unique()))} test digits at each severity.")


def _from_card(model: ModelBundle) -> pd.DataFrame | None:
    measured, accuracy = (model.card.metrics.get(name) for name in ("robustness", "mnist_accuracy"))
    return robustness.from_card(measured, float(accuracy or 0)) if measured else None


def _with_intervals(table: pd.DataFrame) -> pd.DataFrame:
    intervals = [wilson_interval(correct, n) for correct, n in zip(table["correct"], table["n"], strict=True)]
    return table.assign(low=[low for low, _ in intervals], high=[high for _, high in intervals])
