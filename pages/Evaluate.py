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
SEED = "plain"  # the common network of the tutorials, beside ours while nothing is trained


def choose_models():
    """The models to compare, by name: at first the initial and the trained one, later the last choice and each new run."""
    every = lab.every_model()
    fresh = [lab.trained.name] if lab.trained and lab.compared_made != lab.made else []
    chosen = [*(lab.compared or [lab.first.name, *([] if lab.trained else [SEED])]), *fresh]
    names = st.multiselect(
        "Models",
        list(every),
        default=[name for name in dict.fromkeys(chosen) if name in every][-MOST:],
        max_selections=MOST,
        key=f"models_{'_'.join(one.name for one in lab.runs)}",
        persist_state="session",
        placeholder="Choose models",
        help="Your runs, newest first, then the shipped models.",
    )
    lab.compared, lab.compared_made = names, lab.made
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
