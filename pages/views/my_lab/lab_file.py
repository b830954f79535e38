"""Export, import and deletion of the whole lab."""

import streamlit as st

from digitcore.jobs.tasks import OpenLabTask
from digitcore.storage import archive
from pages.components.work import show_notice
from pages.session import formatting, persistence, resources, state
from pages.session.lab_session import LabSession


def show(session: LabSession) -> None:
    """Draw the buttons to export, delete and open a lab."""
    _show_summary(session)
    left, right = st.columns(2, gap="large")
    with left:
        if not session.snapshot().is_empty:
            if excess := archive.find_excess(session.snapshot()):
                st.warning(f"{excess} Delete runs before you export the lab.")
            st.download_button(
                "Export lab",
                lambda: archive.write(session.snapshot()),
                "digit-lab.zip",
                key="lab_save",
                help="The file contains drawings with strokes, runs with curves and models, and the settings.",
            )
        if session.saving.state:
            with st.popover("Delete lab"):
                st.markdown(
                    "This deletes all drawings, runs and models of the lab from this server. The deletion cannot be undone."
                )
                st.button("Delete lab", key="lab_delete", type="primary", on_click=_delete, args=(session,))
    with right:
        file = st.file_uploader("Open a lab file", key="lab_file", max_upload_size=archive.MAX_BYTES // 1_000_000)
        is_busy = bool(session.work.running(OpenLabTask) or session.saving.awaited_token)
        content = file.getvalue() if file else b""
        st.button("Open lab", key="lab_open", disabled=file is None or is_busy, on_click=_open, args=(session, content))
        st.caption("Your current lab stays available at its link.")
        show_notice(session, OpenLabTask)


def _show_summary(session: LabSession) -> None:
    contents = f"{formatting.samples(session.samples.current)}, {formatting.plural(len(session.models.runs), 'run')}"
    if resources.saver() is None:
        st.markdown(f"{contents}. This server does not save labs. Export the lab before you close the page.")
    elif not session.saving.state:
        st.markdown("The lab is empty. It is saved after the first label, and the page's address opens it again.")
    else:
        size = persistence.size(session)
        stored = f" ({formatting.file_size(size)})" if size else ""
        st.markdown(f"{contents}. The lab is saved{stored}. The address of this page opens it again.")


def _open(session: LabSession, content: bytes) -> None:
    session.work.submit(OpenLabTask(content))


def _delete(session: LabSession) -> None:
    if error := persistence.delete(session):
        session.work.set_notice(OpenLabTask, error, is_error=True)
        return
    state.reset()
