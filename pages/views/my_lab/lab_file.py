"""The whole lab: exported as one file, opened from one, deleted."""

import streamlit as st

from digitcore.jobs.tasks import OpenLabTask
from digitcore.storage import archive
from pages.components.work import show_notice
from pages.session import formatting, persistence, resources, state
from pages.session.lab_session import LabSession


def show(session: LabSession) -> None:
    """Export, open, delete."""
    _show_summary(session)
    left, right = st.columns(2, gap="large")
    with left:
        if not session.snapshot().is_empty:
            st.download_button(
                "Save this lab in a file",
                lambda: archive.write(session.snapshot()),
                "digit-lab.zip",
                key="lab_save",
                help="Drawings with their strokes, runs with their curves and models, and how the sliders stand.",
            )
        else:
            st.caption("Nothing to save yet.")
        if session.saving.state:
            with st.popover("Delete this lab"):
                st.markdown("Deletes its drawings, runs and models from this server, for good. Files that you saved stay yours.")
                st.button("Delete it", key="lab_forget", type="primary", on_click=_delete, args=(session,))
    with right:
        file = st.file_uploader(
            "Open a lab from a file", type=["zip"], key="lab_file", max_upload_size=archive.MAX_BYTES // 1_000_000
        )
        is_busy = bool(session.work.running(OpenLabTask) or session.saving.awaited_token)
        content = file.getvalue() if file else b""
        st.button("Open it", key="lab_open", disabled=file is None or is_busy, on_click=_open, args=(session, content))
        st.caption("Your current lab stays at its own link.")
        show_notice(session, OpenLabTask)


def _show_summary(session: LabSession) -> None:
    contents = f"{formatting.drawings(len(session.samples))}, {formatting.plural(len(session.models.runs), 'run')}"
    if resources.saver() is None:
        st.markdown(f"{contents}. This server saves nothing: take the lab along in a file before you close the page.")
    elif not session.saving.state:
        st.markdown("Nothing to save yet. From the first label on, the lab saves itself, and the page's address opens it again.")
    else:
        size = persistence.size(session)
        takes = f" It takes {formatting.file_size(size)}." if size else ""
        st.markdown(f"{contents}, saved under the address of this page.{takes}")


def _open(session: LabSession, content: bytes) -> None:
    session.work.submit(OpenLabTask(content))


def _delete(session: LabSession) -> None:
    if error := persistence.delete(session):
        session.work.set_notice(OpenLabTask, error, is_error=True)
        return
    state.reset()
