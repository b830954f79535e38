"""The wall: the drawings of the class, digit by digit."""

import streamlit as st

from digitcore.classroom import overview
from digitcore.storage.classes import StoredClass
from pages.components import class_tiles, figures
from pages.session import formatting
from pages.session.lab_session import LabSession

MAX_SHOWN = 60  # drawings of a digit


def show(session: LabSession, room: StoredClass) -> None:
    """Draw the newest drawings of each digit, in turn from each pupil."""
    drawings = session.classroom.drawings
    counts = drawings.samples.counts()
    for digit in room.options.digits:
        shown = overview.wall(drawings, digit, MAX_SHOWN)
        st.markdown(f"**{digit}** · {formatting.drawings(counts[digit])}")
        if len(shown):
            columns = min(len(shown), class_tiles.WALL_COLUMNS)
            figures.picture(class_tiles.mosaic(shown, columns), f"Drawings of the digit {digit}", f"{44 * columns}px")
        else:
            st.caption("Nobody has drawn this digit.")
