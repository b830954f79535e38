"""Evaluate: which model is better, by how much, where, and is it luck?"""

import streamlit as st

from pages.shared import caches, frame, results, words
from pages.views import calibration, confusion, dataset, depth, drawings, losses, misread, stress, table

VIEWS = {
    "Loss": losses,
    "Two in depth": depth,
    "Confusion": confusion,
    "Misread": misread,
    "Calibration": calibration,
    "Stress": stress,
    "Your drawings": drawings,
    "Data set": dataset,
}
MOST = 6  # models side by side


def choose_models():
    """The models to compare, by name; at first the initial and the trained one."""
    every = lab.every_model()
    first = [lab.first.name, lab.trained.name] if lab.trained else [lab.first.name, "plain"]
    names = st.multiselect(
        "Models",
        list(every),
        default=[name for name in dict.fromkeys(first) if name in every],
        max_selections=MOST,
        key=f"models_{lab.made}",
        persist_state="session",
        help="Your runs, newest first, then the shipped models.",
    )
    return {name: every[name] for name in names}


lab = frame.begin(frame.EVALUATE)
caches.jobs().warm()
st.title("Evaluate", anchor=False)
if not caches.has_mnist():
    st.warning(words.NO_MNIST)
models = choose_models()
progress = st.container(key="progress", height=56, border=False)
with st.container(key="comparison"):
    if models:
        table.show(lab, models)
        view = st.segmented_control(
            "View", list(VIEWS), default="Loss", required=True, key="view", label_visibility="collapsed", persist_state="session"
        )
        VIEWS[view or "Loss"].show(lab, models)
    else:
        st.markdown("Choose a model to see its figures.")
with progress:
    results.show_progress(lab)
