"""The options of the class, its rounds, its files, and its end."""

import datetime

import streamlit as st

from digitcore.classroom import export
from digitcore.classroom.pupils import ClassDrawings
from digitcore.classroom.rules import ClassOptions
from digitcore.errors import LabError
from digitcore.storage import archive
from digitcore.storage.classes import StoredClass
from digitcore.storage.snapshot import LabSnapshot
from pages.session import class_actions, formatting, resources
from pages.session.classroom import begin_round, end_round
from pages.session.lab_session import LabSession
from pages.views.classroom.joining import choose_options
from pages.views.evaluate import report


def show(session: LabSession, room: StoredClass) -> None:
    """Draw the options, the files and the buttons that end a round or the class."""
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Options**")
        options = choose_options(room.options)
        if st.button("Apply", key="class_apply", disabled=options in (None, room.options)) and options is not None:
            _apply(session, options)
    with right:
        st.markdown("**Files with pseudonyms instead of nicknames**")
        _show_files(session, session.classroom.drawings, "This round", "current")
        for number in range(len(room.state.rounds)):
            _show_files(session, session.classroom.round(number), f"Round {number + 1}", str(number + 1))
        _show_report(session)
        _show_round(session, room)
        _show_deletion(session)


def _apply(session: LabSession, options: ClassOptions) -> None:
    if classes := resources.classes():
        class_actions.update(session, lambda room: classes.set_options(room.id, options), "The options were changed.")
        st.rerun()


def _show_files(session: LabSession, drawings: ClassDrawings, title: str, name: str) -> None:
    if not len(drawings):
        return
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{title}: {formatting.drawings(len(drawings))}", width="content")
        st.download_button("Samples (.npz)", lambda: export.to_npz(drawings), f"class-{day}-{name}.npz", key=f"class_npz_{name}")
        st.download_button("Lab file", lambda: lab_file(session, drawings), f"class-{day}-{name}.zip", key=f"class_lab_{name}")


def _show_report(session: LabSession) -> None:
    """Draw the button that writes a report of the last training on the class, with the drawings of this round."""
    class_runs = [record for record in session.models.runs if record.model.card.training_data.pupils]
    if class_runs:
        last = class_runs[-1]
        models = {model.name: model for model in (last.start, last.model)}
        lab = LabSnapshot(session.classroom.drawings.samples, session.models.runs, session.models.uploads)
        report.show(session, models, lab)


def lab_file(session: LabSession, drawings: ClassDrawings) -> bytes:
    """Return a lab with the drawings of the class and the trainings on the class."""
    runs = tuple(record for record in session.models.runs if record.model.card.training_data.pupils)
    return archive.write(LabSnapshot(drawings.samples, runs))


def _show_round(session: LabSession, room: StoredClass) -> None:
    hashes = frozenset(session.classroom.drawings.samples.digit_hashes)
    with st.popover("New round", disabled=not hashes):
        st.markdown("The class begins again without drawings. The drawings of this round stay in the pupils' labs.")
        st.button(
            "New round",
            key="class_round",
            type="primary",
            on_click=class_actions.decide,
            args=(session, begin_round(hashes), f"Round {len(room.state.rounds) + 2} has begun.", end_round),
        )


def _show_deletion(session: LabSession) -> None:
    with st.popover("Delete the class"):
        st.markdown(
            "This deletes the class and the labs of all its pupils from this server, with all drawings. The deletion cannot be "
            "undone. Your lab and the models that you have trained are kept."
        )
        if st.button("Delete the class", key="class_delete", type="primary"):
            _delete(session)


def _delete(session: LabSession) -> None:
    classes, room = resources.classes(), session.classroom.room
    if classes is None or room is None:
        return
    try:
        classes.delete(room.id)
    except LabError as error:
        st.error(str(error))
        return
    session.classroom.attach(session.classroom.token, None)
    st.rerun()
