"""Draw: a canvas, a prediction after every stroke, and a label with one tap."""

import importlib
from typing import Any

import streamlit as st

from digitcore.data.quality import QualityIssue
from digitcore.models.bundle import ModelBundle
from pages.components import layout
from pages.components.canvas import canvas, canvas_options
from pages.components.digit_details import read_digit
from pages.components.figures import prediction_trail
from pages.components.label_buttons import label_buttons
from pages.components.model_widgets import Models
from pages.components.prediction import Reading, prediction
from pages.session import autosave, resources, state
from pages.session.canvas_state import Drawing
from pages.session.lab_session import LabSession

INITIAL, TRAINED, BOTH = "Initial", "Trained", "Both"
DRAWERS = {  # key → title, module of pages.views.draw; what is closed is neither computed nor loaded
    "why": ("Why this answer", "explanation"),
    "own": ("Your drawings", "own_drawings"),  # a title that changes would close it
    "picture": ("Use a picture instead", "image_input"),
    "files": ("Take samples along, bring samples", "sample_exchange"),
}


def main(session: LabSession) -> None:
    """The page from top to bottom."""
    above, below = st.container(), st.empty()
    with above:
        draw_and_predict(session, _shown_outside(session), below)
        label_buttons(session)
    layout.show_saving_error(session)
    canvas_options(session)
    _show_flash(session)
    _show_drawers(session)


@st.fragment
def draw_and_predict(session: LabSession, shown: tuple[Any, ...], below: Any) -> None:
    """The canvas and its prediction: only this runs after a stroke, so what does not change with one stands elsewhere."""
    autosave.save(session)
    with st.container(horizontal=True, gap="medium"):
        canvas(session)
        with st.container(key="answer", width=420):
            _choose_predicting(session)
            models = _predicting_models(session)
            readings = read_digit(session.canvas.drawing.digit, models)
            prediction(readings, session.canvas.drawing.digit)
            _record(session, readings[-1])
    with below.container(key="trail", height=64, border=False, gap="xsmall"):
        _show_trail(session.canvas.drawing, list(models.values())[-1])
    if _shown_outside(session) != shown:
        st.rerun()


def _shown_outside(session: LabSession) -> tuple[Any, ...]:
    """What a stroke may change outside its fragment: the browser sends a label pressed at once along with the stroke."""
    return session.flash, list(_predicting_models(session)), len(session.samples)


def _choose_predicting(session: LabSession) -> None:
    """Which of two models predicts, or both."""
    if session.models.trained is not None:
        st.segmented_control(
            "Which model answers",
            [INITIAL, TRAINED, BOTH],
            default=TRAINED,
            required=True,
            key="predicting",
            persist_state="session",
            label_visibility="collapsed",
        )


def _predicting_models(session: LabSession) -> Models:
    """The models that predict, by the name that the page shows."""
    initial, trained = session.initial_model, session.models.trained
    if trained is None:
        return {initial.name: initial}
    choices = {INITIAL: {initial.name: initial}, TRAINED: {trained.name: trained}}
    return choices.get(state.widget_value("predicting") or TRAINED, choices[INITIAL] | choices[TRAINED])


def _record(session: LabSession, reading: Reading) -> None:
    if reading.probabilities is not None:
        session.canvas.record_prediction(reading.ranking[0], reading.confidence)


def _show_trail(drawing: Drawing, model: ModelBundle) -> None:
    """The predictions stroke by stroke, and what makes the drawing hard to classify."""
    if drawing.digit is None:
        return
    if drawing.n_strokes > 1:
        prediction_trail(drawing.predictions)
    if drawing.issues:
        st.caption(_describe(drawing.issues[0], model, drawing.digit))


def _describe(issue: QualityIssue, model: ModelBundle, digit: Any) -> str:
    """An issue, with the prediction before and after its fix."""
    if issue.digit is None:
        return issue.sentence
    predictor = resources.predictor(model)
    before, after = (int(predictor.probabilities(one[None])[0].argmax()) for one in (digit, issue.digit))
    return f"{issue.sentence} With {issue.fix}: {before} → {after}."


def _show_flash(session: LabSession) -> None:
    """The outcome of the last import or deletion."""
    if session.flash:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.info(session.flash)
            if session.samples.can_undo:
                st.button("Take it back", key="undo_samples", on_click=session.undo_samples, width=140)


def _show_drawers(session: LabSession) -> None:
    """Everything for the curious, one click away."""
    for key, (title, view) in DRAWERS.items():
        drawer = st.expander(title, key=f"drawer_{key}", on_change="rerun")
        if drawer.open:
            show = importlib.import_module(f"pages.views.draw.{view}").show
            with drawer:
                show(*((session, _predicting_models(session)) if key == "why" else (session,)))


main(layout.begin_page(layout.DRAW))
