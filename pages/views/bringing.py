"""In and out: a picture instead of a drawing, samples as files."""

import functools

import numpy as np
import streamlit as st

from digitcore import exchange, mnist
from digitcore.errors import DigitLabError
from digitcore.samples import SampleSet
from pages.shared import canvas, words
from pages.shared.lab import Lab

KINDS, MOST_MB = ["png", "jpg", "jpeg", "webp", "gif", "bmp"], 5
FORMATS = {
    "Everything (.npz)": ("samples.npz", SampleSet.to_npz, "Digits, labels, strokes and dates."),
    "Pictures (.zip)": ("samples.zip", exchange.to_zip, "PNG files, a folder for each digit."),
    "IDX (.zip)": ("samples-idx.zip", exchange.to_idx, "Two files like MNIST's own."),
}


def show_pictures(lab: Lab) -> None:
    """A picture takes the place of the drawing: uploaded, pasted, or a random MNIST digit."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        file = st.file_uploader(
            "A picture of one digit", type=["png", "jpg", "jpeg", "webp", "gif", "bmp"], key="picture", max_upload_size=5
        )
        st.button("Use it", key="picture_use", disabled=file is None, on_click=_bring, args=(lab, file))
        st.button("A random MNIST digit", key="picture_random", on_click=_bring_random, args=(lab,))
    st.caption("Or paste a picture from the clipboard anywhere on this page. Photos of ink on paper work too.")


def _bring(lab, file):
    canvas.bring(lab, file.getvalue())


def _bring_random(lab):
    try:
        digits, _ = mnist.load_test()
    except DigitLabError as error:
        lab.tell(str(error))
        return
    lab.hold(digits[np.random.default_rng().integers(len(digits))])


def show_files(lab: Lab) -> None:
    """Samples to download in three formats, and back from the same."""
    samples = lab.samples
    if len(samples):
        with st.container(horizontal=True):
            for label, (name, write, what) in FORMATS.items():
                st.download_button(label, functools.partial(write, samples), name, key=f"out_{name}", help=what)
    else:
        st.caption("Nothing to take along yet.")
    file = st.file_uploader(
        "Bring samples",
        type=["npz", "zip"],
        key="samples_file",
        max_upload_size=exchange.MOST_BYTES // 1_000_000,
        help="An .npz, a ZIP of pictures in folders named 0 to 9, or a ZIP of IDX files.",
    )
    st.button("Add them", key="samples_add", disabled=file is None, on_click=_add, args=(lab, file))


def _add(lab, file):
    try:
        found = exchange.read(file.getvalue())
    except DigitLabError as error:
        lab.tell(str(error))
        return
    new = found.samples.not_in(lab.samples)
    room = max(0, exchange.MOST_SAMPLES - len(lab.samples))
    known, over = len(found.samples) - len(new), max(0, len(new) - room)
    known_ones = f" {known:,} of them here already." * bool(known)
    full = f" {words.drawings(over)} did not fit: {exchange.MOST_SAMPLES:,} is the most." * bool(over)
    if not len(new):
        lab.tell("These samples are here already.")
        return
    lab.change_samples(lab.samples.joined(new.take(range(len(new) - over))), f"{found}{known_ones}{full}")
