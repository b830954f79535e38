"""The My lab page: state, links and files of the lab, its class and its models. The first visit of a session goes to Draw."""

from collections.abc import Callable

import streamlit as st

from pages.components import layout
from pages.components.work import work_area
from pages.session import class_actions, formatting, state, turns
from pages.session.lab_session import LabSession
from pages.session.training_data import training_data_sentence
from pages.views.my_lab import lab_file, lessons, lineage, model_files, sharing, versions

CLASS = "Start or join a class"


def _show_joining(session: LabSession) -> None:
    """Draw the form that starts or joins a class."""
    from pages.views.classroom import joining  # A visit without a class imports none of its views.

    joining.show(session)


EXPANDERS = {
    "Lessons for a class": lessons.show,
    "Lineage": lineage.show,
    "Versions of your drawings": versions.show,
    "Export a model": model_files.show_export,
    "Import a model": model_files.show_import_form,
}


def main(session: LabSession) -> None:
    """Draw the page from top to bottom."""
    if session.classroom.projector_token:
        from pages.views.classroom import projector

        work_area(session, lambda: projector.show(session), is_live=True)
        return
    if session.classroom.invitation:
        from pages.views.classroom import joining

        joining.show_invitation(session)
        return
    st.title("My lab", anchor=False)
    st.markdown("Draw digits, label them, train a network on your handwriting, and see whether the network improved.")
    work_area(session, lambda: _show_class(session), is_live=True)
    if session.classroom.membership is None:  # It is near the top, because pupils type the code on phones.
        _show_expander(session, CLASS, _show_joining)
    _show_steps(session)
    with st.container(key="whole"):
        sharing.show(session)
        lab_file.show(session)
    st.header("Models", anchor=False)
    model_files.show_table(session)
    for title, show in EXPANDERS.items():
        _show_expander(session, title, show)


def _show_expander(session: LabSession, title: str, show: Callable[[LabSession], None]) -> None:
    """Draw an expander. Its content is drawn when it is open."""
    expander = st.expander(title, key=f"expander_{title}", on_change="rerun")
    if expander.open:
        with expander:
            show(session)


def _show_class(session: LabSession) -> None:
    """Show the class of the lab, to its teacher or to a pupil."""
    if session.classroom.is_teacher:
        from pages.views.classroom import teacher

        teacher.show(session)
    elif session.classroom.membership:
        from pages.views.classroom import pupil

        pupil.show(session)
    elif session.classroom.left_class:
        from pages.views.classroom import pupil

        pupil.show_left(session)


def _show_steps(session: LabSession) -> None:
    """Show the four steps and the state of each."""
    run = session.models.active_run
    steps = [
        (
            layout.DRAW,
            "Draw",
            "A drawing is on the canvas." if session.canvas.drawing.digit is not None else "The canvas is empty.",
        ),
        (layout.DRAW, "Label", f"{formatting.samples(session.samples.current)} labelled."),
        (layout.TRAIN, "Train", training_data_sentence(run.model.card) if run else "No training yet."),
        (layout.EVALUATE, "Compare", "You have compared models." if session.models.has_compared else "No comparison yet."),
    ]
    for number, (column, (page, title, status)) in enumerate(zip(st.columns(len(steps)), steps, strict=True), start=1):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{number}. {title}**  \n{status}")
            layout.page_link(session, page, label=f"Go to {layout.PAGES[page][0]}", icon=":material/arrow_forward:")


layout.check_config()
if state.is_first_visit() and not class_actions.is_at_class(state.lab_session()):
    state.mark_visited()
    st.switch_page(layout.DRAW, query_params=st.query_params.to_dict())
with turns.turn():
    main(layout.begin_page(layout.MY_LAB))
