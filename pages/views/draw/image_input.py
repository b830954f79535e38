"""Pictures instead of drawings: uploaded, pasted, or from the camera."""

import streamlit as st

from pages.components.canvas import load_image
from pages.session.lab_session import LabSession

FILE_TYPES, MAX_MB = ["png", "jpg", "jpeg", "webp", "gif", "bmp"], 5


def show(session: LabSession) -> None:
    """Draw the inputs. The browser asks for permission when the camera is switched on."""
    if st.toggle("Use the camera", key="camera_on"):
        source = st.camera_input("A picture of one digit", key="camera")
    else:
        source = st.file_uploader("A picture of one digit", type=FILE_TYPES, key="picture", max_upload_size=MAX_MB)
        st.caption("A photo of handwriting on paper works too. You can also paste a picture anywhere on this page.")
    content = source.getvalue() if source else b""
    st.button("Use picture", key="picture_use", disabled=source is None, on_click=load_image, args=(session, content))
