"""The progress of a training, with Stop, and its curves."""

import functools
from typing import Any

import streamlit as st

from digitcore import charts
from digitcore.training import history
from digitcore.training.run import Point
from pages.session import polling, text
from pages.session.lab_session import LabSession


def rerun_when_changed(session: LabSession, interval: float | None) -> None:
    """In a fragment that polls: rerun the page when a training or a scoring has ended, or is to be polled at another interval."""
    if session.training_job and (session.collect_training() or polling.polling_interval(session.training_job) != interval):
        st.rerun()


def training_progress(session: LabSession) -> None:
    """A bar and a button while a training is under way."""
    job, task = session.training.job, session.training.task
    if job is None or task is None:
        return
    epochs = task.settings.epochs
    done = job.events[-1]["epoch"] if job.events else 0
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.progress(min(1.0, done / epochs), text=text.training_progress(job, epochs))
        st.button("Stop", key="stop", on_click=job.stop, disabled=job.is_stopping, help="Ends now and keeps what was learnt.")


def training_curves(points: list[Point], epochs: int) -> None:
    """Loss and accuracy so far."""
    for column, metric in zip(st.columns(2), charts.METRICS, strict=True):
        table = history.curve_table({"training": points}, metric)
        column.vega_lite_chart(table, _curve_specification(metric, epochs), key=f"curve_{metric}")
    st.caption("Validation: unseen MNIST digits. 0 is before the training.")


@functools.lru_cache(maxsize=32)
def _curve_specification(metric: str, epochs: int) -> dict[str, Any]:
    """While a training runs only the data change, twice a second."""
    point = dict.fromkeys([*history.PROGRESS_AXES, metric], 0.0)
    table = history.curve_table({"training": [point]}, metric)
    return charts.specification(charts.curves(table, metric, x_max=epochs))


def scoring_text(session: LabSession) -> str:
    """How far the scoring of the active run is; "" when it does not run."""
    record = session.models.active_run
    is_wanted = record is not None and session.scoring.is_wanted(record)
    return text.scoring_progress(session.scoring.progress) if is_wanted else ""
