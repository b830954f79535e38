"""The addresses of a class."""

from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from pages.session.classroom import CODE_PARAMETER


def join_link(code: str) -> str:
    """Return the address that joins a class."""
    parts = urlsplit(st.context.url or "")
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", urlencode({CODE_PARAMETER: code}), ""))
