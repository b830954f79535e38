"""Lessons for a class: a question, a link to the settings, and a measured answer."""

import streamlit as st

from digitcore.training.lessons import LESSONS
from pages.session import settings_link
from pages.session.lab_session import LabSession


def show(session: LabSession) -> None:
    """Draw the lessons. Each link opens the Train page in a new tab."""
    for number, lesson in enumerate(LESSONS, 1):
        with st.container(key=f"lesson_{number}"):
            st.markdown(f"**{number}. {lesson.title}** {lesson.question}")
            with st.container(horizontal=True):
                st.link_button("Open on Train", f"Train?{settings_link.lesson_query(lesson)}", icon=":material/open_in_new:")
                with st.popover("Answer", type="tertiary"):
                    st.markdown(lesson.answer)
    st.caption("The numbers in the answers come from several seeds. `benchmarks/lessons.py` measures them.")
