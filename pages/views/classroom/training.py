"""A training on the drawings of the class, and the publication of its model."""

import streamlit as st

from digitcore.jobs.tasks import TrainClassTask
from digitcore.storage.classes import StoredClass
from digitcore.storage.snapshot import RunRecord
from digitcore.training.settings import TrainSettings
from pages.components import layout
from pages.components.work import scoring_text, show_notice
from pages.session import class_actions, formatting, resources, training_summary
from pages.session.classroom import send_settings
from pages.session.lab_session import LabSession
from pages.session.training_state import Start
from pages.views.classroom.choice import choose_pupils

ABSENT = " It has learnt from drawings that are not in the class any more. Train and publish again to leave them out."


def show(session: LabSession, room: StoredClass) -> None:
    """Draw the settings, the button to train, and the last trained model."""
    drawings, training = session.classroom.drawings, session.training
    names = {pupil.id: pupil.nickname for pupil in drawings.active}
    with st.container(horizontal=True, vertical_alignment="center"):
        settings = training.settings
        is_default = settings == TrainSettings()
        text = "the default settings" if is_default else f"{formatting.plural(settings.epochs, 'epoch')} and your settings"
        st.markdown(f"Starts from **{formatting.escape(session.start_model()[0].name)}** with {text}.", width="content")
        layout.page_link(session, layout.TRAIN, label="Change settings", icon=":material/tune:")
        st.button(
            "Send these settings to all",
            key="class_send",
            type="tertiary",
            on_click=class_actions.decide,
            args=(session, send_settings(_sent(session)), "All pupils get the settings of your page Train."),
        )
    held_out = choose_pupils(
        session,
        names,
        "class_held_out",
        "Held-out pupils",
        help="The network does not learn from these pupils. Without them, every fourth drawing of each digit of a pupil is "
        "held out.",
    )
    is_possible = len(drawings) and len(held_out) < len(names) and session.training_job is None
    if st.button("Train on the class", key="class_train", type="primary", disabled=not is_possible):
        session.train_on_class(held_out)
        st.rerun()
    st.caption("Each pupil has the same total weight, even with few drawings.")
    show_notice(session, TrainClassTask)
    class_runs = [record for record in session.models.runs if record.run.model.card.training_data.pupils]
    if class_runs and session.training_job is None:
        _show_run(session, room, class_runs[-1])


def _sent(session: LabSession) -> dict[str, object]:
    """Return the preferences of the Train page without the parts that only the teacher's lab has."""
    preferences = session.training.preferences() | {"start_model": "", "train_after_label": False}
    is_own = session.training.start not in (Start.UNTRAINED, Start.PRETRAINED)
    return preferences | {"start": str(Start.PRETRAINED)} if is_own else preferences


def _show_run(session: LabSession, room: StoredClass, record: RunRecord) -> None:
    st.markdown(f"**{formatting.escape(record.name)}**")
    for sentence in training_summary.outcome(record.run, scoring_text(session)):
        st.markdown(sentence)
    published = session.classroom.model
    is_published = published is not None and published.hash == record.model.hash
    if st.button(
        "Published" if is_published else "Publish", key="class_publish", disabled=is_published or bool(record.run.error)
    ):
        _publish(session, record)
    if published is not None:
        st.caption(
            f"Pupils see {published.name} on the pages Draw and Evaluate." + ABSENT * session.classroom.has_learnt_from_absent
        )


def _publish(session: LabSession, record: RunRecord) -> None:
    classes = resources.classes()
    if classes is None:
        return
    learnt = record.run.sample_hashes or ()
    class_actions.update(session, lambda room: classes.publish(room.id, record.model, learnt), f"{record.name} is published.")
    class_actions.follow(session)
    st.rerun()
