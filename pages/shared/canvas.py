"""The canvas, and the buttons beside it that touch users need."""

import streamlit as st
from streamlit_drawable_canvas import CanvasResult, st_canvas

from digitcore import images
from digitcore.errors import DigitLabError
from pages.shared import state
from pages.shared.lab import Canvas, Lab

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
    if not state.is_known(lab.canvas.key):  # another page was shown, or nothing yet
        lab.canvas = lab.canvas.next(lab.canvas)
    canvas = lab.canvas
    with st.container(key="canvas", width=SIDE):
        st_canvas(
            stroke_width=BRUSH,
            stroke_color=WHITE,
            background_color=BLACK,
            width=SIDE,
            height=SIDE,
            initial_drawing=canvas.start,
            return_image_data=True,
            key=canvas.key,
        )
        _tools(key="canvas_tools", on_clear_change=lab.clear_canvas)
    take_over(canvas)


def take_over(canvas: Canvas) -> None:
    """Keep the newest picture that the browser has sent; each is decoded once. Callbacks call this before they use the digit."""
    sent = (state.value(canvas.key) or {}).get("drawing") or {}
    picture = sent.get("data")
    if picture is None or picture == canvas.picture:
        return
    canvas.picture, canvas.strokes = picture, sent.get("raw")
    try:
        canvas.digit = images.digit_from_canvas(CanvasResult(canvas.strokes, picture, True).image_data)
    except DigitLabError as error:
        canvas.digit = None
        st.error(str(error))
