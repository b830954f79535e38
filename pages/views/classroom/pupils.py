"""A tile for each pupil, and the teacher's actions on a pupil."""

import streamlit as st

from digitcore.classroom.pupils import Pupil
from digitcore.classroom.rules import MAX_NAME
from digitcore.storage.classes import StoredClass
from pages.components import class_tiles
from pages.session import class_actions, formatting, resources, state
from pages.session.classroom import hide, remove_pupils
from pages.session.lab_session import LabSession
from pages.views.classroom import teacher
from pages.views.classroom.choice import choose_pupil


def show(session: LabSession, room: StoredClass) -> None:
    """Draw the tiles, and the actions on a chosen pupil."""
    class_tiles.tiles(*teacher.tiles(session, room))
    pupils = {pupil.id: pupil for pupil in (*session.classroom.drawings.pupils, *session.classroom.removed)}
    if not pupils:
        return
    names = {pupil.id: pupil.nickname for pupil in pupils.values()}
    chosen = choose_pupil(session, names, "class_pupil", "Choose a pupil to rename, hide or remove")
    if chosen in pupils:
        _show_actions(session, room, pupils[chosen])
    _show_without_drawings(session)


def _show_without_drawings(session: LabSession) -> None:
    """Offer to remove all pupils who have not drawn. A person can join many times to fill the class."""
    if idle := session.classroom.without_drawings:
        count = formatting.plural(len(idle), "pupil")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"{count} {'has' if len(idle) == 1 else 'have'} not drawn yet.", width="content")
            st.button(
                "Remove from the class",
                key="class_remove_idle",
                type="tertiary",
                on_click=class_actions.decide,
                args=(session, remove_pupils(idle, True), f"{count} removed.", remove_pupils(idle, False)),
            )


def _show_actions(session: LabSession, room: StoredClass, pupil: Pupil) -> None:
    is_hidden, is_removed = pupil.id in room.state.hidden, pupil.id in room.state.removed_pupils
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("Nickname", pupil.nickname, MAX_NAME, key=f"class_rename_{pupil.id}", width=240)
        st.button("Rename", key="class_rename", on_click=_rename, args=(session, pupil))
        st.button(
            "Show nickname" if is_hidden else "Hide nickname",
            key="class_hide",
            on_click=class_actions.decide,
            args=(session, hide(pupil.id, not is_hidden)),
        )
        notice = "" if is_removed else f"{pupil.nickname} was removed."
        undo = None if is_removed else remove_pupils(frozenset({pupil.id}), False)
        st.button(
            "Restore" if is_removed else "Remove",
            key="class_remove",
            on_click=class_actions.decide,
            args=(session, remove_pupils(frozenset({pupil.id}), not is_removed), notice, undo),
        )


def _rename(session: LabSession, pupil: Pupil) -> None:
    nickname = str(state.widget_value(f"class_rename_{pupil.id}") or "")
    if classes := resources.classes():

        def rename(room: StoredClass) -> StoredClass:
            classes.rename_pupil(room.id, pupil.id, nickname)
            return classes.change(room.id, hide(pupil.id, False))  # The pupil's page notices the new version.

        class_actions.update(session, rename)
        class_actions.follow(session)
