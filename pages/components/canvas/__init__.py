"""The canvas and its buttons Undo, Redo and Clear."""

from typing import Any

import numpy as np
import streamlit as st
from PIL import Image
from streamlit_drawable_canvas import st_canvas

from digitcore import images, mnist
from digitcore.data.quality import QualityIssue
from digitcore.data.strokes import CANVAS_SIDE
from digitcore.errors import DigitLabError, ImageError
from pages.components import assets
from pages.session import state
from pages.session.canvas_state import CanvasState, decode_data_url
from pages.session.lab_session import LabSession

BRUSH_RANGE, DEFAULT_BRUSH = (8, 40), 20  # px
MAX_PASTED = 5_000_000  # characters of a pasted image's data URL
BLANK = "The picture is blank. Use a picture of a digit on a plain background."
TOOLS_KEY = "canvas_tools"
_tools = st.components.v2.component(
    "digit-lab-canvas-tools",
    html=assets.read("canvas/toolbar.html"),
    css=assets.read("canvas/toolbar.css"),
    js=assets.script("canvas/toolbar.js"),
)


def canvas(session: LabSession) -> None:
    """Show the canvas and its buttons, and store the drawing in the session."""
    drawn = session.canvas
    if drawn.revision != drawn.shown_revision:
        state.forget_widget(drawn.key)  # An earlier revision may have had this key.
    if not state.has_widget(drawn.key):  # The canvas is new, or was not on the previous page.
        drawn.remount()
        state.forget_widget(drawn.key)
    drawn.shown_revision = drawn.revision
    ink, background = drawn.colors
    assets.style("canvas/canvas.css")
    with st.container(key="canvas", width=CANVAS_SIDE):
        st_canvas(
            stroke_width=state.widget_value("brush") or DEFAULT_BRUSH,
            stroke_color=ink,
            background_color=background,
            background_image=_image_of(drawn),
            width=CANVAS_SIDE,
            height=CANVAS_SIDE,
            initial_drawing=drawn.initial_drawing,
            return_image_data=True,
            key=drawn.key,
        )
        _tools(
            key=TOOLS_KEY,
            data={"reconnects": drawn.reconnects, "background": background},
            on_reconnected_change=drawn.on_reconnect,
            on_clear_change=drawn.clear,
            on_undo_change=drawn.undo,
            on_redo_change=drawn.redo,
            on_pasted_change=lambda: _on_paste(session),
        )
    sync(session)


def _image_of(drawn: CanvasState) -> Image.Image | None:
    """Return the digit of a loaded picture, which the canvas shows until the first stroke; otherwise None."""
    if not drawn.drawing.from_image or drawn.drawing.digit is None:
        return None
    digit = 255 - drawn.drawing.digit if drawn.white_background else drawn.drawing.digit
    return Image.fromarray(digit).resize((CANVAS_SIDE, CANVAS_SIDE), Image.Resampling.NEAREST)


def sync(session: LabSession) -> None:
    """Store the latest drawing that the browser has sent. Callbacks call this before they use the drawing."""
    key = session.canvas.key
    session.canvas.sync_from_widget(key, state.widget_value(key))


def canvas_options(session: LabSession) -> None:
    """Show the settings of the brush, the background and the keys in a popover."""
    with st.popover("Brush and background", type="tertiary"):
        st.slider(
            "Brush width (px)",
            *BRUSH_RANGE,
            DEFAULT_BRUSH,
            2,
            key="brush",
            persist_state="session",
            help="A width of 20 px gives strokes that are about as thick as MNIST's strokes.",
        )
        is_white = state.seed_widget("paper", session.canvas.white_background)
        st.toggle("White background", is_white, key="paper", on_change=_on_background_change, args=(session,))
        session.canvas.has_keys = st.toggle(
            "Keys 0 to 9 label the drawing", session.canvas.has_keys, key="keys", persist_state="session"
        )


def load_image(session: LabSession, content: bytes) -> None:
    """Replace the drawing by the digit of a picture, or show why the picture cannot be used."""
    try:
        found = images.ink_from_file(content).digits()
    except ImageError as error:
        session.canvas.refuse_picture(str(error))
        return
    session.show_error("")
    if not found:
        session.canvas.refuse_picture(BLANK)
        return
    several = QualityIssue(f"{found[0].n_found} digits found. The largest is used.")
    session.canvas.load_digit(found[0].digit, [several] if found[0].n_found > 1 else [])


def load_example(session: LabSession) -> None:
    """Replace the drawing by a random digit of MNIST's validation set, for users who cannot draw.

    A label adds the digit to the training set, so it must not be a test digit.
    """
    try:
        digits, _ = mnist.load_validation()
    except DigitLabError as error:
        session.show_error(str(error))
        return
    session.show_error("")
    session.canvas.load_digit(digits[np.random.default_rng().integers(len(digits))], is_example=True)


def _on_background_change(session: LabSession) -> None:
    sync(session)
    session.canvas.set_white_background(bool(state.widget_value("paper")))


def _on_paste(session: LabSession) -> None:
    tools: dict[str, Any] = state.widget_value(TOOLS_KEY) or {}
    url = str(tools.get("pasted") or "")
    if len(url) > MAX_PASTED:
        session.show_error("The pasted picture is too large. Paste a smaller picture.")
        return
    try:
        load_image(session, decode_data_url(url))
    except ImageError as error:
        session.show_error(str(error))
