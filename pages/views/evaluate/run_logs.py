"""Export of the runs as logs for TensorBoard."""

import streamlit as st

from digitcore.training import run_logs
from pages.session.lab_session import LabSession


def show(session: LabSession) -> None:
    """Draw the button that exports all runs. The press of the button writes the logs."""
    runs = [record.run for record in session.models.runs]
    if runs:
        st.download_button(
            "Export runs",
            lambda: run_logs.to_zip(runs),
            "tensorboard-logs.zip",
            "application/zip",
            key="run_logs",
            help="The ZIP file has a log of each run for TensorBoard, with settings, curves and scores. Weights & Biases, Aim "
            "and trackio read these logs too. Unpack the file, and start “tensorboard --logdir FOLDER”.",
        )
