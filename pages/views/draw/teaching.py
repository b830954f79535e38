"""The promise of the Draw page, and the choice of the model that the user teaches."""

import streamlit as st

from pages.components import assets
from pages.session import state
from pages.session.formatting import escape
from pages.session.lab_session import CUSTOM_NETWORK, LabSession
from pages.session.model_library import PRETRAINED, UNTRAINED

NAMES = {UNTRAINED: "a new network", PRETRAINED: "the expert"}
ALL_NAMES = NAMES | {CUSTOM_NETWORK: "my own network"}
INVITATIONS = {UNTRAINED: "It knows nothing. Draw each digit once or twice and teach it.", PRETRAINED: "Try to fool it."}
PUPIL_INVITATION = "Draw each digit as you usually write it."
TEACH_KEY = "teach"


def show(session: LabSession) -> None:
    """Draw the promise and the choice. The chosen model predicts, and the next training starts from it.

    A model that was chosen on the Train page is a third option until the user chooses another one.
    """
    start, _ = session.start_model()
    state.set_widget(TEACH_KEY, start.name)  # The bar or the Train page may have changed it.
    with st.container(key="intro", horizontal=True, vertical_alignment="center", gap="medium"):
        st.html(assets.render("promise.html"), width="content")
        st.radio(
            "Teach",
            list(dict.fromkeys([*NAMES, start.name])),
            format_func=lambda name: ALL_NAMES.get(name, escape(name)),
            horizontal=True,
            key=TEACH_KEY,
            on_change=_on_choice,
            args=(session,),
        )


def invitation(session: LabSession) -> str:
    """Return a sentence that invites the user to teach or to fool the active model; "" for other models.

    A pupil is asked for the usual handwriting, because a class learns from all drawings.
    """
    if session.classroom.is_pupil:
        return PUPIL_INVITATION
    return INVITATIONS.get(session.active_model.name, "")


def _on_choice(session: LabSession) -> None:
    session.teach(str(state.widget_value(TEACH_KEY)))
