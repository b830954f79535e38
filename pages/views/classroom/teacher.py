"""The view of a teacher: the join code, the pupils, and what the class has drawn."""

import importlib

import streamlit as st

from digitcore.classroom import overview, rules
from digitcore.evaluation.score import Score
from digitcore.storage.classes import StoredClass
from pages.components import class_tiles
from pages.components.reveal import reveal
from pages.session import class_actions, formatting, persistence, resources
from pages.session.classroom import PROJECTOR_PARAMETER
from pages.session.lab_session import LabSession
from pages.session.model_library import PRETRAINED
from pages.views.classroom.links import join_link

VIEWS = {  # slug → title, module of pages.views.classroom
    "pupils": ("Pupils", "pupils"),
    "wall": ("Wall", "wall"),
    "labels": ("Labels in doubt", "labels"),
    "train": ("Train", "training"),
    "leave_out": ("Leave one out", "leave_out"),
    "handwriting": ("Handwriting", "handwriting"),
    "after": ("Options and end", "after"),
}


def show(session: LabSession) -> None:
    """Draw the state of the class, and the chosen view."""
    room = session.classroom.room
    if room is None:
        return
    with st.container(key="class", border=True):
        _show_head(session, room)
        _show_notice(session)
        view = st.segmented_control(
            "View of the class",
            list(VIEWS),
            default="pupils",
            required=True,
            key="class_view",
            format_func=lambda slug: VIEWS[slug][0],
            label_visibility="collapsed",
            persist_state="session",
        )
        importlib.import_module(f"pages.views.classroom.{VIEWS[view or 'pupils'][1]}").show(session, room)


def summary(session: LabSession, room: StoredClass) -> str:
    """Return the number of pupils and drawings, and the digits that nobody has drawn."""
    drawings = session.classroom.drawings
    missing = overview.missing(drawings, room.options.digits) if len(drawings) else []
    counts = f"{formatting.plural(len(drawings.pupils), 'pupil')}, {formatting.drawings(len(drawings))}."
    return counts + f" Missing: {', '.join(map(str, missing))}." * bool(missing)


def tiles(session: LabSession, room: StoredClass) -> tuple[list[overview.Tile], str]:
    """Return the tiles of the pupils, and a sentence about the share that they show."""
    model, drawings = session.classroom.model, session.classroom.drawings
    reader = model or session.resources.shipped(PRETRAINED)
    predictions = resources.probabilities(reader, drawings.samples.digits).argmax(1)
    learnt = room.state.learnt if model else frozenset()
    note = f"Read: drawings that {reader.name} predicts correctly." + " Its training drawings do not count." * bool(model)
    return overview.tiles(drawings, predictions, learnt), note


def total(found: list[overview.Tile]) -> Score:
    """Return the score of the model on the drawings of all pupils."""
    return Score.from_counts(sum(tile.read.correct for tile in found), sum(tile.read.n for tile in found))


def _show_head(session: LabSession, room: StoredClass) -> None:
    with st.container(key="class_head", horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{formatting.escape(room.name)}**: {summary(session, room)}", width="stretch")
        code = f"Join code: **{room.code}**" if room.is_open else "Joining is closed."
        st.markdown(code, width="content")
        with st.popover("Show QR code", disabled=not room.is_open):
            class_tiles.invitation(room.name, room.code, join_link(room.code), "Scan the code, or type the letters on My lab.")
        st.button(
            "Close joining" if room.is_open else "Open joining",
            key="class_open",
            on_click=_set_open,
            args=(session, not room.is_open),
            help=f"Joining closes by itself after {rules.JOIN_MINUTES} minutes.",
        )
        token = persistence.view_address(session).get("view", "")
        st.link_button(
            "Projector",
            f"?{PROJECTOR_PARAMETER}={token}",
            icon=":material/open_in_new:",
            help="This opens a page for a screen that everybody sees. Its address cannot change the class, unlike the address of "
            "My lab.",
        )
    if len(session.classroom.drawings.pupils) >= rules.MAX_PUPILS:
        st.warning(
            f"The class is full: it has {rules.MAX_PUPILS} pupils. Close joining, and remove the pupils whom you do not know."
        )
    reveal("class_head", room.id)  # The form that starts a class is far below.


def _set_open(session: LabSession, is_open: bool) -> None:
    if classes := resources.classes():
        class_actions.update(session, lambda room: classes.set_open(room.id, is_open))


def _show_notice(session: LabSession) -> None:
    classroom = session.classroom
    if classroom.notice:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.info(formatting.escape(classroom.notice))
            if undo := classroom.undo:
                st.button("Undo", key="class_undo", on_click=class_actions.decide, args=(session, undo), width=140)
