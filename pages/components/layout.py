"""The frame of every page: its title, and the bar with page links and the state of the lab."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from digitcore.config import load_config
from digitcore.errors import ConfigError
from pages.components import assets
from pages.components.known_labs import known_labs
from pages.components.model_selector import model_selector
from pages.components.work import page_state
from pages.session import class_actions, formatting, persistence, resources, settings_link, state
from pages.session.lab_session import LabSession
from pages.session.model_library import REQUIRED_MODELS

MY_LAB, DRAW, TRAIN, EVALUATE = "streamlit_app.py", "pages/Draw.py", "pages/Train.py", "pages/Evaluate.py"
PAGES = {
    DRAW: ("Draw", ":material/draw:"),
    TRAIN: ("Train", ":material/school:"),
    EVALUATE: ("Evaluate", ":material/bar_chart:"),
    MY_LAB: ("My lab", ":material/home:"),
}
ICON = "data:image/png;base64," + base64.b64encode(Path(__file__).with_name("icon.png").read_bytes()).decode()


def begin_page(page: str) -> LabSession:
    """Set up the page, restore the session, collect ended jobs and draw the bar. Return the session."""
    name, _ = PAGES[page]
    st.set_page_config(page_title=f"{name} · Digit Lab", page_icon=ICON, layout="wide")
    check_config()
    session = state.lab_session()
    persistence.restore(session)
    class_actions.begin(session)
    settings_link.read(session)
    state.mark_visited()
    session.collect()
    class_actions.follow(session)
    persistence.save(session)
    persistence.take_over(session)
    if page != MY_LAB and session.classroom.address:  # Only My lab shows an invitation or a projector.
        st.switch_page(MY_LAB, query_params=persistence.address(session))
    session.page_state = page_state(session)  # A save may end while the page is drawn. The next poll then draws the page again.
    assets.style("streamlit.css")
    assets.style("layout.css")
    _check_models(resources.shipped_names() if page in (MY_LAB, EVALUATE) else _names_in_use(session))
    _show_bar(session, page)
    known_labs(session)
    if page != DRAW:  # The Draw page shows the error below the canvas, because the canvas must not move.
        show_saving_error(session, page)
    return session


def page_link(session: LabSession, page: str, **options: Any) -> None:
    """Draw a link to a page that keeps the lab's address."""
    st.page_link(page, query_params=persistence.address(session), **options)


def check_config() -> None:
    """Show an error and stop the page if the server's configuration is not valid."""
    try:
        load_config()
    except ConfigError as error:
        st.error(str(error))
        st.stop()


def _names_in_use(session: LabSession) -> list[str]:
    """Return the names of the shipped models without which the page cannot work, and of the shipped model that is active."""
    active = session.models.active_name
    return list(dict.fromkeys([*REQUIRED_MODELS, *([active] if active in resources.shipped_names() else [])]))


def _check_models(names: Sequence[str]) -> None:
    """Show the errors of damaged models. Stop the page if a required model is damaged."""
    for name in names:
        if error := resources.model_error(name):
            st.error(error)
    if any(resources.model_error(name) for name in REQUIRED_MODELS):
        st.stop()


def _show_bar(session: LabSession, page: str) -> None:
    """Draw the page links, the choice of the active model and the state of the lab."""
    with st.container(key="bar", horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.html(assets.render("name.html"), width="content")
        with st.container(key="pages", horizontal=True, gap="xsmall", width="content"):  # at the bottom of a narrow screen
            for path, (label, symbol) in PAGES.items():
                page_link(session, path, label=label, icon=symbol)
        with st.container(key="state", horizontal=True, vertical_alignment="center", horizontal_alignment="right", gap="small"):
            model_selector(session, has_comparison=page == DRAW)
            st.html(assets.render("status.html", drawings=_drawings(session), saving=_saving(session)), width="content")


def _drawings(session: LabSession) -> str:
    """Return the number of drawings. For a pupil, it is the number that counts in the class, or that the pupil was removed."""
    room, samples = session.classroom.room, session.samples.current
    if room is None or session.classroom.is_teacher:
        return formatting.samples(samples)
    if not session.classroom.is_pupil:
        return f"Removed from {room.name}"
    n = len(session.classroom.counted(samples))
    return f"{n} of {room.options.max_drawings} drawings in {room.name}"  # A narrow screen cuts the end.


def show_saving_error(session: LabSession, page: str) -> None:
    """Show the reason why the lab is not saved. The notice about a copy is shown on the first page only."""
    if session.saving.view_token and not session.saving.awaited_token:
        if session.saving.takes_notice(page):
            st.info(session.saving.notice, icon=":material/content_copy:")
    elif error := persistence.error(session):
        st.warning(error, icon=":material/cloud_off:")


def _saving(session: LabSession) -> str:
    """Return the state of saving in a word; "" if there is nothing to save yet."""
    if session.saving.is_saved:
        return "Saved"
    if session.saving.view_token:
        return "Copy"
    if persistence.error(session):
        return "Not saved"
    return "Saving …" if session.saving.is_behind else ""
