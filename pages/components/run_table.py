"""The table of the session's runs, and the actions on selected runs."""

from typing import Any

import pandas as pd
import streamlit as st

from digitcore.evaluation.score import Score
from digitcore.models.bundle import MAX_NAME, NAME_HINT
from digitcore.storage.snapshot import RunRecord
from digitcore.training.run import Run
from digitcore.training.settings import differing_names
from pages.components.run_code import run_code
from pages.components.training_curves import training_curves
from pages.session import formatting, state, training_summary
from pages.session.lab_session import LabSession
from pages.session.training_data import training_data
from pages.session.training_state import Start

ERROR = "Error"


def run_table(session: LabSession) -> None:
    """Draw the table, newest run first. One selected run has actions; several selected runs are compared."""
    models = session.models
    if not models.runs and not models.deleted:
        return
    st.subheader("Training runs", anchor=False)
    newest = models.runs[::-1]
    if newest:
        table = pd.DataFrame([_row(record, session) for record in newest])
        rows = st.dataframe(
            table if table[ERROR].any() else table.drop(columns=ERROR),
            hide_index=True,
            on_select="rerun",
            selection_mode="multi-row",
            key=f"runs_{models.run_counter}_{len(newest)}",
        ).selection.rows
        selected = [newest[row] for row in rows if row < len(newest)]
        if len(selected) == 1:
            _show_actions(session, selected[0])
        elif selected:
            _show_differences(selected)
        else:
            st.caption("Tick a run to use it or train it further. Tick several runs to compare their settings.")
    if models.deleted:
        with st.container(horizontal=True, vertical_alignment="center", key="run_deleted"):
            st.markdown(
                f"Deleted “{formatting.escape(models.deleted.record.name)}”. "
                f"Active model: {formatting.escape(session.active_model.name)}."
            )
            st.button("Undo", key="run_undelete", on_click=models.undo_delete, type="tertiary")


def _row(record: RunRecord, session: LabSession) -> dict[str, Any]:
    run = record.run
    return {
        "Run": record.name + " (active)" * (record is session.models.active_run) + " (failed)" * bool(run.error),
        "Started from": run.parent,
        "Your handwriting before": _handwriting(run, run.personal_before),
        "Your handwriting after": _handwriting(run, run.personal_after),
        "MNIST test before": formatting.percent(run.mnist_before.accuracy, 2) if run.mnist_before else "",
        "MNIST test after": formatting.percent(run.mnist_after.accuracy, 2) if run.mnist_after else "",
        "Seconds": round(run.seconds, 1),
        "Epochs": training_summary.epochs(run),
        "Training data": training_data(run.model.card.training_data),
        ERROR: run.error,
    }


def _handwriting(run: Run, score: Score | None) -> str:
    """Return a score with the kind of its drawings, because only scores on drawings of the same kind can be compared."""
    kind = "held-out" if run.personal_is_held_out else "training"
    return f"{formatting.score(score)} {kind}" if score and score.n else ""


def _show_actions(session: LabSession, record: RunRecord) -> None:
    models = session.models
    with st.container(horizontal=True, vertical_alignment="bottom"):
        has_failed = bool(record.run.error)
        is_active = record is models.active_run
        st.button("Use run", key="run_use", on_click=_use, args=(session, record), disabled=is_active or has_failed)
        st.button("Train further", key="run_start", on_click=_start_from, args=(session, record), disabled=has_failed)
        st.button("Delete", key="run_delete", on_click=_delete, args=(session, record))
        st.text_input(
            "Name",
            value=record.name,
            key=f"run_name_{record.name}",
            max_chars=MAX_NAME,
            help="Use letters, digits, spaces, hyphens and dots in a name that no other model has.",
            on_change=_rename,
            args=(session, record),
            width=220,
        )
        if not has_failed:
            run_code(session, record)
    if models.rejected_name is not None:
        st.warning(f"“{formatting.escape(models.rejected_name)}” is in use or is not a valid name. {NAME_HINT}")
    if has_failed:
        st.error(f"This training ended with an error: {formatting.escape(record.run.error)}")
        training_curves(record.run.history, record.run.settings.epochs, key=f"failed_{record.id}")


def _show_differences(selected: list[RunRecord]) -> None:
    used = [record.run.settings.resolved(record.start.card.trained) for record in selected]
    names = differing_names(used)
    if not names:
        st.caption("The selected runs have the same settings.")
        return
    columns = {
        record.name: [str(getattr(settings, name)) for name in names] for record, settings in zip(selected, used, strict=True)
    }
    st.dataframe(pd.DataFrame(columns, index=[name.replace("_", " ") for name in names]), key="run_differences")


# A name that was typed without Enter arrives with the press of a button. The record of the button has the old name then.


def _use(session: LabSession, record: RunRecord) -> None:
    if present := session.models.present(record):
        session.models.activate(present.name)


def _start_from(session: LabSession, record: RunRecord) -> None:
    if present := session.models.present(record):
        session.training.choose_start(Start.RUN, present.name)
        state.set_widget("start_run", present.name)


def _delete(session: LabSession, record: RunRecord) -> None:
    if present := session.models.present(record):
        session.models.delete_run(present.name)


def _rename(session: LabSession, record: RunRecord) -> None:
    session.rename_run(record, str(state.widget_value(f"run_name_{record.name}") or "").strip())
