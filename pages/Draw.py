"""Draw: what does the network read? A canvas, an answer after every stroke, and a lesson with one tap."""

import streamlit as st

from pages.shared import answer, caches, canvas, frame, labels

UNSURE = 0.5  # for models whose card names no threshold
INITIAL, TRAINED, BOTH = "Initial", "Trained", "Both"


def answering():
    """The models that answer, by the name that the page shows."""
    if lab.trained is None:
        return {lab.first.name: lab.first}
    models = {INITIAL: {lab.first.name: lab.first}, TRAINED: {lab.trained.name: lab.trained}}
    chosen = st.segmented_control(
        "Which model answers",
        [INITIAL, TRAINED, BOTH],
        default=TRAINED,
        required=True,
        key="answering",
        persist_state="session",
        label_visibility="collapsed",
    )
    return models.get(chosen, models[INITIAL] | models[TRAINED])


@st.fragment
def draw():
    """The canvas and its answer: only this runs after a stroke."""
    with st.container(horizontal=True, gap="medium"):
        canvas.show(lab)
        with st.container(key="answer", width=480):
            show_answer(answering(), lab.canvas.digit)
    labels.show(lab)


def show_answer(models, digit):
    """What each model makes of the digit."""
    probabilities = dict.fromkeys(models)
    if digit is not None:
        probabilities = {name: caches.predictor(model).probabilities(digit[None])[0] for name, model in models.items()}
    answer.show(probabilities, digit, {name: model.card.figures.get("unsure_below", UNSURE) for name, model in models.items()})


lab = frame.begin(frame.DRAW)
draw()
