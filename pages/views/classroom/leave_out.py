"""The table that leaves pupils out: what the class reads of a pupil with and without the pupil's own drawings."""

import pandas as pd
import streamlit as st

from digitcore.classroom import leave_out
from digitcore.classroom.leave_out import LeftOut
from digitcore.evaluation.score import Score
from digitcore.jobs.tasks import LeaveOutTask
from digitcore.storage.classes import StoredClass
from pages.components import presentation
from pages.session import formatting
from pages.session.lab_session import LabSession
from pages.views.classroom.choice import choose_pupils

MAX_CHOSEN = 8
MIN_PUPILS = 2


def show(session: LabSession, room: StoredClass) -> None:
    """Draw the choice of pupils, the button, and the last table."""
    classroom = session.classroom
    names = {pupil.id: pupil.nickname for pupil in classroom.drawings.active}
    st.markdown("Does a network that learnt from the others read this pupil? Each row leaves a pupil out of the training.")
    if len(names) < MIN_PUPILS:
        st.caption("At least two pupils must have drawn.")
        return
    chosen = choose_pupils(
        session,
        names,
        "class_left_out",
        "Pupils",
        max_selections=MAX_CHOSEN,
        placeholder="All pupils, in five groups",
        help="Each chosen pupil is left out alone. Without a choice, a fifth of the pupils is left out at a time.",
    )
    task = _task(session, chosen)
    is_busy = session.work.is_running(task) or session.training_job is not None
    if st.button(f"Train {task.n_trainings} models", key="class_leave_out", type="primary", disabled=is_busy):
        session.work.resume()
        session.work.result(task)
        classroom.leave_out(task)
        st.rerun()
    st.caption("The settings are those of the page Train. No model predicts a drawing that it has learnt from.")
    if classroom.left_out is not None:
        drawings, last = classroom.left_out
        present = drawings.still_in(classroom.drawings)  # with the present nicknames
        if len(present.pupils) < len(drawings.pupils):
            st.caption("A pupil of the last table is not in the class any more. Train the models again.")
        elif found := session.work.known(last):
            _show_table(leave_out.table(present, found), leave_out.total(present, found), last.start.name)


def _task(session: LabSession, chosen: list[str]) -> LeaveOutTask:
    drawings = session.classroom.drawings
    return LeaveOutTask(
        session.start_model()[0],
        drawings.samples,
        session.training.settings,
        drawings.weights(),
        drawings.drawing_folds(),
        drawings.pupil_folds(chosen),
    )


def _show_table(pupils: list[LeftOut], total: LeftOut, start: str) -> None:
    rows = [*pupils, total]
    table = pd.DataFrame(
        {
            "Pupil": [row.names[0] if len(row.names) == 1 else f"All {len(row.names)}" for row in rows],
            "Drawings": [row.start.n for row in rows],
            f"Read by {start}": [_text(row.start) for row in rows],
            "By the class without them": [_text(row.without) for row in rows],
            "By the class with them": [_text(row.together) for row in rows],
        }
    )
    st.dataframe(table, hide_index=True, key="class_table")
    presentation.download_table(table, "leave one out")
    st.markdown(f"{_describe_lowest(pupils)} Intervals are 95 % Wilson intervals.")


def _describe_lowest(pupils: list[LeftOut]) -> str:
    """Name the pupils whom the class without them reads least, unless it reads every pupil equally well."""
    first = pupils[0]
    lowest = [row for row in pupils if row.without.accuracy == first.without.accuracy]
    if len(lowest) == len(pupils) > 1:
        return f"The class without them reads every pupil equally well: {formatting.percent(first.without.accuracy)}."
    names = ", ".join(f"**{formatting.escape(row.names[0])}**" for row in lowest)
    if len(lowest) > 1:
        return f"The class without them reads {names} least: {formatting.percent(first.without.accuracy)}."
    return (
        f"The class without them reads {names} least: {_text(first.without)}. "
        f"Their own drawings change this to {_text(first.together)}."
    )


def _text(score: Score) -> str:
    return f"{formatting.percent(score.accuracy)} ({formatting.interval(score.interval, 0)})"
