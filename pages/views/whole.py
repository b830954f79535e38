"""The whole lab: as one file to take along, opened again from one, forgotten."""

import streamlit as st

from digitcore import labfile
from pages.shared import caches, keeping, state, words
from pages.shared.lab import Lab
from pages.views import shelf


def show(lab: Lab) -> None:
    """Save, open, forget."""
    _show_standing(lab)
    left, right = st.columns(2, gap="large")
    with left:
        if lab.record().worth_keeping:
            st.download_button(
                "Save this lab in a file",
                lambda: labfile.write(lab.record()),
                "digit-lab.zip",
                key="lab_save",
                help="Drawings with their strokes, runs with their curves and models, and how the sliders stand.",
            )
        else:
            st.caption("Nothing to save yet.")
        if lab.kept:
            with st.popover("Forget this lab"):
                st.markdown("Deletes its drawings, runs and models from this server, for good. Files that you saved stay yours.")
                st.button("Forget it", key="lab_forget", type="primary", on_click=_forget, args=(lab,))
    with right:
        file = st.file_uploader(
            "Open a lab from a file", type=["zip"], key="lab_file", max_upload_size=labfile.MOST_BYTES // 1_000_000
        )
        waits = lab.coming is not None
        st.button("Open it", key="lab_open", disabled=file is None or waits, on_click=_open, args=(lab, file))
        st.caption("What is here now stays under its own address.")
        shelf.show_coming(lab, shelf.LAB)


def _show_standing(lab):
    what = f"{words.drawings(len(lab.samples))}, {words.runs(len(lab.runs))}"
    if caches.keeper() is None:
        st.markdown(f"{what}. This server saves nothing: take the lab along in a file before you close the page.")
    elif not lab.kept:
        st.markdown("Nothing to save yet. From the first label on, the lab saves itself, and the page's address opens it again.")
    else:
        size = keeping.size(lab)
        takes = f" It takes {size / 1e6:.1f} MB." if size else ""
        st.markdown(f"{what}, saved under the address of this page. Who has the address has the lab.{takes}")


def _open(lab, file):
    lab.expect(caches.jobs().open_lab(file.getvalue(), owner=lab.owner), shelf.LAB)


def _forget(lab):
    if sentence := keeping.forget(lab):
        lab.received = sentence
        return
    state.forget()
