"""Whose handwriting is the most unusual? The map of MNIST's digits with a color for each pupil."""

import numpy as np
import streamlit as st

from digitcore import displays
from digitcore.jobs.tasks import HandwritingTask
from digitcore.storage.classes import StoredClass
from pages.components import presentation
from pages.components.figures import data_url
from pages.session import formatting
from pages.session.lab_session import LabSession
from pages.session.model_library import PRETRAINED

MAX_DRAWINGS = 600  # on the map; each pupil has the same share


def show(session: LabSession, room: StoredClass) -> None:
    """Draw the map, and name the pupils whose drawings differ most from those of the others."""
    drawings = session.classroom.drawings
    if len(drawings.active) < 2:
        st.caption("At least two pupils must have drawn.")
        return
    most = MAX_DRAWINGS // len(drawings.active)
    ranks = np.concatenate([np.arange(len(pupil.samples))[::-1] for pupil in drawings.pupils])
    chosen = np.flatnonzero(ranks < most)  # the newest drawings of each pupil
    samples, owners = drawings.samples.take(chosen), drawings.owners[chosen]
    if not st.toggle("Compute the map of the class", key="class_map"):
        st.caption("The map shows which drawings look similar to the network genius. It takes some seconds.")
        return
    found = session.work.result(HandwritingTask(session.resources.shipped(PRETRAINED), samples, owners))
    if found is None:
        st.caption("The first computation of the map takes some seconds.")
        return
    unusual = found.unusual(owners, len(drawings.pupils))
    order = [int(i) for i in np.argsort(-unusual) if not np.isnan(unusual[i])]
    ranked = [f"{formatting.escape(drawings.pupils[i].nickname)} ({unusual[i]:.2f})" for i in order]
    st.markdown(
        f"The most unusual handwriting: **{', '.join(ranked[:3])}**.",
        help="The number is the mean distance of a pupil's drawings to the nearest drawing of the same digit by another pupil, "
        "in the features of genius. 0 means that the network sees no difference.",
    )
    names = [drawings.pupils[owner].nickname for owner in owners]
    display = displays.pupil_map(found.map, samples.labels, names, [data_url(digit) for digit in samples.digits])
    presentation.show(display, "class_map_chart", "Click a pupil in the legend to highlight the pupil's drawings.")
