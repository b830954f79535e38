"""How far a file is that is being opened."""

import streamlit as st

from pages.session import polling, text
from pages.session.import_state import ImportKind
from pages.session.lab_session import LabSession

OPENING = "Opening the file, which takes some seconds …"


def import_progress(session: LabSession, kind: ImportKind) -> None:
    """How far a file is that is being opened as this kind, with a button that stops it; or the outcome."""
    if session.imports.kind == kind:
        st.fragment(_show, run_every=polling.FAST if session.imports.job else None)(session)


def _show(session: LabSession) -> None:
    if session.collect_import():
        st.rerun()
    job = session.imports.job
    if job is None:
        if session.imports.message:
            (st.error if session.imports.is_error else st.info)(text.escape(session.imports.message))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        share = job.events[-1]["share"] if job.events else 0.0
        st.progress(min(1.0, share), text=text.queue_position(job) if job.position else OPENING)
        st.button("Stop", key="import_stop", on_click=session.imports.stop, disabled=job.is_stopping)
