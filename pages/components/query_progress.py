"""A bar while the worker is asked, with Stop; a sentence where it failed."""

import streamlit as st

from digitcore.jobs.job import JobStatus
from pages.session import polling, text
from pages.session.lab_session import LabSession
from pages.session.queries import SENTENCES


def query_progress(session: LabSession) -> None:
    """The progress of the session's queries; the page is drawn anew when a result comes."""
    st.fragment(_show, run_every=polling.FAST if session.queries.pending else None)(session)


def _show(session: LabSession) -> None:
    queries = session.queries
    if queries.collect():
        st.rerun()
    if queries.pending:
        jobs = list(queries.pending.values())
        all_wait = all(job.status == JobStatus.WAITING for job in jobs)
        progress = text.queue_position(jobs[0]) if all_wait else _describe({key[0] for key in queries.pending})
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.progress(queries.progress(), text=progress)
            st.button("Stop", key="stop_queries", on_click=queries.stop, width="content")
    elif queries.is_paused:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.warning(queries.error or "Stopped. What was read before stays.")
            st.button("Resume", key="resume_queries", on_click=queries.resume, width="content")


def _describe(kinds: set[str]) -> str:
    """What the worker computes."""
    return "; ".join(sentence for kind, sentence in SENTENCES.items() if kind in kinds) + " …"
