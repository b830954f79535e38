"""The frame around every page: title, navigation, the active model, the number of samples."""

from pathlib import Path
from typing import Any

import streamlit as st

from digitcore.config import load_config
from digitcore.errors import ConfigError
from digitcore.models import registry
from pages.components import assets
from pages.session import autosave, polling, resources, settings_link, state, text
from pages.session.lab_session import LabSession
from pages.session.model_library import REQUIRED_MODELS

HOME, DRAW, TRAIN, EVALUATE = "streamlit_app.py", "pages/Draw.py", "pages/Train.py", "pages/Evaluate.py"
PAGES = {
    HOME: ("Home", ":material/home:"),
    DRAW: ("Draw", ":material/draw:"),
    TRAIN: ("Train", ":material/school:"),
    EVALUATE: ("Evaluate", ":material/bar_chart:"),
}
ICON = str(Path(__file__).with_name("icon.png"))


def begin_page(page: str) -> LabSession:
    """Set the page up, draw its sidebar, take over what jobs have finished; returns the session."""
    name, _ = PAGES[page]
    st.set_page_config(page_title=f"{name} · Digit Lab", page_icon=ICON, layout="wide", initial_sidebar_state="auto")
    _check_config()
    session = state.lab_session()
    autosave.restore(session)
    settings_link.read(session)
    state.mark_visited()
    session.collect_training()
    session.collect_import()
    autosave.save(session)
    assets.style("layout.css")
    _check_models(registry.names() if page in (HOME, EVALUATE) else list(REQUIRED_MODELS))
    with st.sidebar:
        st.markdown("#### Digit Lab")
        for path, (label, symbol) in PAGES.items():
            page_link(session, path, label=label, icon=symbol, width="stretch")
        st.divider()
        _show_status(session)
    if page != DRAW:  # Draw shows it below the canvas, which must not move
        show_saving_error(session)
    return session


def page_link(session: LabSession, page: str, **options: Any) -> None:
    """A link to a page that keeps the lab's address: the browser's Back then leads from page to page."""
    st.page_link(page, query_params=autosave.address(session), **options)


def _check_config() -> None:
    """End the page where the server's configuration cannot be used."""
    try:
        load_config()
    except ConfigError as error:
        st.error(str(error))
        st.stop()


def _check_models(names: list[str]) -> None:
    """Say which of the shipped models are damaged; end the page where no page works without one."""
    for name in names:
        if error := resources.model_error(name):
            st.error(error)
    if any(resources.model_error(name) for name in REQUIRED_MODELS):
        st.stop()


def _show_status(session: LabSession) -> None:
    st.caption(f"Model in use: **{text.escape(session.active_model.name)}**")
    st.caption(f"{text.drawings(len(session.samples))} labelled")
    saving = session.saving
    st.fragment(_show_saving, run_every=polling.SLOW if saving.is_behind else None)(session, _saving_status(session))
    if session.training.job:
        st.fragment(_watch_training, run_every=polling.SLOW)(session)


def show_saving_error(session: LabSession) -> None:
    """Why the lab is not saved, in the main area."""
    if error := autosave.error(session):
        st.warning(error, icon=":material/cloud_off:")


def _saving_status(session: LabSession) -> tuple[str, bool, int]:
    return autosave.error(session), session.saving.is_saved, len(session.samples)


def _show_saving(session: LabSession, shown: tuple[str, bool, int]) -> None:
    """Whether the lab is in the store; the whole page is drawn anew when that changes."""
    autosave.restore(session)
    if _saving_status(session) != shown:
        st.rerun()
    if autosave.error(session):
        st.caption(":material/cloud_off: Not saved")
    elif session.saving.is_behind:
        st.caption(":material/cloud_upload: Saving …")
    elif session.saving.state:
        st.caption(
            ":material/cloud_done: Saved", help="The address of this page opens this lab again. Who has the address has the lab."
        )


def _watch_training(session: LabSession) -> None:
    """One line while a training runs; the whole page is drawn anew when it ends."""
    if session.collect_training():
        st.rerun()
    job, task = session.training.job, session.training.task
    if job and task:
        st.caption(f":material/model_training: Training: {text.training_progress(job, task.settings.epochs)}")
