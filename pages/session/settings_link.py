"""Training settings in the page's address."""

import streamlit as st

from digitcore.errors import SettingsError
from digitcore.training.settings import DEFAULTS, SETTING_SPECS, TrainSettings, parse_value
from pages.session import state
from pages.session.lab_session import LabSession


def read(session: LabSession) -> str:
    """Take the settings of the address that the session was opened with; what is wrong with them, in a sentence.

    Once: a browser sends the address it last heard of, which is older than a slider that was moved since.
    """
    if state.is_link_read():
        return ""
    state.mark_link_read()
    values = {name: st.query_params[name] for name in SETTING_SPECS if name in st.query_params}
    if not values:
        return ""
    try:
        settings = session.training.settings.replace(**{name: parse_value(name, text) for name, text in values.items()})
    except SettingsError as error:
        return f"The address of this page has a setting that cannot be used: {error}"
    session.training.set_settings(settings)
    return ""


def write(settings: TrainSettings) -> None:
    """Put the settings that differ from the defaults into the address."""
    for name in SETTING_SPECS:
        value = getattr(settings, name)
        text = None if value == DEFAULTS[name] else _to_text(value)
        if text is None:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != text:
            st.query_params[name] = text


def _to_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
