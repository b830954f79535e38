"""A training from the Draw page: the button, the progress and the outcome."""

import streamlit as st

from digitcore.jobs.tasks import TrainTask
from pages.components import layout
from pages.components.changed_drawings import changed_drawings
from pages.components.collapse import show_collapse
from pages.components.work import scoring_text, show_notice, work_area
from pages.session import formatting, state, training_summary
from pages.session.classroom import NO_TRAINING
from pages.session.lab_session import LabSession
from pages.views.draw.own_drawings import CONTRADICTED


def quick_training(session: LabSession) -> None:
    """Draw the training area, which uses the settings of the Train page."""
    work_area(session, lambda: _show(session))


def _show(session: LabSession) -> None:
    record, is_training = session.models.active_run, session.training_job is not None
    if not is_training:
        _show_button(session)
    show_notice(session, TrainTask)
    if record and not is_training and session.work.notice(TrainTask) is None:
        show_collapse(session, record)
        changed_drawings(session.samples.current.drawn_part(), record.start, record.model)
    _offer_review(session)


def _show_button(session: LabSession) -> None:
    """Draw the button, and beside it the outcome of the last training or the suggested next digit."""
    record = session.models.active_run
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Train on my handwriting",
            key="train",
            type="primary",
            disabled=not len(session.samples) or not session.classroom.may_train,
            help=None if session.classroom.may_train else NO_TRAINING,
            on_click=_train,
            args=(session,),
        )
        if record:
            layout.page_link(session, layout.EVALUATE, label="Compare", icon=":material/bar_chart:")
        unseen = training_summary.unseen(record, session.unseen_scores(record)) if record else ""
        # The message below the button describes a collapse.
        if record and session.is_outcome_new and not training_summary.collapse(record):
            text = f"{formatting.escape(record.name)}: {training_summary.headline(record.run, scoring_text(session))}"
        else:
            text = _advice(session)
        st.markdown(f"{text} {unseen}".strip(), help=training_summary.UNSEEN_HELP if unseen else None)


def _train(session: LabSession) -> None:
    session.train(session.start_model()[0], session.training.settings)


def _advice(session: LabSession) -> str:
    """Return the number of drawings, and the suggested next digit."""
    return f"{formatting.samples(session.samples.current)}. {session.suggestion().sentence}"


def _offer_review(session: LabSession) -> None:
    """Offer a review of the labels that a confident network contradicts."""
    n_contradicted = len(session.contradicted_samples())
    if n_contradicted:
        label = f"Check {formatting.plural(n_contradicted, 'label')}"
        if st.button(label, key="review", type="tertiary", on_click=_review):
            st.rerun()  # The expander is outside this fragment.


def _review() -> None:
    state.set_widget("expander_own", True)
    state.set_widget("own_kind", CONTRADICTED)
