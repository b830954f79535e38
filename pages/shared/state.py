"""The session's state: the only place that names st.session_state."""

from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.shared.lab import Lab


def lab() -> Lab:
    """This session's lab; made at the first call."""
    if "lab" not in st.session_state:
        context = get_script_run_ctx()
        st.session_state.lab = Lab(owner=context.session_id if context else "")
    return st.session_state.lab


def forget() -> None:
    """Begin anew: the session loses its lab, and the address with it."""
    st.query_params.clear()
    del st.session_state["lab"]


def is_known(key: str) -> bool:
    """True while a widget of this key is on the page that is shown."""
    return key in st.session_state


def put(key: str, value: object) -> None:
    """Set a widget's value, before it is drawn."""
    st.session_state[key] = value


def value(key: str) -> Any:
    """A widget's present value, as a callback finds it; None when there is no such widget."""
    return st.session_state.get(key)


def is_first_visit() -> bool:
    """True until this session has been shown a page."""
    return "visited" not in st.session_state


def visited() -> None:
    """Note that it has."""
    st.session_state.visited = True
