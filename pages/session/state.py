"""Streamlit's session state: the only place that names st.session_state."""

from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.session import sockets
from pages.session.lab_session import LabSession
from pages.session.resources import server_resources

SESSION, VISITED = "lab_session", "visited"


def lab_session() -> LabSession:
    """This session's lab; made at the first call."""
    if SESSION not in st.session_state:
        sockets.send_at_once()
        context = get_script_run_ctx()
        st.session_state[SESSION] = LabSession(server_resources(), owner=context.session_id if context else "")
    session: LabSession = st.session_state[SESSION]
    return session


def reset() -> None:
    """Begin anew: the session loses its lab, and the lab's token in the address with it."""
    st.query_params.clear()
    del st.session_state[SESSION]


def has_widget(key: str) -> bool:
    """Whether a widget of this key is on the page that is shown."""
    return key in st.session_state


def set_widget(key: str, value: object) -> None:
    """Set a widget's value, before it is drawn."""
    st.session_state[key] = value


def seed_widget(key: str, value: object) -> None:
    """Set a widget's value when its page is opened; later the widget keeps its own."""
    if key not in st.session_state:
        st.session_state[key] = value


def forget_widget(key: str) -> None:
    """Let a widget take its value from its seed again, before it is drawn."""
    st.session_state.pop(key, None)


def widget_value(key: str) -> Any:
    """A widget's present value, as a callback finds it; None when there is no such widget."""
    return st.session_state.get(key)


def is_first_visit() -> bool:
    """Whether this session was shown no page yet."""
    return VISITED not in st.session_state


def mark_visited() -> None:
    """Note that it was shown a page."""
    st.session_state[VISITED] = True
