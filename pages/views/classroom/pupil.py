"""What a pupil sees of the class on My lab."""

import streamlit as st

from digitcore.classroom import rules
from pages.session import class_actions, formatting
from pages.session.lab_session import LabSession


def show(session: LabSession) -> None:
    """Draw the name of the class, the pupil's nickname, and the button to leave."""
    membership = session.classroom.membership
    if membership is None:
        return
    name, nickname = formatting.escape(membership.room.name), formatting.escape(membership.nickname)
    if membership.is_removed:
        st.warning(f"The teacher has removed you from **{name}**. Your drawings do not count. They stay in your lab.")
    else:
        st.markdown(f"You are **{nickname}** in **{name}**. {rules.NOTICE}")
    if session.classroom.notice:
        st.error(session.classroom.notice)
    with st.popover("Leave the class"):
        st.markdown("Your drawings leave the class at once. They stay in your lab, which you can delete below.")
        st.button("Leave", key="class_leave", type="primary", on_click=class_actions.leave, args=(session,))


def show_left(session: LabSession) -> None:
    """Tell a person who has left a class where the drawings are."""
    name = formatting.escape(session.classroom.left_class)
    st.info(f"You have left **{name}**. Your drawings are not in the class any more. They stay in this lab.")
