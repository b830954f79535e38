"""The form of the training settings, built from the fields of `TrainSettings`."""

from typing import Any

import streamlit as st

from digitcore.training.setting_spec import SettingSpec
from digitcore.training.settings import SETTING_SPECS, TrainSettings
from pages.session import state
from pages.session.lab_session import LabSession

FORM_SPECS = {name: spec for name, spec in SETTING_SPECS.items() if spec.widget}
CHOICE_LABELS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}
MAX_FORM_SEED = 999_999


def training_form(session: LabSession) -> TrainSettings:
    """Draw the form, and return its settings."""
    _seed_widgets(session)
    values = {name: _draw(session, name, spec) for name, spec in FORM_SPECS.items() if not spec.is_advanced}
    with st.expander("Advanced"):
        values |= {name: _draw(session, name, spec) for name, spec in FORM_SPECS.items() if spec.is_advanced}
    return session.training.settings.replace(**values)


def _seed_widgets(session: LabSession) -> None:
    """Set the widgets to the session's values when the page is opened, and after a link, a lab or a sweep has set the values."""
    training = session.training
    is_new = state.widget_value("form_revision") != training.revision
    for name, spec in FORM_SPECS.items():
        value = _to_widget(spec, getattr(training.settings, name))
        if is_new:
            state.set_widget(name, value)
        else:
            state.seed_widget(name, value)
    state.set_widget("form_revision", training.revision)


def _draw(session: LabSession, name: str, spec: SettingSpec) -> Any:
    options, value = session.training.options(name), state.widget_value(name)  # The value is the default, too: see seed_widget.
    match spec.widget:
        case "select_slider":
            return st.select_slider(
                spec.label, options, value, key=name, help=spec.help, format_func=lambda option: _format(option, spec.unit)
            )
        case "slider":
            return st.slider(spec.label, int(options[0]), int(options[-1]), value, key=name, help=spec.help)
        case "pills":
            chosen = st.pills(spec.label, options, selection_mode="multi", default=value, key=name, help=spec.help)
            return "".join(map(str, chosen))
        case "segmented_control":
            return (
                st.segmented_control(
                    spec.label,
                    spec.choices,
                    default=value,
                    required=True,
                    key=name,
                    help=spec.help,
                    format_func=lambda value: CHOICE_LABELS.get(value, str(value)),
                )
                or spec.choices[0]
            )
        case "toggle":
            return st.toggle(spec.label, value, key=name, help=spec.help)
        case _:
            return int(st.number_input(spec.label, 0, MAX_FORM_SEED, value, key=name, help=spec.help))


def _to_widget(spec: SettingSpec, value: Any) -> Any:
    if spec.widget == "pills":
        return [int(digit) for digit in value]
    return min(value, MAX_FORM_SEED) if spec.widget == "number_input" else value


def _format(value: Any, unit: str) -> str:
    """Format a number. `None` means that the value depends on the initial model."""
    if value is None:
        return "auto"
    return (f"{value:,}" if isinstance(value, int) else f"{value:g}") + unit
