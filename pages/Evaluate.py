"""The Evaluate page: the comparison of models, with one view for each kind of result."""

import streamlit as st

from digitcore.storage.lab_models import MAX_COMPARED
from pages.components import layout
from pages.components.model_choice import Models
from pages.components.work import work_area
from pages.session import resources, state, training_summary, turns
from pages.session.lab_session import LabSession
from pages.views.evaluate import (
    calibration,
    checks,
    confusion,
    curves,
    dataset,
    epochs,
    feature_map,
    headline,
    misclassified,
    own_drawings,
    pair,
    report,
    robustness,
    score_table,
    trainings,
)

VIEWS = {  # The keys are part of links.
    "map": ("Map", feature_map),
    "errors": ("Errors", misclassified),
    "curves": ("Curves", curves),
    "drawings": ("Handwriting", own_drawings),
    "confusion": ("Confusion", confusion),
    "pair": ("Compare two", pair),
    "confidence": ("Confidence", calibration),
    "robustness": ("Robustness", robustness),
    "trainings": ("Trainings", trainings),
    "epochs": ("Epochs", epochs),
    "mnist": ("MNIST", dataset),
    "checks": ("Checks", checks),
}
DEFAULT_VIEW = "map"
INTRODUCTION = (
    "You have not trained a network yet. Here you see later whether a training has made it better. Until then, compare the "
    "shipped models on MNIST, a public set of handwritten digits."
)
SELECTBOX_WIDTH = 160  # px; two select boxes fit side by side on a phone


def main(session: LabSession) -> None:
    """Draw the page from top to bottom."""
    resources.jobs().warm_up()
    with st.container(key="title", horizontal=True, vertical_alignment="center"):
        st.title("Evaluate", anchor=False, width="content")
        progress = st.container(key="progress")
    if not resources.has_mnist():
        st.warning(training_summary.NO_MNIST)
    if not session.models.runs:
        _show_introduction(session)
    models = _choose_models(session)
    with st.container(key="headline"):
        headline.show(session, models)
    with st.container(key="comparison"):
        before = state.seed_widget("view", session.models.view if session.models.view in VIEWS else DEFAULT_VIEW)
        view = st.segmented_control(
            "View",
            list(VIEWS),
            default=before,
            required=True,
            key="view",
            format_func=lambda slug: VIEWS[slug][0],
            label_visibility="collapsed",
            persist_state="session",
        )
        session.models.choose_view("" if view in (None, DEFAULT_VIEW) else str(view))
        VIEWS[view or DEFAULT_VIEW][1].show(session, models)
    with st.container(key="models"):
        score_table.show(session, models)
    report.show(session, models)
    with progress:
        work_area(session)


def _show_introduction(session: LabSession) -> None:
    """Tell a visitor without a training how to compare their own network, and on which digits models are compared."""
    with st.container(key="introduction", horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(INTRODUCTION, width="content")
        layout.page_link(session, layout.DRAW, label="Teach a network", icon=":material/draw:")


def _choose_models(session: LabSession) -> Models:
    """Let the user choose baseline, candidate and more models. All views show the same models.

    The default pair is the active model and the model that it started from.
    """
    every = session.models.comparable(session.default_start)
    compared = session.models.compared(session.default_start)
    key = f"{'_'.join(session.models.pair(session.default_start))}_{len(every)}"
    first, second, *added = [*compared, "", ""][: max(2, len(compared))]  # A damaged model is not compared.
    names = list(every)
    with st.container(key="pair", horizontal=True, vertical_alignment="bottom"):
        baseline = _choose("Baseline", names, first, f"baseline_{key}")
        names.remove(baseline)
        candidate = _choose("Candidate", names, second, f"candidate_{baseline}_{key}")
        names.remove(candidate)
        more = st.multiselect(
            "More models",
            names,
            [name for name in added if name in names],
            max_selections=MAX_COMPARED - 2,
            select_all=False,
            key=f"models_{baseline}_{candidate}_{key}",
            persist_state="session",
            placeholder="Add models",
            help="The list shows your runs, newest first, and then the shipped models.",
        )
    chosen = [baseline, candidate, *more]
    session.models.set_compared(chosen)
    return {name: every[name] for name in chosen}


def _choose(label: str, names: list[str], default: str, key: str) -> str:
    index = names.index(default) if default in names else 0
    return str(st.selectbox(label, names, index, key=key, persist_state="session", width=SELECTBOX_WIDTH))


with turns.turn():
    main(layout.begin_page(layout.EVALUATE))
