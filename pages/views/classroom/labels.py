"""Labels of the class that a confident network contradicts."""

import numpy as np
import streamlit as st

from digitcore.classroom.pupils import ClassDrawings
from digitcore.data.label_issues import contradicted
from digitcore.storage.classes import StoredClass
from pages.components import gallery
from pages.session import class_actions, formatting, resources
from pages.session.classroom import remove_drawings
from pages.session.lab_session import LabSession
from pages.session.model_library import PRETRAINED


def show(session: LabSession, room: StoredClass) -> None:
    """Draw the doubtful drawings. Selected drawings can be removed from the class.

    Drawings that arrive during the review would move the others and undo the selection, so a button shows them.
    """
    classroom, model = session.classroom, session.resources.shipped(PRETRAINED)
    if classroom.reviewed is None:
        classroom.review()
    drawings = classroom.reviewed or classroom.drawings
    with st.container(horizontal=True, vertical_alignment="center"):
        is_all = st.toggle("Show all drawings", key="class_all_drawings")
        n_new = len(classroom.drawings) - len(drawings)
        if drawings is not classroom.drawings:
            label = f"Show {n_new:,} more" if n_new > 0 else "Show changes"
            st.button(label, key="class_review", type="tertiary", on_click=classroom.review)
    probabilities = resources.probabilities(model, drawings.samples.digits)
    found = contradicted(drawings.samples.labels, probabilities, model.card.confidence_threshold)
    numbers = np.arange(len(drawings))[::-1] if is_all else np.flatnonzero(found)
    if not len(numbers):
        st.caption("No drawing." if is_all else f"{model.name} contradicts no label.")
        return
    if not is_all:
        st.caption(f"{model.name} is sure of another digit. The label or the drawing may be wrong.")
    predictions = probabilities.argmax(1)
    cells = [gallery.Cell(int(i), drawings.samples.digits[i], _caption(drawings, predictions, int(i))) for i in numbers]
    selected = gallery.multi_gallery(cells, f"class_labels_{len(drawings)}_{is_all}", len(numbers))
    if selected:
        _show_removal(session, drawings, selected)


def _caption(drawings: ClassDrawings, predictions: np.ndarray, i: int) -> str:
    label, nickname = int(drawings.samples.labels[i]), drawings.pupils[drawings.owners[i]].nickname
    return f"{nickname}: {label}" + f", read {predictions[i]}" * bool(predictions[i] != label)


def _show_removal(session: LabSession, drawings: ClassDrawings, selected: list[int]) -> None:
    hashes = frozenset(drawings.samples.digit_hashes[i] for i in selected)
    st.button(
        f"Remove {formatting.drawings(len(selected))} from the class",
        key="class_remove_drawings",
        on_click=class_actions.decide,
        args=(
            session,
            remove_drawings(hashes, True),
            f"{formatting.drawings(len(selected))} removed from the class.",
            remove_drawings(hashes, False),
        ),
    )
