"""The line below the canvas: the button that trains, and one sentence about the drawing, the last label or the next step."""

import numpy as np
import streamlit as st

from digitcore.data.quality import QualityIssue
from digitcore.models.bundle import ModelBundle
from digitcore.storage import learnt
from pages.components.model_selector import predicting_models
from pages.session import formatting, resources
from pages.session.classroom import NO_TRAINING
from pages.session.lab_session import LabSession
from pages.views.draw import teaching
from pages.views.draw.outcome import N_TESTED, ask_for_drawings

NO_LABELS = "Draw and label a digit first."


def show(session: LabSession) -> None:
    """Draw the button and the sentence."""
    with st.container(key="feedback", horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        st.button(
            "Train",
            key="train",
            type="primary",
            disabled=not len(session.samples) or session.training_job is not None or not session.classroom.may_train,
            help=_reason(session),
            on_click=_train,
            args=(session,),
            width="content",
        )
        with st.container(key="remark", gap="xsmall"):
            _show_remark(session)


def _reason(session: LabSession) -> str | None:
    """Return why the button cannot be pressed; `None` if it can."""
    if not session.classroom.may_train:
        return NO_TRAINING
    return None if len(session.samples) else NO_LABELS


def _train(session: LabSession) -> None:
    session.samples.forget_last()
    session.start_training()


def _show_remark(session: LabSession) -> None:
    """Show an error, a remark about the drawing, the last label until the next stroke, or the next step."""
    drawn, samples = session.canvas, session.samples
    if drawn.drawing.digit is not None:
        samples.forget_last()
    if error := drawn.error or drawn.refusal:
        st.markdown(f":red[**{formatting.escape(error)}**]")
    elif drawn.drawing.digit is not None:
        st.markdown(_describe_drawing(session, drawn.drawing.digit))
    elif drawn.notice:
        st.markdown(drawn.notice)
    elif samples.last_label is not None:
        _show_last_label(session)
    elif session.training_job is not None:
        st.markdown("The network is learning from your drawings.")
    elif len(samples):
        st.markdown(f"{formatting.samples(samples.current)}. {_next_step(session)}")
    else:
        st.markdown(teaching.invitation(session) or "Draw a digit.")


def _next_step(session: LabSession) -> str:
    """Ask for the drawings of the test after a training, or suggest the next digit until each digit has a drawing."""
    samples, record = session.samples.current, session.models.active_run
    if record is not None and (n_tested := len(learnt.labelled_after(samples, record))) < N_TESTED:
        return ask_for_drawings(n_tested)
    return "Ready to train." if all(samples.drawn_part().counts()) else session.suggestion().sentence


def _describe_drawing(session: LabSession, digit: np.ndarray) -> str:
    """Return the first issue of the drawing, or ask for its label."""
    drawing, model = session.canvas.drawing, session.shown_model
    if drawing.is_example:
        return "Was it right? Tap the digit. An MNIST digit does not count as your handwriting."
    if drawing.issues:
        return _describe_issue(drawing.issues[0], list(predicting_models(session).values())[-1], digit)
    return "Was it right? Tap the digit you drew." if model.card.trained else "It only guesses. Tap the digit you drew."


def _describe_issue(issue: QualityIssue, model: ModelBundle, digit: np.ndarray) -> str:
    """Describe an issue, with the prediction before and after a correction."""
    if issue.digit is None:
        return issue.sentence
    predictor = resources.predictor(model)
    before, after = (int(predictor.probabilities(one[None])[0].argmax()) for one in (digit, issue.digit))
    return f"{issue.sentence} Prediction with {issue.fix}: {before} → {after}."


def _show_last_label(session: LabSession) -> None:
    samples = session.samples
    saved = f"{'Saved as' if session.saving.is_saved else 'Labelled'} **{samples.last_label}**."
    with st.container(key="last_label", horizontal=True, vertical_alignment="center", gap="xsmall"):
        if found := samples.contradiction:
            name, sure = formatting.with_article(found.digit), formatting.percent(found.confidence)
            st.markdown(f"{saved} The network is {sure} sure of **{name}**.", width="content")
            st.button(f"It is {name}", key="accept_contradiction", on_click=samples.accept_contradiction)
            st.button(f"Keep {samples.last_label}", key="keep_label", on_click=samples.keep_label)
        else:
            st.markdown(saved, width="content")
        st.button("Undo", key="undo_label", on_click=session.undo_label, type="tertiary")
        if samples.contradiction is None:
            st.markdown(_next_step(session), width="content")
