"""Access to Streamlit's session state. No other module uses it."""

from typing import Any

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequestType

from pages.session import garbage, sockets
from pages.session.lab_session import LabSession
from pages.session.resources import server_resources

SESSION, VISITED = "lab_session", "visited"


def lab_session() -> LabSession:
    """Return the lab session; create it at the first call."""
    if SESSION not in st.session_state:
        if runtime.exists():  # It does not exist in a test of the page.
            garbage.freeze_soon()
        sockets.send_at_once()
        context = get_script_run_ctx()
        st.session_state[SESSION] = LabSession(server_resources(), owner=context.session_id if context else "")
    session: LabSession = st.session_state[SESSION]
    return session


def reset() -> None:
    """Remove the lab session, and the lab's token from the address."""
    st.query_params.clear()
    del st.session_state[SESSION]


def has_widget(key: str) -> bool:
    """Check whether the page has a widget with this key."""
    return key in st.session_state


def set_widget(key: str, value: object) -> None:
    """Set the value of a widget before it is drawn."""
    st.session_state[key] = value


def seed_widget(key: str, value: object) -> Any:
    """Set the initial value of a widget, and return its value. A widget that has a value keeps it.

    Give the returned value to the widget as its default, too. If another run interrupts the first run, the browser draws only the
    widget of the second run, in which Streamlit sends the default and not the value of the session state.
    """
    if key not in st.session_state:
        st.session_state[key] = value
    return st.session_state[key]


def forget_widget(key: str) -> None:
    """Remove the value of a widget, so that `seed_widget` can set it again."""
    st.session_state.pop(key, None)


def widget_value(key: str) -> Any:
    """Return the value of a widget; `None` if no widget has this key."""
    return st.session_state.get(key)


def rerun() -> None:
    """Run the whole page again, unless the user has just clicked a link to another page.

    `st.rerun` would replace the requested page by the present page, so that the click is lost. Pages that run again by themselves
    call this function.
    """
    if not _leaves_page():
        st.rerun()


def _leaves_page() -> bool:
    """Check whether the browser has requested another page during this run. Streamlit has no public function for it."""
    context = get_script_run_ctx()
    if context is None or context.script_requests is None:
        return False
    requests = context.script_requests
    is_requested = requests._state == ScriptRequestType.RERUN
    return is_requested and requests._rerun_data.page_script_hash not in ("", context.page_script_hash)


def is_fragment_run() -> bool:
    """Check whether only fragments of the page run."""
    context = get_script_run_ctx()
    return context is not None and bool(context.fragment_ids_this_run)


def is_first_visit() -> bool:
    """Check whether this session has not seen a page yet."""
    return VISITED not in st.session_state


def mark_visited() -> None:
    """Record that the session has seen a page."""
    st.session_state[VISITED] = True
