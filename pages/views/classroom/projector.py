"""The page for a projector: the join code and the tiles of all pupils. It can change nothing."""

import streamlit as st

from digitcore.evaluation.score import Score
from pages.components import assets, class_tiles
from pages.session import formatting
from pages.session.lab_session import LabSession
from pages.views.classroom import teacher
from pages.views.classroom.links import join_link

MAX_BESIDE_LARGE_CODE = 18  # tiles. They fill the rest of a screen of 1920 × 1080 pixels.


def show(session: LabSession) -> None:
    """Draw the class in letters that can be read from ten metres."""
    assets.style("class_tiles/projector.css")
    room = session.classroom.room
    if room is None:
        st.warning("This address shows no class. Open the projector from the teacher's page My lab.")
        return
    found, note = teacher.tiles(session, room)
    score: Score = teacher.total(found)
    read = f" The network reads {formatting.percent(score.accuracy)}." if score.n else ""
    code = room.code if room.is_open else ""
    with st.container(key="projector"):
        is_large = room.is_open and len(found) <= MAX_BESIDE_LARGE_CODE
        class_tiles.invitation(room.name, code, join_link(room.code), teacher.summary(session, room) + read, is_large)
        class_tiles.tiles(found, note, is_large=True)
