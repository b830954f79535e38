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
    st.markdown(f"You are **{nickname}** in **{name}**. {rules.NOTICE}")
    if session.classroom.notice:
        st.error(session.classroom.notice)
    if membership.is_removed:
        st.warning("The teacher has removed you from the class. Your drawings do not count. They stay in your lab.")
    with st.popover("Leave the class"):
        st.markdown("Your drawings leave the class at once. They stay in your lab, which you can delete below.")
        st.button("Leave", key="class_leave", type="primary", on_click=class_actions.leave, args=(session,))
