"""An image takes the place of the drawing: uploaded, pasted, or a random MNIST digit."""

import numpy as np
import streamlit as st

from digitcore import mnist
from digitcore.errors import DigitLabError
from pages.components.canvas import load_image
from pages.session.lab_session import LabSession

FILE_TYPES, MAX_MB = ["png", "jpg", "jpeg", "webp", "gif", "bmp"], 5


def show(session: LabSession) -> None:
    """The inputs."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        file = st.file_uploader("A picture of one digit", type=FILE_TYPES, key="picture", max_upload_size=MAX_MB)
        content = file.getvalue() if file else b""
        st.button("Use it", key="picture_use", disabled=file is None, on_click=load_image, args=(session, content))
        st.button("A random MNIST digit", key="picture_random", on_click=_load_random, args=(session,))
    st.caption("Or paste a picture from the clipboard anywhere on this page. Photos of ink on paper work too.")


def _load_random(session: LabSession) -> None:
    try:
        digits, _ = mnist.load_test()
    except DigitLabError as error:
        session.show_flash(str(error))
        return
    session.show_flash("")
    session.canvas.load_digit(digits[np.random.default_rng().integers(len(digits))])
