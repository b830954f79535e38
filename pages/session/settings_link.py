"""Training settings in the page's address."""

import streamlit as st

from digitcore.errors import SettingsError
from digitcore.training.settings import DEFAULTS, SETTING_SPECS, TrainSettings, parse_value
from pages.session.lab_session import LabSession


def read(session: LabSession) -> str:
    """Take the settings that the address names; what is wrong with them, in a sentence."""
    values = {name: st.query_params[name] for name in SETTING_SPECS if name in st.query_params}
    if not values:
        return ""
    try:
        settings = session.training.settings.replace(**{name: parse_value(name, text) for name, text in values.items()})
    except SettingsError as error:
        return f"The address of this page has a setting that cannot be used: {error}"
    if settings != session.training.settings:
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
