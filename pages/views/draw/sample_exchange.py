"""Samples to export in three formats, and imported from the same."""

import functools
from collections.abc import Callable

import streamlit as st

from digitcore.data import sample_files
from digitcore.errors import DigitLabError
from digitcore.samples import SampleSet
from pages.session import text
from pages.session.lab_session import LabSession

FORMATS: dict[str, tuple[str, Callable[[SampleSet], bytes], str]] = {
    "Everything (.npz)": ("samples.npz", SampleSet.to_npz, "Digits, labels, strokes and dates."),
    "Pictures (.zip)": ("samples.zip", sample_files.to_image_zip, "PNG files, a folder for each digit."),
    "IDX (.zip)": ("samples-idx.zip", sample_files.to_idx_zip, "Two files like MNIST's own."),
}


def show(session: LabSession) -> None:
    """The buttons and the upload."""
    samples = session.samples.current
    if len(samples):
        with st.container(horizontal=True):
            for label, (name, write, help) in FORMATS.items():
                st.download_button(label, functools.partial(write, samples), name, key=f"out_{name}", help=help)
    else:
        st.caption("Nothing to take along yet.")
    file = st.file_uploader(
        "Bring samples",
        type=["npz", "zip"],
        key="samples_file",
        max_upload_size=sample_files.MAX_BYTES // 1_000_000,
        help="An .npz, a ZIP of pictures in folders named 0 to 9, or a ZIP of IDX files.",
    )
    content = file.getvalue() if file else b""
    st.button("Add them", key="samples_add", disabled=file is None, on_click=_import, args=(session, content))


def _import(session: LabSession, content: bytes) -> None:
    try:
        result = sample_files.read(content)
    except DigitLabError as error:
        session.show_flash(str(error))
        return
    samples = session.samples.current
    new = result.samples.difference(samples)
    if not len(new):
        session.show_flash("These samples are here already.")
        return
    room = max(0, sample_files.MAX_SAMPLES - len(samples))
    n_known, n_excess = len(result.samples) - len(new), max(0, len(new) - room)
    known = f" {n_known:,} of them here already." * bool(n_known)
    excess = f" {text.drawings(n_excess)} did not fit: {sample_files.MAX_SAMPLES:,} is the most." * bool(n_excess)
    added = new.take(range(len(new) - n_excess))
    session.replace_samples(samples.concatenate(added), f"{text.escape(str(result))}{known}{excess}")
