"""The Draw page: a canvas, a prediction that changes while the pen moves, and label buttons."""

import importlib
from typing import Any

import streamlit as st

from pages.components import layout
from pages.components.canvas import canvas, canvas_options, load_example
from pages.components.digit_details import read_digit
from pages.components.label_buttons import label_buttons, label_counts
from pages.components.live import live_prediction
from pages.components.model_selector import predicting_models
from pages.components.prediction import first_steps, prediction_head
from pages.components.reveal import reveal
from pages.session import persistence, state, turns
from pages.session.lab_session import LabSession
from pages.views.draw import feedback, teaching
from pages.views.draw.quick_training import quick_training

EXPANDERS = {  # slug → title, module of pages.views.draw. A closed expander neither computes nor imports anything.
    "why": ("Why this prediction?", "explanation"),
    "own": ("My drawings", "own_drawings"),  # A title that changes would close the expander.
    "picture": ("Picture or camera", "image_input"),
    "files": ("Export and import drawings", "sample_exchange"),
}


def main(session: LabSession) -> None:
    """Draw the page from top to bottom."""
    teaching.show(session)
    draw_and_predict(session, _shown_outside(session))
    training = st.container(key="training")
    layout.show_saving_error(session, layout.DRAW)
    _show_flash(session)
    with st.container(key="options", horizontal=True):
        st.button("Try an example", key="example", type="tertiary", on_click=load_example, args=(session,))
        canvas_options(session)
    _show_expanders(session)
    with training:  # It is drawn last, because it polls the work that the expanders start.
        quick_training(session)
    predicting = predicting_models(session)
    live_prediction(predicting, session.models.colors(predicting))


@st.fragment
def draw_and_predict(session: LabSession, shown: tuple[Any, ...]) -> None:
    """Draw canvas, prediction and labels. Only this fragment runs after a stroke, so that the prediction is fast."""
    if _shown_outside(session) != shown:  # A label has changed the lab. The whole page draws this fragment again.
        state.rerun()
    persistence.save(session)
    with st.container(key="screen", horizontal=True, gap="medium"):
        canvas(session)
        with st.container(key="answer", gap="xsmall"):
            predict(session)
            label_counts(session)
            if not len(session.samples) and session.canvas.drawing.digit is None:
                first_steps()
    feedback.show(session)
    if _shown_outside(session) != shown:
        state.rerun()


def predict(session: LabSession) -> None:
    """Draw the prediction and the label buttons."""
    drawn, predicting = session.canvas, predicting_models(session)
    readings = read_digit(drawn.drawing.digit, predicting, session.models.colors(predicting))
    if readings[-1].probabilities is not None:
        session.show_prediction_of(predicting[readings[-1].model])
        drawn.record_prediction(readings[-1].ranking[0], readings[-1].confidence)
    with st.container(key="head"):
        prediction_head(readings, drawn)
    label_buttons(session, readings)


def _shown_outside(session: LabSession) -> tuple[Any, ...]:
    """Return the state outside the fragment that a stroke, a label or the button Train may change."""
    return session.flash, list(predicting_models(session)), session.samples.current, session.training_job


def _show_flash(session: LabSession) -> None:
    """Show the outcome of the last import or deletion."""
    if session.flash:
        with st.container(key="flash", horizontal=True, vertical_alignment="center"):
            (st.error if session.is_flash_error else st.info)(session.flash)
            if session.samples.can_undo:
                st.button("Undo", key="undo_samples", on_click=session.undo_samples, width=140)
    reveal("flash", session.flash)


def _show_expanders(session: LabSession) -> None:
    """Draw the expanders with details and tools."""
    for key, (title, view) in EXPANDERS.items():
        expander = st.expander(title, key=f"expander_{key}", on_change="rerun")
        if expander.open:
            show = importlib.import_module(f"pages.views.draw.{view}").show
            with expander:
                show(*((session, predicting_models(session)) if key == "why" else (session,)))


with turns.turn():
    main(layout.begin_page(layout.DRAW))
