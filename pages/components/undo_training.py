"""The button that activates the model again that was active before a training."""

import streamlit as st

from digitcore.storage.snapshot import RunRecord
from pages.session.lab_session import LabSession


def undo_training(session: LabSession, record: RunRecord, *, is_prominent: bool) -> None:
    """Draw the button, and activate the model that was active before the run when it is pressed.

    Args:
        session: The session.
        record: The run.
        is_prominent: Whether the button has a frame, for a training that made the model worse.
    """
    # After a callback, a fragment would not draw this button, and the page outside the fragment would not run again.
    if st.button("Undo this training", key="undo_training", type="secondary" if is_prominent else "tertiary"):
        session.undo_training(record)
        st.rerun()
