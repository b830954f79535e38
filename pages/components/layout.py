"""The frame around every page: title, and the bar above it with navigation, active model, number of drawings, saving."""

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

MY_LAB, DRAW, TRAIN, EVALUATE = "streamlit_app.py", "pages/Draw.py", "pages/Train.py", "pages/Evaluate.py"
PAGES = {
    DRAW: ("Draw", ":material/draw:"),
    TRAIN: ("Train", ":material/school:"),
    EVALUATE: ("Evaluate", ":material/bar_chart:"),
    MY_LAB: ("My lab", ":material/home:"),
}
ICON = str(Path(__file__).with_name("icon.png"))


def begin_page(page: str) -> LabSession:
    """Set the page up, draw the bar above it, take over what jobs have finished; returns the session."""
    name, _ = PAGES[page]
    st.set_page_config(page_title=f"{name} · Digit Lab", page_icon=ICON, layout="wide")
    _check_config()
    session = state.lab_session()
    autosave.restore(session)
    settings_link.read(session)
    state.mark_visited()
    session.collect_training()
    session.collect_import()
    autosave.save(session)
    assets.style("streamlit.css")
    assets.style("layout.css")
    _check_models(registry.names() if page in (MY_LAB, EVALUATE) else list(REQUIRED_MODELS))
    _show_bar(session)
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


def _show_bar(session: LabSession) -> None:
    """Links to the pages, and the state of the lab."""
    with st.container(key="bar", horizontal=True, vertical_alignment="center", gap="xsmall"):
        for path, (label, symbol) in PAGES.items():
            page_link(session, path, label=label, icon=symbol)
        is_changing = session.saving.is_behind or session.training_job is not None
        status = st.fragment(_show_status, run_every=polling.SLOW if is_changing else None)
        status(session, _status(session))


def show_saving_error(session: LabSession) -> None:
    """Why the lab is not saved, in the main area."""
    if session.saving.view_token and not session.saving.awaited_token:
        st.info(session.saving.notice, icon=":material/content_copy:")
    elif error := autosave.error(session):
        st.warning(error, icon=":material/cloud_off:")


def _status(session: LabSession) -> tuple[Any, ...]:
    """What the rest of the page depends on."""
    return autosave.error(session), session.saving.is_saved, len(session.samples), session.training_job


def _show_status(session: LabSession, shown: tuple[Any, ...]) -> None:
    """Active model, drawings, saving, training; the whole page is drawn anew when one of them has changed."""
    autosave.restore(session)
    session.collect_training()
    if _status(session) != shown:
        st.rerun()
    st.html(
        assets.render(
            "status.html",
            model=session.active_model.name,
            drawings=text.drawings(len(session.samples)),
            saving=_saving(session),
            training=_training(session),
        )
    )


def _training(session: LabSession) -> str:
    """How far the training or the scoring under way is; "" when there is none."""
    job, task = session.training.job, session.training.task
    if job and task:
        return f"Training: {text.training_progress(job, task.settings.epochs)}"
    return text.scoring_progress(session.scoring.progress) if session.scoring.job else ""


def _saving(session: LabSession) -> str:
    """The state of saving in a word or two; "" before there is anything to save."""
    if session.saving.is_saved:
        return "Autosaved"
    if session.saving.view_token:
        return "Copy"
    if autosave.error(session):
        return "Not saved"
    return "Saving …" if session.saving.is_behind else ""
