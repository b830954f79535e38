"""The message about a training that has made the model much worse, and the button that restores the former model."""

import streamlit as st

from digitcore.storage.snapshot import RunRecord
from pages.session import training_summary
from pages.session.lab_session import LabSession


def show_collapse(session: LabSession, record: RunRecord) -> bool:
    """Draw the message and a button if the run is much worse than its initial model. Return whether it is much worse."""
    sentence = training_summary.collapse(record)
    if not sentence:
        return False
    with st.container(horizontal=True, vertical_alignment="center", key="collapse"):
        st.error(sentence, icon=":material/trending_down:")
        # After a callback, the fragment would not draw this button, and the page outside the fragment would not run again.
        if st.button(f"Go back to {session.models.previous(record).name}", key="go_back", width="content"):
            session.go_back(record)
            st.rerun()
    return True
