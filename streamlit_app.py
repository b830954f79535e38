"""My lab: the state of the loop, the lab's links and files, models. The first visit of a session goes straight to Draw."""

import streamlit as st

from pages.components import layout
from pages.session import state, text
from pages.session.lab_session import LabSession
from pages.session.training_data import training_data_sentence
from pages.views.my_lab import lab_file, lessons, model_files, sharing

DRAWERS = {
    "Lessons for a class": lessons.show,
    "Export a model": model_files.show_export,
    "Import a model": model_files.show_import_form,
}


def main(session: LabSession) -> None:
    """The page from top to bottom."""
    st.title("My lab", anchor=False)
    st.markdown("Draw digits, correct the predictions, train the network on your hand, and see whether it improved.")
    _show_steps(session)
    with st.container(key="whole"):
        sharing.show(session)
        lab_file.show(session)
    st.subheader("Models", anchor=False)
    model_files.show_table(session)
    for title, show in DRAWERS.items():
        drawer = st.expander(title, key=f"drawer_{title}", on_change="rerun")
        if drawer.open:
            with drawer:
                show(session)


def _show_steps(session: LabSession) -> None:
    """The loop with its present state."""
    run = session.models.active_run
    steps = [
        (
            layout.DRAW,
            "Draw",
            "A drawing is on the canvas." if session.canvas.drawing.digit is not None else "The canvas is empty.",
        ),
        (layout.DRAW, "Label", f"{text.drawings(len(session.samples))} labelled."),
        (layout.TRAIN, "Train", training_data_sentence(run.model.card) if run else "Nothing trained yet."),
        (layout.EVALUATE, "Compare", "Compared." if session.models.has_compared else "Nothing compared yet."),
    ]
    for number, (column, (page, title, status)) in enumerate(zip(st.columns(len(steps)), steps, strict=True), start=1):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{number}. {title}**  \n{status}")
            layout.page_link(session, page, label=f"Go to {layout.PAGES[page][0]}", icon=":material/arrow_forward:")


if state.is_first_visit():
    state.mark_visited()
    st.switch_page(layout.DRAW, query_params=st.query_params.to_dict())
main(layout.begin_page(layout.MY_LAB))
