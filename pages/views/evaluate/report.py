"""The button that writes the report of the compared models."""

import streamlit as st

from digitcore.report import ReportTask
from pages.components.model_choice import Models
from pages.session.lab_session import LabSession

HELP = "The report is one HTML file with all results, settings, data and commands. It needs no network, and it prints on A4."


def show(session: LabSession, models: Models) -> None:
    """Draw the button. When the worker has written the report, a second button downloads it."""
    work, task = session.work, ReportTask(session.snapshot(), tuple(models))
    with st.container(key="report", horizontal=True):
        if st.button("Write report", key="write_report", disabled=work.is_running(task), help=HELP):
            work.resume()
            work.result(task)
            st.rerun()
        if text := work.known(task):
            st.download_button("Download report", text, "report.html", "text/html", type="primary", key="download_report")
