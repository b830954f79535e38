"""The table of the session's runs, and the actions on a selected run."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from digitcore import palette
from digitcore.evaluation.score import Score
from digitcore.models.bundle import MAX_NAME, NAME_HINT
from digitcore.storage.snapshot import MAX_NOTE, MAX_TAGS, RunRecord
from digitcore.training import run_groups
from digitcore.training.run import Run
from pages.components.run_code import run_code
from pages.session import formatting, state, training_summary
from pages.session.lab_session import LabSession
from pages.session.trained_runs import labels, of_run
from pages.session.training_data import training_data
from pages.session.training_state import Start

COLOR, RUN, ERROR = "■", "Run", "Error"  # columns
COLOR_WIDTH = 36  # px
MORE = ("Training data", "Epochs done", "Seconds", "MNIST before")
HELP = {
    "Handwriting": "Number of your drawings that are predicted correctly, before and after the training.",
    "MNIST": "Accuracy on the 10,000 test digits after the training.",
}


def run_table(session: LabSession) -> list[RunRecord]:
    """Draw the table, newest run first, and the actions on a selected run. Return the selected runs, whose curves are shown."""
    models = session.models
    selected: list[RunRecord] = []
    if not models.runs and not models.deleted:
        return selected
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("Runs", anchor=False, width="stretch")
        has_more = bool(models.runs) and st.toggle("More columns", key="run_columns", persist_state="session")
    newest = models.runs[::-1]
    if newest:
        table = _table(session, newest)
        rows = st.dataframe(
            _styled(table if has_more else table.drop(columns=[*MORE], errors="ignore"), newest),
            hide_index=True,
            width="content",
            on_select="rerun",
            selection_mode="multi-row",
            key=f"runs_{models.run_counter}_{len(newest)}",
            column_config={name: st.column_config.Column(help=text) for name, text in HELP.items()}
            | {COLOR: st.column_config.Column(width=COLOR_WIDTH, help="Color of the run in all charts.")},
        ).selection.rows
        selected = [newest[row] for row in rows if row < len(newest)]
        st.caption("Tick runs to see their curves. Tick one run to use, rename or describe it.")
        if len(selected) == 1:
            _show_actions(session, selected[0])
    if models.deleted:
        with st.container(horizontal=True, vertical_alignment="center", key="run_deleted"):
            st.markdown(
                f"Deleted “{formatting.escape(models.deleted.record.name)}”. "
                f"Active model: {formatting.escape(session.active_model.name)}."
            )
            st.button("Undo", key="run_undelete", on_click=models.undo_delete, type="tertiary")
    return selected


def _table(session: LabSession, records: Sequence[RunRecord]) -> pd.DataFrame:
    """Return a row for each run: its color and name, the parameters that differ, its scores and its notes."""
    trained = [of_run(record) for record in records]
    titles = labels(trained)
    differing = run_groups.differing_parameters(trained)
    rows = [
        {
            COLOR: COLOR,
            RUN: record.name + " (active)" * (record is session.models.active_run) + " (failed)" * bool(record.run.error),
            **{titles[name]: _value(one, name) for name in differing},
            "Handwriting": _handwriting(record.run),
            "MNIST": _accuracy(record.run.mnist_after),
            "Note": record.note,
            "Tags": ", ".join(record.tags),
            ERROR: record.run.error,
            "MNIST before": _accuracy(record.run.mnist_before),
            "Training data": training_data(record.model.card.training_data),
            "Epochs done": training_summary.epochs(record.run),
            "Seconds": round(record.run.seconds, 1),
        }
        for record, one in zip(records, trained, strict=True)
    ]
    table = pd.DataFrame(rows)
    return table.drop(columns=[name for name in ("Note", "Tags", ERROR) if not table[name].any()])


def _value(run: run_groups.TrainedRun, name: str) -> str:
    return run_groups.value_text(run.parameters[name]) if name in run.parameters else ""


def _styled(table: pd.DataFrame, records: Sequence[RunRecord]) -> Any:
    """Return the table with the colors of the runs. Failed runs are red."""

    def style(row: "pd.Series[Any]") -> list[str]:
        record = records[int(str(row.name))]
        text = f"color: {palette.FAILED}" if record.run.error else ""
        swatch = palette.FAILED if record.run.error else palette.run_color(record.number)
        return [f"color: {swatch}" if name == COLOR else text for name in row.index]

    return table.style.apply(style, axis=1).format({"Seconds": "{:.1f}"} if "Seconds" in table else {})


def _accuracy(score: Score | None) -> str:
    return formatting.percent(score.accuracy, 2) if score else ""


def _handwriting(run: Run) -> str:
    """Return the scores with the kind of their drawings, because only scores on drawings of the same kind can be compared."""
    before, after = run.personal_before, run.personal_after
    if not (before and after and after.n):
        return ""
    return f"{before.correct} → {after.correct} of {after.n} {'held-out' if run.personal_is_held_out else 'training'}"


def _show_actions(session: LabSession, record: RunRecord) -> None:
    models = session.models
    has_failed = bool(record.run.error)
    if has_failed:
        st.error(f"This training ended with an error: {formatting.escape(record.run.error)}")
    with st.container(horizontal=True, vertical_alignment="bottom", key="run_actions"):
        is_active = record is models.active_run
        st.button("Use run", key="run_use", on_click=_use, args=(session, record), disabled=is_active or has_failed)
        st.button("Train further", key="run_start", on_click=_start_from, args=(session, record), disabled=has_failed)
        st.button("Delete", key="run_delete", on_click=_delete, args=(session, record))
    with st.container(horizontal=True, vertical_alignment="bottom", key="run_notes"):
        st.text_input(
            "Name",
            value=record.name,
            key=f"run_name_{record.name}",
            max_chars=MAX_NAME,
            help="Use letters, digits, spaces, hyphens and dots in a name that no other model has.",
            on_change=_rename,
            args=(session, record),
            width=160,
        )
        keys = f"run_note_{record.id}", f"run_tags_{record.id}"
        annotate: dict[str, Any] = {"on_change": _annotate, "args": (session, record, *keys)}
        st.text_input("Note", value=record.note, key=keys[0], max_chars=MAX_NOTE, **annotate)
        st.multiselect(
            "Tags",
            list(dict.fromkeys([*models.tags, *record.tags])),
            list(record.tags),
            key=keys[1],
            accept_new_options=True,
            max_selections=MAX_TAGS,
            placeholder="Add tags",
            **annotate,
        )
        if not has_failed:
            run_code(session, record)
    if models.rejected_name is not None:
        st.warning(f"“{formatting.escape(models.rejected_name)}” is in use or is not a valid name. {NAME_HINT}")


# A name that was typed without Enter arrives with the press of a button. The record of the button has the old name then.


def _use(session: LabSession, record: RunRecord) -> None:
    if present := session.models.present(record):
        session.activate(present.name)


def _start_from(session: LabSession, record: RunRecord) -> None:
    if present := session.models.present(record):
        session.training.choose_start(Start.RUN, present.name)
        state.set_widget("start_run", present.name)


def _delete(session: LabSession, record: RunRecord) -> None:
    if present := session.models.present(record):
        session.models.delete_run(present.name)


def _rename(session: LabSession, record: RunRecord) -> None:
    session.rename_run(record, str(state.widget_value(f"run_name_{record.name}") or "").strip())


def _annotate(session: LabSession, record: RunRecord, note_key: str, tags_key: str) -> None:
    session.models.annotate(record, str(state.widget_value(note_key) or ""), state.widget_value(tags_key) or [])
