"""A notice when a browser opens the edit link of a lab for the first time. The browser remembers the labs that it knows."""

from typing import Any

import streamlit as st

from digitcore.storage.database import token_hash
from pages.components import assets
from pages.session import state
from pages.session.lab_session import LabSession

NEW_HERE = "You edit the lab of another device. What you change here also changes there."
KEY = "known_labs"
HASH_LENGTH = 16  # characters
_component = st.components.v2.component("digit-lab-known-labs", js=assets.script("known_labs/known_labs.js"))


def known_labs(session: LabSession) -> None:
    """Let the browser remember the lab when it is stored, and say once that a lab comes from another device.

    The component is always there, because the elements after it would be drawn again if it appeared later.
    """
    saved = session.saving.state
    lab = token_hash(saved.token)[:HASH_LENGTH] if saved else ""
    _component(key=KEY, data={"lab": lab, "isOwn": not session.saving.is_opened_by_link}, on_is_new_change=lambda: None)
    value: Any = state.widget_value(KEY) or {}
    if value.get("is_new"):  # Streamlit resets this value after the run.
        st.toast(NEW_HERE, icon=":material/devices:")
