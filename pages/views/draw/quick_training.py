"""A training from the Draw page: a button, its progress and what it has changed, in one place."""

import numpy as np
import streamlit as st

from digitcore.jobs.tasks import TrainTask
from digitcore.samples import HOLD_OUT_EVERY
from pages.components import layout
from pages.components.changed_drawings import changed_drawings
from pages.components.work import scoring_text, show_notice, work_area
from pages.session import formatting, state, training_summary
from pages.session.lab_session import LabSession
from pages.views.draw.own_drawings import CONTRADICTED


def quick_training(session: LabSession) -> None:
    """Train with the Train page's settings, without leaving the drawing."""
    with st.container(key="training"):
        work_area(session, lambda: _show(session))


def _show(session: LabSession) -> None:
    record, is_training = session.models.active_run, session.training_job is not None
    if not is_training:
        _show_button(session)
    show_notice(session, TrainTask)
    if record and not is_training and session.work.notice(TrainTask) is None:
        changed_drawings(session.samples.current, record.start, record.model)
    _offer_review(session)


def _show_button(session: LabSession) -> None:
    """The button, and beside it the outcome of the last training, or what to do for the next."""
    record = session.models.active_run
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Train on my handwriting",
            key="train",
            type="primary",
            disabled=not len(session.samples),
            on_click=_train,
            args=(session,),
        )
        if record:
            layout.page_link(session, layout.EVALUATE, label="Compare", icon=":material/bar_chart:")
        if record and session.is_outcome_new:
            st.markdown(f"{formatting.escape(record.name)}: {training_summary.headline(record.run, scoring_text(session))}")
        else:
            st.markdown(_advice(session))


def _train(session: LabSession) -> None:
    session.train(session.start_model()[0], session.training.settings)


def _advice(session: LabSession) -> str:
    """How many drawings there are, whether one is set aside for testing, what to draw next."""
    counts = session.samples.current.counts()
    tested, missing, digit = "", HOLD_OUT_EVERY - max(counts), int(np.argmax(counts))
    if session.samples.hold_out and len(session.samples) and missing > 0:
        tested = f" {missing} more {digit}s and one is" if missing > 1 else f" The next {digit} is"
        tested += " set aside for testing."
    return f"{formatting.drawings(len(session.samples))}.{tested} {session.suggestion().sentence}"


def _offer_review(session: LabSession) -> None:
    """The labels that a sure network contradicts."""
    n_contradicted = len(session.contradicted_samples())
    if n_contradicted:
        n, verb = len(session.samples), "disagrees" if n_contradicted == 1 else "disagree"
        is_pressed = st.button(
            f"{n_contradicted} of {formatting.plural(n, 'label')} {verb} with a sure network: review",
            key="review",
            type="tertiary",
            on_click=_review,
        )
        if is_pressed:
            st.rerun()  # the drawer stands outside this fragment


def _review() -> None:
    state.set_widget("drawer_own", True)
    state.set_widget("own_kind", CONTRADICTED)
