"""The Draw page: a canvas, a prediction that changes while the pen moves, and label buttons."""

import importlib
from typing import Any

import streamlit as st

from digitcore.data.quality import QualityIssue
from digitcore.models.bundle import ModelBundle
from pages.components import layout
from pages.components.canvas import canvas, canvas_options, load_example
from pages.components.digit_details import read_digit
from pages.components.label_buttons import label_buttons, label_counts
from pages.components.live import live_prediction
from pages.components.model_selector import predicting_models
from pages.components.prediction import prediction_head
from pages.session import formatting, persistence, resources
from pages.session.lab_session import LabSession
from pages.views.draw.quick_training import quick_training

EXPANDERS = {  # slug → title, module of pages.views.draw. A closed expander neither computes nor imports anything.
    "why": ("Why this prediction?", "explanation"),
    "own": ("My drawings", "own_drawings"),  # A title that changes would close the expander.
    "picture": ("Picture or camera", "image_input"),
    "files": ("Export and import drawings", "sample_exchange"),
}


def main(session: LabSession) -> None:
    """Draw the page from top to bottom."""
    draw_and_predict(session, _shown_outside(session))
    training = st.container(key="training")
    layout.show_saving_error(session)
    _show_flash(session)
    _show_expanders(session)
    with training:  # It is drawn last, because it polls the work that the expanders start.
        quick_training(session)
    live_prediction(predicting_models(session))


@st.fragment
def draw_and_predict(session: LabSession, shown: tuple[Any, ...]) -> None:
    """Draw canvas, prediction and labels. Only this fragment runs after a stroke, so that the prediction is fast."""
    persistence.save(session)
    with st.container(key="intro", horizontal=True, vertical_alignment="center"):
        st.caption("Draw a digit and teach a network your handwriting.")
        st.button("Try an example", key="example", type="tertiary", on_click=load_example, args=(session,))
        canvas_options(session)
    with st.container(key="screen", horizontal=True, gap="medium"):
        canvas(session)
        with st.container(key="answer", gap="xsmall"):
            predict(session)
            label_counts(session)
            with st.container(key="remark"):
                st.html("<span></span>")  # An empty container has no height, and a later remark would move the page.
                _show_remark(session)
    if _shown_outside(session) != shown:
        st.rerun()


def predict(session: LabSession) -> None:
    """Draw the prediction and the label buttons."""
    drawn, predicting = session.canvas, predicting_models(session)
    readings = read_digit(drawn.drawing.digit, predicting)
    if readings[-1].probabilities is not None:
        session.show_prediction_of(predicting[readings[-1].model])
        drawn.record_prediction(readings[-1].ranking[0], readings[-1].confidence)
    with st.container(key="head"):
        prediction_head(readings, drawn)
    label_buttons(session, readings)


def _shown_outside(session: LabSession) -> tuple[Any, ...]:
    """Return the state outside the fragment that a stroke or a label may change."""
    return session.flash, list(predicting_models(session)), session.samples.current


def _show_remark(session: LabSession) -> None:
    """Show the last label until the next stroke, then the first issue of the drawing."""
    drawing = session.canvas.drawing
    if drawing.digit is not None:
        session.samples.forget_last()
        if drawing.is_example:
            st.caption("Was it right? Tap the digit. An MNIST digit does not count as your handwriting.")
        elif drawing.issues:
            st.caption(_describe(drawing.issues[0], list(predicting_models(session).values())[-1], drawing.digit))
        elif not len(session.samples):
            st.caption("Was it right? Tap the digit you drew.")
    elif session.canvas.notice:
        st.caption(session.canvas.notice)
    elif session.samples.last_label is not None:
        _show_last_label(session)


def _show_last_label(session: LabSession) -> None:
    samples = session.samples
    saved = f"{'Saved as' if session.saving.is_saved else 'Labelled'} **{samples.last_label}**."
    with st.container(key="last_label", horizontal=True, vertical_alignment="center", gap="small"):
        if found := samples.contradiction:
            st.markdown(
                f"{saved} The network is {formatting.percent(found.confidence)} sure of a **{found.digit}**.", width="content"
            )
            st.button(f"It is a {found.digit}", key="accept_contradiction", on_click=samples.accept_contradiction)
            st.button(f"Keep {samples.last_label}", key="keep_label", on_click=samples.keep_label)
        else:
            st.markdown(saved, width="content")
        st.button("Undo", key="undo_label", on_click=session.undo_label, type="tertiary")


def _describe(issue: QualityIssue, model: ModelBundle, digit: Any) -> str:
    """Describe an issue, with the prediction before and after a correction."""
    if issue.digit is None:
        return issue.sentence
    predictor = resources.predictor(model)
    before, after = (int(predictor.probabilities(one[None])[0].argmax()) for one in (digit, issue.digit))
    return f"{issue.sentence} Prediction with {issue.fix}: {before} → {after}."


def _show_flash(session: LabSession) -> None:
    """Show the outcome of the last import or deletion."""
    if session.flash:
        with st.container(horizontal=True, vertical_alignment="center"):
            (st.error if session.is_flash_error else st.info)(session.flash)
            if session.samples.can_undo:
                st.button("Undo", key="undo_samples", on_click=session.undo_samples, width=140)


def _show_expanders(session: LabSession) -> None:
    """Draw the expanders with details and tools."""
    for key, (title, view) in EXPANDERS.items():
        expander = st.expander(title, key=f"expander_{key}", on_change="rerun")
        if expander.open:
            show = importlib.import_module(f"pages.views.draw.{view}").show
            with expander:
                show(*((session, predicting_models(session)) if key == "why" else (session,)))


main(layout.begin_page(layout.DRAW))
