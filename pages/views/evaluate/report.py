"""The button that writes the report of the compared models."""

import streamlit as st

from digitcore.report import ReportTask
from digitcore.storage.snapshot import LabSnapshot
from pages.components.model_choice import Models
from pages.session.lab_session import LabSession

HELP = "The report is one HTML file with all results, settings, data and commands. It needs no network, and it prints on A4."


def show(session: LabSession, models: Models, lab: LabSnapshot | None = None) -> None:
    """Draw the button. When the worker has written the report, a second button downloads it.

    Args:
        session: The session.
        models: The compared models.
        lab: The lab that the report describes. By default, it is the session's lab.
    """
    work, task = session.work, ReportTask(lab or session.snapshot(), tuple(models))
    with st.container(key="report", horizontal=True):
        if st.button("Write report", key="write_report", disabled=work.is_running(task), help=HELP):
            work.resume()
            work.result(task)
            st.rerun()
        if text := work.known(task):
            st.download_button("Download report", text, "report.html", "text/html", type="primary", key="download_report")
