"""The canvas, and the buttons beside it that touch users need."""

import streamlit as st
from streamlit_drawable_canvas import st_canvas

from digitcore import images
from digitcore.errors import DigitLabError
from pages.shared import state
from pages.shared.lab import Lab

SIDE = 280  # px
BRUSH = 20  # px
BLACK, WHITE = "#000000", "#ffffff"

# The canvas waits 200 ms after a stroke before it sends. Its own toolbar has a button that sends at once: this presses it
# when the pen goes up, and lends its undo and redo to people who cannot hover. Where it is not found, the 200 ms apply.
# Clear is the server's: the toolbar's own reset goes back to a restored drawing, not to a blank canvas.
_TOOLS = """
const TITLES = { send: "Update the app with this drawing", undo: "Undo", redo: "Redo" };

function find(root, selector) {
  const here = root.querySelector(selector);
  if (here) return here;
  for (const element of root.querySelectorAll("*")) {
    const inside = element.shadowRoot && find(element.shadowRoot, selector);
    if (inside) return inside;
  }
  return null;
}

const press = (action) => {
  const place = document.querySelector(".st-key-canvas");
  const button = place && find(place, `button[title="${TITLES[action]}"]`);
  if (button) button.click();
};

export default function ({ parentElement, setTriggerValue }) {
  let drawing = false;
  const down = (event) => { drawing = event.composedPath().some((node) => node.tagName === "CANVAS"); };
  const up = () => { if (drawing) { drawing = false; setTimeout(() => press("send"), 0); } };
  document.addEventListener("pointerdown", down, true);
  document.addEventListener("pointerup", up, true);
  for (const button of parentElement.querySelectorAll("button")) {
    button.onclick = () => button.name === "clear" ? setTriggerValue("clear", true) : press(button.name);
  }
  return () => {
    document.removeEventListener("pointerdown", down, true);
    document.removeEventListener("pointerup", up, true);
  };
}
"""
_BUTTONS = """
<div class="row">
  <button name="undo" type="button">Undo</button>
  <button name="redo" type="button">Redo</button>
  <button name="clear" type="button">Clear</button>
</div>
"""
_STYLE = """
.row { display: flex; gap: 8px; width: 280px; max-width: 100%; }
button {
  flex: 1; min-height: 40px; font: inherit; cursor: pointer; color: var(--st-text-color);
  background: var(--st-background-color); border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius);
}
button:hover, button:focus-visible { border-color: var(--st-primary-color); color: var(--st-primary-color); }
"""
_tools = st.components.v2.component("digit-lab-canvas-tools", html=_BUTTONS, css=_STYLE, js=_TOOLS)


def show(lab: Lab) -> None:
    """Draw the canvas and its buttons, and keep what is drawn in the lab."""
    canvas = lab.canvas
    if not state.is_known(canvas.key):
        canvas.restore()
    with st.container(key="canvas", width=SIDE):
        drawn = st_canvas(
            stroke_width=BRUSH,
            stroke_color=WHITE,
            background_color=BLACK,
            width=SIDE,
            height=SIDE,
            initial_drawing=canvas.start,
            return_image_data=True,
            key=canvas.key,
        )
        _tools(key="canvas_tools", on_clear_change=canvas.clear)
    _keep(canvas, drawn)


def _keep(canvas, drawn):
    """Take over a new picture; the canvas decodes it at each access, so it is read once."""
    picture = drawn._image_data_url
    if picture is None or picture == canvas.picture:
        return
    canvas.picture, canvas.strokes = picture, drawn.json_data
    try:
        canvas.digit = images.digit_from_canvas(drawn.image_data)
    except DigitLabError as error:
        canvas.digit = None
        st.error(str(error))
