"""Pictures instead of drawings: uploaded, pasted, or from the camera."""

from urllib.parse import urlsplit

import streamlit as st

from pages.components.canvas import load_image
from pages.components.reveal import reveal
from pages.session import state
from pages.session.lab_session import LabSession

FILE_TYPES = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "heic", "heif"]
MAX_MB = 15
NO_CAMERA = "The camera needs https or localhost. Upload a photo instead."
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
LABEL, FILE_KEY, CAMERA_KEY = "A picture of one digit", "picture", "camera"


def show(session: LabSession) -> None:
    """Draw the inputs. The browser asks for permission when the camera is switched on."""
    if st.toggle("Use the camera", key="camera_on"):
        if not allows_camera(st.context.url or ""):
            st.warning(NO_CAMERA)
            return
        st.camera_input(LABEL, key=CAMERA_KEY, on_change=_use, args=(session, CAMERA_KEY))
    else:
        st.file_uploader(LABEL, type=FILE_TYPES, key=FILE_KEY, max_upload_size=MAX_MB, on_change=_use, args=(session, FILE_KEY))
        st.caption("A photo of handwriting on paper works too. You can also paste a picture anywhere on this page.")
    drawn = session.canvas
    with st.container(key="picture_error"):
        if drawn.error:
            st.error(drawn.error)
    reveal("picture_error", f"error {drawn.version}" if drawn.error else "")
    reveal("screen", f"picture {drawn.version}" if drawn.drawing.from_image else "", "picture")


def allows_camera(url: str) -> bool:
    """Check whether browsers allow the camera on a page.

    Args:
        url: Address of the page; "" if it is unknown.
    """
    address = urlsplit(url)
    host = address.hostname or ""
    return address.scheme != "http" or host in LOCAL_HOSTS or host.endswith(".localhost")


def _use(session: LabSession, key: str) -> None:
    """Read the picture that the user has just chosen. Its drawing stays when the user removes the file."""
    if file := state.widget_value(key):
        load_image(session, file.getvalue())
