"""The choice of pupils, which is kept while other pupils join and draw."""

import streamlit as st

from pages.session import state
from pages.session.lab_session import LabSession


def choose_pupils(session: LabSession, names: dict[str, str], key: str, label: str, **options: object) -> list[str]:
    """Let the teacher choose several pupils.

    Args:
        session: The session of the teacher.
        names: Identifier of a pupil → name.
        key: Name of the choice.
        label: Label of the widget.
        options: More arguments of the widget.

    Returns:
        Identifiers of the chosen pupils.
    """
    widget = _seed(session, names, key, [pupil for pupil in session.classroom.chosen.get(key, []) if pupil in names])
    before = state.widget_value(widget)
    chosen = st.multiselect(label, list(names), before, format_func=lambda pupil: names.get(pupil, ""), key=widget, **options)  # type: ignore[call-overload]
    session.classroom.chosen[key] = list(chosen)
    return list(chosen)


def choose_pupil(session: LabSession, names: dict[str, str], key: str, placeholder: str) -> str | None:
    """Let the teacher choose a pupil. Return the identifier; `None` if no pupil is chosen."""
    before = next((pupil for pupil in session.classroom.chosen.get(key, []) if pupil in names), None)
    widget = _seed(session, names, key, before)
    before = state.widget_value(widget)
    chosen = st.selectbox(
        placeholder,
        list(names),
        index=list(names).index(before) if before in names else None,
        format_func=lambda pupil: names.get(pupil, ""),
        key=widget,
        placeholder=placeholder,
        label_visibility="collapsed",
        width=360,
    )
    session.classroom.chosen[key] = [chosen] if chosen else []
    return chosen


def _seed(session: LabSession, names: dict[str, str], key: str, before: object) -> str:
    """Return the key of the widget for these pupils. A widget of other pupils passes its choice on."""
    widget = f"{key}_{hash(tuple(names))}"
    state.seed_widget(widget, before)
    return widget
