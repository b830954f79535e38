"""Evaluate: which model is better, by how much, where, and is it significant?"""

import streamlit as st

from pages.components import layout
from pages.components.model_widgets import Models
from pages.components.query_progress import query_progress
from pages.session import resources, text
from pages.session.lab_session import LabSession
from pages.session.model_library import MAX_COMPARED
from pages.views.evaluate import (
    calibration,
    confusion,
    curves,
    dataset,
    misclassified,
    own_drawings,
    pair,
    robustness,
    score_table,
)

VIEWS = {
    "Loss": curves,
    "Compare two": pair,
    "Confusion": confusion,
    "Errors": misclassified,
    "Confidence": calibration,
    "Robustness": robustness,
    "My drawings": own_drawings,
    "MNIST": dataset,
}
DEFAULT_VIEW = "Loss"


def main(session: LabSession) -> None:
    """The page from top to bottom."""
    resources.jobs().warm_up()
    st.title("Evaluate", anchor=False)
    if not resources.has_mnist():
        st.warning(text.NO_MNIST)
    models = _choose_models(session)
    progress = st.container(key="progress", height=56, border=False)
    with st.container(key="comparison"):
        if models:
            score_table.show(session, models)
            view = st.segmented_control(
                "View",
                list(VIEWS),
                default=DEFAULT_VIEW,
                required=True,
                key="view",
                label_visibility="collapsed",
                persist_state="session",
            )
            VIEWS[view or DEFAULT_VIEW].show(session, models)
        else:
            st.markdown("Choose a model to see its figures.")
    with progress:
        query_progress(session)


def _choose_models(session: LabSession) -> Models:
    """The models to compare: the active model against what it started from, and what the user has added."""
    every = session.models.every_model()
    compared = session.models.compared(session.default_start)
    names = st.multiselect(
        "Models",
        list(every),
        default=compared,
        max_selections=MAX_COMPARED,
        key=f"models_{'_'.join(session.models.pair(session.default_start))}_{len(every)}",
        persist_state="session",
        placeholder="Choose models",
        help="Your runs, newest first, then the shipped models.",
    )
    session.models.set_compared(names)
    return {name: every[name] for name in names}


main(layout.begin_page(layout.EVALUATE))
