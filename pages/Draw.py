"""Draw: what does the network read? A canvas, an answer after every stroke, and a lesson with one tap."""

import importlib

import streamlit as st

from pages.shared import answer, caches, canvas, frame, keeping, labels, pictures, state

INITIAL, TRAINED, BOTH = "Initial", "Trained", "Both"


def answering():
    """The models that answer, by the name that the page shows."""
    if lab.trained is None:
        return {lab.first.name: lab.first}
    models = {INITIAL: {lab.first.name: lab.first}, TRAINED: {lab.trained.name: lab.trained}}
    return models.get(state.value("answering") or TRAINED, models[INITIAL] | models[TRAINED])


def choose_answering():
    """Which of two models answers, or both."""
    if lab.trained is not None:
        st.segmented_control(
            "Which model answers",
            [INITIAL, TRAINED, BOTH],
            default=TRAINED,
            required=True,
            key="answering",
            persist_state="session",
            label_visibility="collapsed",
        )


def shown_elsewhere():
    """What a stroke may change outside its fragment: the browser sends a label pressed at once along with the stroke."""
    return lab.told, list(answering()), len(lab.samples)


@st.fragment
def draw(shown, below):
    """The canvas and its answer: only this runs after a stroke, so what does not change with one stands elsewhere."""
    keeping.keep(lab)
    with st.container(horizontal=True, gap="medium"):
        canvas.show(lab)
        with st.container(key="answer", width=420):
            choose_answering()
            models = answering()
            show_answer(models, lab.canvas.digit)
    with below.container(key="trail", height=64, border=False, gap="xsmall"):
        show_course(models, lab.canvas)
    if shown_elsewhere() != shown:
        st.rerun()


def show_answer(models, digit):
    """What each model makes of the digit."""
    probabilities = dict.fromkeys(models)
    if digit is not None:
        probabilities = {name: caches.predictor(model).probabilities(digit[None])[0] for name, model in models.items()}
        last = probabilities[list(models)[-1]]
        lab.canvas.guessed(int(last.argmax()), float(last.max()))
    answer.show(probabilities, digit, {name: model.card.unsure_below for name, model in models.items()})


def show_course(models, drawing):
    """The guesses stroke by stroke, and what may be wrong with the drawing."""
    if drawing.digit is None:
        return
    if drawing.drawn > 1:
        st.html(pictures.trail(drawing.trail))
    if drawing.remarks:
        st.caption(said(drawing.remarks[0], list(models.values())[-1], drawing.digit))


def said(remark, model, digit):
    """A remark, with the guess before and after its mend."""
    if remark.digit is None:
        return remark.sentence
    before, after = (int(caches.predictor(model).probabilities(one[None])[0].argmax()) for one in (digit, remark.digit))
    return f"{remark.sentence} With {remark.mend}: {before} → {after}."


def show_told():
    """What became of the last file, picture or deletion."""
    if lab.told:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.info(lab.told)
            if lab.before is not None:
                st.button("Take it back", key="take_back", on_click=lab.take_back, width=140)


def show_more(models):
    """Everything for the curious, one click away; what is closed is neither computed nor loaded."""
    drawers = {
        "why": ("Why this answer", "why", "show", (lab, models)),
        "own": ("Your drawings", "own", "show", (lab,)),  # a title that changes would close it
        "picture": ("Use a picture instead", "bringing", "show_pictures", (lab,)),
        "files": ("Take samples along, bring samples", "bringing", "show_files", (lab,)),
    }
    for key, (title, view, show, what) in drawers.items():
        drawer = st.expander(title, key=f"drawer_{key}", on_change="rerun")
        if drawer.open:
            with drawer:
                getattr(importlib.import_module(f"pages.views.{view}"), show)(*what)


lab = frame.begin(frame.DRAW)
above, below = st.container(), st.empty()
with above:
    draw(shown_elsewhere(), below)
    labels.show(lab)
canvas.show_choices(lab)
show_told()
show_more(answering())
