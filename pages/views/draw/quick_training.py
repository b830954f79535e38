"""A training from the Draw page: the drawings while the network learns them, and the outcome."""

import streamlit as st

from digitcore.jobs.job import Job
from digitcore.jobs.tasks import TrainTask
from digitcore.jobs.tasks.train import MAX_WATCHED
from digitcore.training.run import Run
from pages.components import assets
from pages.components.reveal import reveal
from pages.components.verdict import Thumbnail, strip, thumbnails, verdict_card
from pages.components.work import show_notice, work_area
from pages.session import formatting, resources, state
from pages.session.lab_session import LabSession
from pages.session.training_summary import Tone
from pages.views.draw import outcome
from pages.views.draw.own_drawings import CONTRADICTED


def quick_training(session: LabSession) -> None:
    """Draw the training area, which uses the settings of the Train page."""
    work_area(session, lambda: _show(session))


def _show(session: LabSession) -> None:
    record, job = session.models.active_run, session.training_job
    if job is not None:
        _show_learning(job)
    elif session.work.notice(TrainTask):
        show_notice(session, TrainTask)
    elif record is not None:
        outcome.show(session, record)
    else:
        _show_newest(session)
    _offer_review(session)
    is_new = record is not None and record.id == session.new_run_id
    reveal("training", job.id if job else session.new_run_id if is_new else "")


def _show_newest(session: LabSession) -> None:
    """Show the newest drawings before the first training, so that the user sees the training set grow."""
    drawings = session.samples.current.drawn_part()
    if len(drawings):
        assets.style("verdict/verdict.css")
        strip(drawings.digits[-MAX_WATCHED:], drawings.labels[-MAX_WATCHED:])


def _show_learning(job: Job[Run]) -> None:
    """Show the newest drawings with their latest predictions, so that the user sees the network learn."""
    task = job.task
    assert isinstance(task, TrainTask)
    watched = task.watched
    predictions = job.progress.predictions or resources.probabilities(task.start, watched.digits).argmax(1).tolist()
    found = [
        Thumbnail(digit, int(label), None, predicted)
        for digit, label, predicted in zip(watched.digits, watched.labels, predictions, strict=True)
    ]
    with verdict_card(Tone.SAME):
        n_right = sum(one.is_right for one in found)
        st.markdown(f"**{n_right} of {formatting.drawings(len(found))}** read correctly")
        thumbnails(found)


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
