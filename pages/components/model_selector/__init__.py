"""The choice of the active model, above every page, and the comparison with the model that it started from."""

import streamlit as st

from pages.components import assets
from pages.components.model_choice import Models
from pages.session import formatting, state
from pages.session.lab_session import LabSession

SELECTOR_KEY, COMPARISON_KEY = "reading", "comparing"


def model_selector(session: LabSession, *, has_comparison: bool = False) -> None:
    """Draw a menu with all models. The chosen model is active on all pages.

    Args:
        session: The session.
        has_comparison: Whether a toggle beside the menu lets the initial model predict too. A shipped model has no toggle.
    """
    assets.style("model_selector/selector.css")
    active = session.active_model.name
    st.menu_button(
        f"Reading: **{formatting.escape(active)}**",
        session.models.selectable(),
        key=SELECTOR_KEY,
        type="tertiary",
        help="The model that reads your drawings on all pages.",
        format_func=lambda name: f"{':material/check: ' * (name == active)}{formatting.escape(name)}",
        on_click=_activate,
        args=(session,),
    )
    if has_comparison and session.models.trained is not None:
        initial = formatting.escape(session.initial_model.name)
        st.toggle("Compare", key=COMPARISON_KEY, persist_state="session", help=f"Let {initial} predict too.")


def predicting_models(session: LabSession) -> Models:
    """Return the models that predict on the Draw page by name. The active model is the last."""
    active, initial = session.active_model, session.initial_model
    is_comparing = session.models.trained is not None and state.widget_value(COMPARISON_KEY)
    return {initial.name: initial, active.name: active} if is_comparing else {active.name: active}


def _activate(session: LabSession) -> None:
    if name := state.widget_value(SELECTOR_KEY):
        session.activate(str(name))
