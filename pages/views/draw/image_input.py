"""Pictures instead of drawings: uploaded, pasted, or from the camera."""

from urllib.parse import urlsplit

import streamlit as st

from pages.components.canvas import load_image
from pages.components.reveal import reveal
from pages.session.lab_session import LabSession

FILE_TYPES = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "heic", "heif"]
MAX_MB = 15
NO_CAMERA = "The camera needs https or localhost. Upload a photo instead."
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


def show(session: LabSession) -> None:
    """Draw the inputs. The browser asks for permission when the camera is switched on."""
    if st.toggle("Use the camera", key="camera_on"):
        if not allows_camera(st.context.url or ""):
            st.warning(NO_CAMERA)
            return
        source = st.camera_input("A picture of one digit", key="camera")
    else:
        source = st.file_uploader("A picture of one digit", type=FILE_TYPES, key="picture", max_upload_size=MAX_MB)
        st.caption("A photo of handwriting on paper works too. You can also paste a picture anywhere on this page.")
    if error := session.canvas.error:
        st.error(error)
    content = source.getvalue() if source else b""
    st.button("Use picture", key="picture_use", disabled=source is None, on_click=load_image, args=(session, content))
    drawn = session.canvas
    reveal("screen", f"picture {drawn.version}" if drawn.drawing.from_image else "", "picture")


def allows_camera(url: str) -> bool:
    """Check whether browsers allow the camera on a page.

    Args:
        url: Address of the page; "" if it is unknown.
    """
    address = urlsplit(url)
    host = address.hostname or ""
    return address.scheme != "http" or host in LOCAL_HOSTS or host.endswith(".localhost")
