"""Scrolling to a part of the page that has changed outside the visible part."""

import streamlit as st

from pages.components import assets

_reveal = st.components.v2.component("digit-lab-reveal", js=assets.script("reveal/reveal.js"))


def reveal(key: str, version: str, reason: str = "") -> None:
    """Scroll a container into view whenever `version` changes, unless it is in view.

    Args:
        key: Key of the container.
        version: Version of the content; "" if there is nothing to show.
        reason: Distinguishes several calls for one container.
    """
    _reveal(key=f"reveal_{key}_{reason}", data={"target": key, "version": version})
