"""How a class begins: the teacher starts it, and pupils join it."""

import streamlit as st

from digitcore.classroom import rules
from digitcore.classroom.rules import ClassOptions
from digitcore.errors import LabError
from pages.components import layout
from pages.session import class_actions, formatting, persistence, resources, state
from pages.session.lab_session import LabSession


def show(session: LabSession) -> None:
    """Draw the form to join a class and the form to start a class."""
    if resources.classes() is None:
        st.caption(class_actions.NO_STORE)
        return
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Join a class**")
        _show_code_input(session)
    with right:
        st.markdown("**Start a class**")
        name = st.text_input("Name of the class", key="class_name", max_chars=rules.MAX_CLASS_NAME)
        options = choose_options(ClassOptions())
        if st.button("Start a class", key="class_start", type="primary", disabled=options is None) and options:
            _start(session, name, options)


def _show_code_input(session: LabSession) -> None:
    st.text_input("Join code", key="class_code", max_chars=10, placeholder="six letters")
    st.button("Continue", key="class_continue", on_click=_invite, args=(session,))
    if session.classroom.notice:
        st.error(session.classroom.notice)


def _invite(session: LabSession) -> None:
    class_actions.invite(session, str(state.widget_value("class_code") or ""))


def choose_options(options: ClassOptions) -> ClassOptions | None:
    """Draw the options of a class, and return them; `None` if no digit is chosen."""
    choices = sorted({*rules.DRAWING_LIMITS, options.max_drawings})
    most = st.select_slider("Drawings of a pupil, at most", choices, options.max_drawings, key="class_max_drawings")
    digits = st.pills("Digits", range(10), selection_mode="multi", default=options.digits, key="class_digits")
    may_train = st.toggle("Pupils may train", options.may_train, key="class_may_train")
    if not digits:
        st.caption("Choose at least one digit.")
        return None
    return ClassOptions(int(most), tuple(sorted(digits)), may_train)


def _start(session: LabSession, name: str, options: ClassOptions) -> None:
    try:
        class_actions.start(session, name, options)
    except LabError as error:
        st.error(str(error))
    else:
        st.rerun()


def show_invitation(session: LabSession) -> None:
    """Draw the form in which a pupil chooses a nickname and joins the class of the join code."""
    classroom = session.classroom
    if not classroom.invited_to and not classroom.notice:
        class_actions.invite(session, classroom.invitation)
    if not classroom.invited_to:
        with st.container(key="class_join", width=480):
            st.header("Join a class", anchor=False)
            _show_code_input(session)
            st.button("Cancel", key="class_decline", on_click=classroom.decline)
        return
    with st.container(key="class_join", width=480):
        st.header(f"Join {formatting.escape(classroom.invited_to)}", anchor=False)
        st.markdown(rules.NOTICE)
        nickname = st.text_input("Nickname", key="class_nickname", max_chars=rules.MAX_NAME, autocomplete="off")
        with st.container(horizontal=True):
            wants_to_join = st.button("Join", key="class_join_button", type="primary")
            st.button("Cancel", key="class_decline", on_click=classroom.decline)
        if wants_to_join:
            _join(session, nickname)
        if not session.snapshot().is_empty:
            st.caption("You join with a new lab. Your present lab stays at its link.")


def _join(session: LabSession, nickname: str) -> None:
    try:
        class_actions.join(session, session.classroom.invitation, nickname)
    except LabError as error:
        st.error(str(error))
    else:
        st.switch_page(layout.DRAW, query_params=persistence.address(session))
