"""Training settings in an address that can be passed on."""

from urllib.parse import urlencode

import streamlit as st

from digitcore.errors import SettingsError
from digitcore.training.settings import DEFAULTS, SETTING_SPECS, TrainSettings, parse_value
from pages.session.lab_session import LabSession


def read(session: LabSession) -> None:
    """Take the settings of the address that the session was opened with, and note which of them cannot be used.

    Once: a browser sends the address it last heard of, which is older than a slider that was moved since.
    """
    if session.link_error is not None:
        return
    settings, errors = session.training.settings, []
    for name in SETTING_SPECS:
        for text in st.query_params.get_all(name)[-1:]:
            try:
                settings = settings.replace(**{name: parse_value(name, text)})
            except SettingsError as error:
                errors.append(str(error))
    session.link_error = " ".join(errors)
    if settings != session.training.settings:
        session.training.set_settings(settings)


def query(settings: TrainSettings) -> str:
    """The settings that differ from the defaults, as the query string of an address."""
    return urlencode({name: _to_text(value) for name in SETTING_SPECS if (value := getattr(settings, name)) != DEFAULTS[name]})


def _to_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
