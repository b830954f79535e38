"""The ten label buttons, the undo of the last label, and the number of samples of each digit."""

import streamlit as st

from digitcore.palette import BLUE
from pages.components import assets, canvas
from pages.session import resources
from pages.session.lab_session import LabSession

NOTHING_DRAWN = "Draw first, then press the digit you meant."
MIN_SCALE = 10  # samples at which a bar is full, at least


def label_buttons(session: LabSession) -> None:
    """Teach with one tap: a press stores the drawing under that digit, whatever the prediction was."""
    with st.container(key="labels", gap="xsmall"):
        st.markdown("**It is a …**", help="Stores this drawing under the digit you press. Keys 0 to 9 work too.")
        assets.style("label_buttons.css")
        with st.container(horizontal=True, gap="xsmall"):
            for digit in range(10):
                st.button(
                    str(digit), key=f"label_{digit}", shortcut=str(digit), on_click=_on_label, args=(session, digit), width=64
                )
        with st.container(horizontal=True, vertical_alignment="center", height=48, border=False):
            if session.samples.last_label is not None:
                st.markdown(f"{'Saved as' if session.saving.is_saved else 'Labelled'} **{session.samples.last_label}**.")
                st.button("Take it back", key="undo_label", on_click=session.undo_label, type="tertiary")
                if session.training.train_after_label:
                    st.caption("Trains after each label.")
    with st.container(key="samples"):
        counts = session.samples.current.counts()
        st.html(assets.render("label_counts.html", counts=counts, scale=max(MIN_SCALE, *counts), color=BLUE))
        suggestion = session.suggestion()
        st.caption(f"Draw next: a **{suggestion.digit}**. {suggestion.reason}")


def _on_label(session: LabSession, digit: int) -> None:
    canvas.sync(session)  # a quick hand labels before the last stroke was answered
    if session.label(digit):
        resources.jobs().warm_up()
    else:
        session.canvas.remount()  # the browser holds strokes back from the press of a label until the next canvas is there
        st.toast(NOTHING_DRAWN)
