"""Export and import of samples."""

import functools
from collections.abc import Callable

import streamlit as st

from digitcore.data import sample_files
from digitcore.jobs.tasks import ReadSamplesTask
from digitcore.samples import SampleSet
from pages.components.work import show_notice
from pages.session.lab_session import LabSession

FORMATS: dict[str, tuple[str, Callable[[SampleSet], bytes], str]] = {
    "Everything (.npz)": ("samples.npz", SampleSet.to_npz, "The file contains the digits, labels, strokes and dates."),
    "Pictures (.zip)": ("samples.zip", sample_files.to_image_zip, "The file contains PNG files in one folder for each digit."),
    "IDX (.zip)": ("samples-idx.zip", sample_files.to_idx_zip, "The file contains two files in the format of MNIST."),
}


def show(session: LabSession) -> None:
    """Draw the buttons to export drawings, and the form to import a sample file."""
    samples = session.samples.current
    if len(samples):
        with st.container(horizontal=True):
            for label, (name, write, help) in FORMATS.items():
                st.download_button(label, functools.partial(write, samples), name, key=f"out_{name}", help=help)
    else:
        st.caption("No drawings to export.")
    file = st.file_uploader(
        "Import drawings",
        key="samples_file",
        max_upload_size=sample_files.MAX_BYTES // 1_000_000,
        help="Choose an .npz or CSV file, a ZIP file of pictures in folders named 0 to 9, or a ZIP file of IDX files.",
    )
    st.button(
        "Import",
        key="samples_add",
        disabled=file is None or bool(session.work.running(ReadSamplesTask)),
        on_click=_import,
        args=(session, file.getvalue() if file else b""),
    )
    show_notice(session, ReadSamplesTask)
    if session.doubtful_import is not None:
        with st.container(horizontal=True):
            st.button("Import anyway", key="samples_confirm", on_click=session.confirm_import, args=(True,))
            st.button("Discard", key="samples_discard", on_click=session.confirm_import, args=(False,))


def _import(session: LabSession, content: bytes) -> None:
    session.show_error("")
    session.confirm_import(False)
    session.work.submit(ReadSamplesTask(content))
