"""The Curves view: loss and accuracy on training and validation digits."""

import streamlit as st

from digitcore import charts, displays
from digitcore.models.bundle import ModelBundle
from digitcore.training import history
from digitcore.training.run import Point
from pages.components.model_choice import Models, pair_names
from pages.components.presentation import download
from pages.session import formatting
from pages.session.lab_session import LabSession

AXES = {"Epoch": "epoch", "Digits seen": "samples_seen", "Seconds": "seconds"}


def show(session: LabSession, models: Models) -> None:
    """Draw the curves that are stored with the models. Of the baseline, only the last value is shown, as a level line."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        x = st.segmented_control("x axis", list(AXES), default="Epoch", required=True, key="curves_by", persist_state="session")
        log_scale = st.toggle("Log scale", key="curves_log", persist_state="session")
        with_ancestors = st.toggle(
            "Include parent runs",
            key="curves_chained",
            persist_state="session",
            help="The curve of a run starts where the training of its initial model ended.",
        )
    histories = {
        name: history.concatenate(_ancestry(session, model)) if with_ancestors else model.card.history
        for name, model in models.items()
    }
    if untrained := [name for name, points in histories.items() if len(points) < 2]:
        st.caption(f"These models have no stored curves: {', '.join(map(formatting.escape, untrained))}.")
    baseline, candidate = pair_names(models)
    # The curve of the candidate is easier to read beside a level than beside a second curve.
    level = baseline if len(histories[candidate]) > 1 else ""
    display = displays.curves(histories, session.models.colors(models), level)
    for column, metric in zip(st.columns(2), charts.METRICS, strict=True):
        if metric in set(display.data["metric"]):
            is_log = log_scale and metric == "loss"
            chart = display.chart(metric=metric, x=AXES[x or "Epoch"], log_scale=is_log, height=260)
            column.altair_chart(chart, key=f"losses_{metric}")
    if len(display.data):
        download(display)
    explained = f" The level line is the last validation value of {formatting.escape(baseline)}." * bool(level)
    st.caption(
        "Validation digits are MNIST digits that are not used for training. Epoch 0 is the state before the training." + explained
    )


def _ancestry(session: LabSession, model: ModelBundle) -> list[list[Point]]:
    """Return the histories of a model and its ancestors, oldest first."""
    every, found, visited = session.models.every_model(), [], set[str]()
    current: ModelBundle | None = model
    while current is not None and current.name not in visited:
        visited.add(current.name)
        found.append(current.card.history)
        current = every.get(current.card.parent or "")
    return found[::-1]
