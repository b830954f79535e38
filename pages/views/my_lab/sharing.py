"""Links to this lab: one to edit it, one to read a copy."""

from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from pages.session import persistence
from pages.session.lab_session import LabSession


def show(session: LabSession) -> None:
    """Both links, as soon as the lab is saved."""
    if not session.saving.state:
        return
    read, edit = st.columns(2, gap="large")
    with read:
        st.markdown("**Link to read**")
        st.code(_link(persistence.view_address(session)), language=None, wrap_lines=True)
        st.caption("Opens a copy of this lab as it is then. What others change there is theirs; your lab stays as it is.")
    with edit:
        st.markdown("**Link to edit**")
        st.code(_link(persistence.address(session)), language=None, wrap_lines=True)
        st.caption("Anyone with this link can open, edit and delete this lab. Keep it, to open it on another device.")


def _link(query: dict[str, str]) -> str:
    parts = urlsplit(st.context.url or "")
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(query), ""))
