"""Training settings in the page's address."""

import reprlib
from urllib.parse import urlencode

import streamlit as st

from digitcore.errors import ModelError, SettingsError
from digitcore.lessons import LESSONS
from digitcore.training.settings import DEFAULTS, SETTING_SPECS, TrainSettings
from digitcore.training.settings_text import parse_value
from pages.session.formatting import escape
from pages.session.lab_session import LabSession
from pages.session.training_state import Start

START_PARAMETER, NETWORK_PARAMETER, VIEW_PARAMETER, LESSON_PARAMETER = "start", "network", "show", "lesson"
MAX_VIEW_NAME = 40
LINKED_STARTS = tuple(str(start) for start in Start if start != Start.RUN)  # A run exists only in its lab.


def read(session: LabSession) -> None:
    """Apply the settings in the address with which the session was opened, and store the errors of invalid settings.

    An address with a setting, a start or a network describes the whole form: a field that it does not name has its default.
    Only the first call has an effect, because later the browser may send an older address.
    """
    if session.link_error is not None:
        return
    settings, errors = session.training.settings, []
    if any(name in st.query_params for name in (*SETTING_SPECS, START_PARAMETER, NETWORK_PARAMETER)):
        settings = TrainSettings()
        session.training.choose_start(Start.UNTRAINED)
    for name in SETTING_SPECS:
        for text in st.query_params.get_all(name)[-1:]:
            try:
                settings = settings.replace(**{name: parse_value(name, text)})
            except SettingsError as error:
                errors.append(str(error))
    for name in st.query_params.get_all(START_PARAMETER)[-1:]:
        if name in LINKED_STARTS:
            session.training.choose_start(Start(name))
        else:
            errors.append(f"{START_PARAMETER} must be one of {', '.join(LINKED_STARTS)}, not {reprlib.repr(name)}.")
    for name in st.query_params.get_all(NETWORK_PARAMETER)[-1:]:
        try:
            session.training.choose_network(name)
        except ModelError as error:
            errors.append(str(error))
    for name in st.query_params.get_all(VIEW_PARAMETER)[-1:]:
        session.models.choose_view(name[:MAX_VIEW_NAME])
    if settings != session.training.settings:
        session.training.set_settings(settings)
    for text in st.query_params.get_all(LESSON_PARAMETER)[-1:]:
        if text in map(str, range(1, len(LESSONS) + 1)):
            session.open_lesson(int(text))
        else:
            errors.append(f"{LESSON_PARAMETER} must be a number from 1 to {len(LESSONS)}, not {reprlib.repr(text)}.")
    session.link_error = escape(" ".join(errors))  # An address must not bring links and pictures into a page.


def query(settings: TrainSettings, start: Start, network: str = "", view: str = "") -> str:
    """Return the query string that opens a page with these settings.

    Args:
        settings: Settings. Only values that differ from the defaults are part of the query string.
        start: The initial model. `Start.RUN` is not part of the query string.
        network: The network that is trained from random weights.
        view: Slug of the view of the Evaluate page.
    """
    values = {name: _to_text(value) for name in SETTING_SPECS if (value := getattr(settings, name)) != DEFAULTS[name]}
    is_linked = start in LINKED_STARTS and start != Start.UNTRAINED
    if is_linked:
        values[START_PARAMETER] = str(start)
    if network and start == Start.UNTRAINED:
        values[NETWORK_PARAMETER] = network
    if view:
        values[VIEW_PARAMETER] = view
    return urlencode(values)


def _to_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
