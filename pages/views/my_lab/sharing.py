"""The links to edit the lab and to read a copy of it."""

from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from pages.session import persistence
from pages.session.lab_session import LabSession


def show(session: LabSession) -> None:
    """Draw both links after the lab was saved."""
    if not session.saving.state:
        return
    read, edit = st.columns(2, gap="large")
    with read:
        st.markdown("**Link to read**")
        st.code(_link(persistence.view_address(session)), language=None, wrap_lines=True)
        st.caption("This link opens a copy of the lab. Changes of the copy do not change your lab.")
    with edit:
        st.markdown("**Link to edit**")
        st.code(_link(persistence.address(session)), language=None, wrap_lines=True)
        st.caption("Anyone with this link can open, edit and delete the lab. Keep the link to open the lab on another device.")
        with st.popover("Renew the link"):
            st.markdown("The lab gets new links. The present links to edit and to read stop working on every device.")
            st.button("Renew the link", key="lab_renew", type="primary", on_click=_renew, args=(session,))
        if error := session.saving.renewal_error:
            st.error(error)


def _renew(session: LabSession) -> None:
    session.saving.end_renewal(persistence.renew_link(session))


def _link(query: dict[str, str]) -> str:
    parts = urlsplit(st.context.url or "")
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(query), ""))
