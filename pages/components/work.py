"""The progress of a session's work, and the polling fragment of a page."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from digitcore.jobs.job import Job
from digitcore.jobs.tasks import Priority, ScoreRunTask, Task
from pages.session import class_actions, persistence, state, turns
from pages.session.formatting import escape, percent
from pages.session.lab_session import LabSession
from pages.session.training_summary import progress_text
from pages.session.work import SLOW

SHARED, UNSHARED = 3.0, 15.0  # s between two looks for changes of another device, if there were any before or not


def work_area(session: LabSession, show: Callable[[], None] = lambda: None, *, is_live: bool = False) -> None:
    """Show the progress of the session's work, and call `show`. It contains the only fragment of a page that polls.

    The whole page runs again when a job has ended, the lab was saved, or another device has changed the lab. While nothing runs,
    a poll draws nothing, because in a class each session polls.

    Args:
        session: The session.
        show: Draws the part of the page that changes with the progress, such as the curves of a running training.
        is_live: Whether this part changes also without work of this session, as the tiles of a class do.
    """
    interval = _polling_interval(session)
    is_polled = is_live or bool(session.work.jobs)
    if not is_polled:
        st.fragment(_draw_idle)(session, show)
    st.fragment(_poll, run_every=interval)(session, interval, page_state(session), show if is_polled else None)


def page_state(session: LabSession) -> tuple[Any, ...]:
    """Return the state on which the page outside the polling fragment depends."""
    sweep = session.training.sweep
    sweep_state = (sweep.n_ended, sweep.is_idle) if sweep else None
    return persistence.error(session), session.saving.is_saved, len(session.samples), sweep_state, session.classroom.page_state


def show_notice(session: LabSession, *kinds: type[Task[Any]]) -> None:
    """Show the outcome of the latest work of these kinds."""
    if notice := session.work.notice(*kinds):
        (st.error if notice.is_error else st.info)(escape(notice.sentence))


def scoring_text(session: LabSession) -> str:
    """Return the progress of the active run's evaluation on MNIST; "" if the run is not being evaluated."""
    record = session.models.active_run
    if record is None or not session.is_scoring(record):
        return ""
    jobs = session.work.running(ScoreRunTask)  # The newest run is evaluated first.
    return f"evaluating: {percent(jobs[0].progress.share if jobs else 0)}"


def _poll(session: LabSession, interval: float | None, before: tuple[Any, ...], show: Callable[[], None] | None) -> None:
    if not state.is_fragment_run():  # The page is being drawn. Its own state may be newer, and a rerun would remove its toasts.
        _look(session, interval, before, show)
        return
    with turns.turn():
        _look(session, interval, session.page_state, show)


def _look(session: LabSession, interval: float | None, before: tuple[Any, ...], show: Callable[[], None] | None) -> None:
    persistence.restore(session)
    class_actions.follow(session, only_if_due=True)
    session.training.advance_sweep()
    has_changes = persistence.poll(session)
    has_results = session.collect()
    if show is not None:
        _draw(session, show)
    if has_changes or has_results or _polling_interval(session) != interval or page_state(session) != before:
        state.rerun()


def _draw_idle(session: LabSession, show: Callable[[], None]) -> None:
    _draw(session, show)
    if session.work.jobs:  # A button of this fragment has started them.
        state.rerun()


def _draw(session: LabSession, show: Callable[[], None]) -> None:
    """Draw the part. A rerun must come after this, because it would lose a click on a button that is drawn here."""
    _show_progress(session)
    show()


def _polling_interval(session: LabSession) -> float | None:
    """Return the seconds between two polls; `None` if nothing can change without the user."""
    sweep = session.training.sweep
    is_outdated = page_state(session) != session.page_state
    is_slow = is_outdated or session.saving.is_behind or session.saving.has_incoming or (sweep is not None and not sweep.is_idle)
    watching = (SHARED if session.saving.is_shared else UNSHARED) if session.saving.state else None
    watching = session.classroom.polling_interval or watching
    return session.work.polling_interval or (SLOW if is_slow else watching)


def _show_progress(session: LabSession) -> None:
    """Draw one bar for each training and import, and one bar for all results that the page waits for."""
    work = session.work
    jobs = [job for job in work.jobs if job.task.priority == Priority.NORMAL]
    queries = [job for job in jobs if job.task.key is not None]
    for job in jobs:
        if job.task.key is None:
            _progress_bar(session, [job], f"stop_{type(job.task).__name__}")
    if queries:
        _progress_bar(session, queries, "stop_queries")
    elif work.pause_reason:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.warning(work.pause_reason)
            st.button("Resume", key="resume_queries", on_click=work.resume, width="content")


def _progress_bar(session: LabSession, jobs: list[Job[Any]], key: str) -> None:
    share = sum(job.progress.share for job in jobs) / len(jobs)
    kinds = tuple({type(job.task) for job in jobs})
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.progress(min(1.0, share), text=progress_text(jobs))
        is_stopping = all(job.is_stopping for job in jobs)
        st.button("Stop", key=key, on_click=session.work.stop, args=kinds, disabled=is_stopping, width="content")
