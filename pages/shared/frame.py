"""The frame around every page: title, navigation, the model in use, the number of samples."""

from pathlib import Path

import streamlit as st

from digitcore import models
from digitcore.jobs import WAITING, Job
from pages.shared import caches, keeping, state, words
from pages.shared.lab import NEEDED, Lab

HOME, DRAW, TRAIN, EVALUATE = "streamlit_app.py", "pages/Draw.py", "pages/Train.py", "pages/Evaluate.py"
PAGES = {
    HOME: ("Home", ":material/home:"),
    DRAW: ("Draw", ":material/draw:"),
    TRAIN: ("Train", ":material/school:"),
    EVALUATE: ("Evaluate", ":material/bar_chart:"),
}
ICON = str(Path(__file__).with_name("icon.png"))
_STYLE = """<style>
.stMainBlockContainer { padding-top: 3.75rem }  /* so that a phone shows canvas and answer */
[data-testid=stCaptionContainer], [data-testid=stCaptionContainer] p { color: inherit; opacity: 0.9 }  /* readable: WCAG AA */
</style>"""
POLL = 0.5  # s between two looks at a job that runs
PATIENT = 2.0  # s between two looks at a job that waits in line, or from another page


def begin(page: str) -> Lab:
    """Set the page up, draw its sidebar, take over what a job has finished; returns the session's lab."""
    name, _ = PAGES[page]
    st.set_page_config(page_title=f"{name} · Digit Lab", page_icon=ICON, layout="wide", initial_sidebar_state="auto")
    lab = state.lab()
    keeping.find(lab)
    state.visited()
    lab.collect()
    lab.receive()
    keeping.keep(lab)
    st.html(_STYLE)
    _check_models(models.names() if page in (HOME, EVALUATE) else NEEDED)
    with st.sidebar:
        st.markdown("#### Digit Lab")
        for path, (label, symbol) in PAGES.items():
            st.page_link(path, label=label, icon=symbol, width="stretch")
        st.divider()
        _status(lab)
    return lab


def pace(job: Job | None) -> float | None:
    """How often to look at a job, in s; None when there is none."""
    return None if job is None else PATIENT if job.state == WAITING else POLL


def _check_models(names):
    """Say which of the shipped models are damaged; end the page where no page can do without one."""
    for name in names:
        if sentence := caches.damage(name):
            st.error(sentence)
    if any(caches.damage(name) for name in NEEDED):
        st.stop()


def _status(lab):
    st.caption(f"Model in use: **{lab.answers.name}**")
    st.caption(f"{words.drawings(len(lab.samples))} labelled")
    st.fragment(_show_saving, run_every=PATIENT if lab.kept and lab.kept.behind else None)(lab)
    if lab.training:
        st.fragment(_watch_training, run_every=PATIENT)(lab)


def _show_saving(lab):
    """Whether the lab is in the store."""
    if sentence := keeping.trouble(lab):
        st.caption(f":material/cloud_off: {sentence}")
    elif lab.kept and lab.kept.behind:
        st.caption(":material/cloud_upload: Saving …")
    elif lab.kept:
        st.caption(
            ":material/cloud_done: Saved", help="The address of this page opens this lab again. Who has the address has the lab."
        )


def _watch_training(lab):
    """One line while a training runs; the whole page is drawn anew when it ends."""
    if lab.collect():
        st.rerun()
    if lab.training:
        st.caption(f":material/model_training: Training: {words.progress(lab.training, lab.settings.epochs)}")
