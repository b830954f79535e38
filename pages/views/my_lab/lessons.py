"""Lessons for a class: a question, a button that opens the lesson in this lab, and a measured answer."""

import streamlit as st

from digitcore.lessons import LESSONS
from pages.components import layout
from pages.session import persistence
from pages.session.lab_session import LabSession


def show(session: LabSession) -> None:
    """Draw the lessons. A lesson opens on the Train page."""
    for number, lesson in enumerate(LESSONS, 1):
        with st.container(key=f"lesson_{number}"):
            st.markdown(f"**{number}. {lesson.title}** {lesson.question}")
            with st.container(horizontal=True):
                if st.button("Open lesson", key=f"lesson_open_{number}", icon=":material/school:"):
                    session.open_lesson(number)
                    st.switch_page(layout.TRAIN, query_params=persistence.address(session))
                with st.popover("Answer", type="tertiary"):
                    st.markdown(lesson.answer)
    st.caption("The numbers in the answers come from several seeds. `benchmarks/lessons.py` measures them.")
