"""The canvas, and the buttons beside it that touch users need."""

import base64
import binascii
import contextlib
import io

import streamlit as st
from PIL import Image
from streamlit_drawable_canvas import CanvasResult, st_canvas

from digitcore import diagnosis, images
from digitcore.errors import DigitLabError
from pages.shared import state
from pages.shared.drawing import Canvas
from pages.shared.lab import Lab

SIDE = 280  # px
BRUSHES, BRUSH = (8, 40), 20  # px: from, to; at first
FORMATS = ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"]
BLACK, WHITE = "#000000", "#ffffff"
PASTED = 5_000_000  # characters of a pasted picture's data URL, at most
_SIZES = """<style>
.st-key-canvas { min-height: 336px }  /* so that nothing moves when the canvas is replaced */
.st-key-canvas > :first-child { height: 280px; overflow: hidden }  /* a new canvas is taller for a moment */
@media (min-width: 1000px) { div:has(> .st-key-canvas) { zoom: 1.25 } }
@media (max-width: 330px) { div:has(> .st-key-canvas) { zoom: 0.9 } }
</style>"""

# The canvas waits 200 ms after a stroke before it sends. Its own toolbar has a button that sends at once: this presses it
# when the pen goes up, and lends its undo and redo to people who cannot hover. Where it is not found, the 200 ms apply.
# What the canvas cannot do is the server's: Clear (the toolbar's reset goes back to a restored drawing), and Undo and Redo
# of strokes that the canvas came up with.
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

const press = (action, otherwise) => {
  const place = document.querySelector(".st-key-canvas");
  const button = place && find(place, `button[title="${TITLES[action]}"]`);
  if (button && !button.disabled) button.click(); else otherwise?.();
};

// The toolbar itself would catch strokes that begin below it, so it stays out of sight.
const HIDDEN = ".dc-toolbar, .dc-toolbar * { opacity: 0 !important; pointer-events: none !important }";
const hide = () => {
  const place = document.querySelector(".st-key-canvas");
  const root = place && find(place, "canvas")?.getRootNode();
  if (!root || root === document || root.querySelector("#no-toolbar")) return;
  root.append(Object.assign(document.createElement("style"), { id: "no-toolbar", textContent: HIDDEN }));
};

// A canvas that comes up with strokes shows them and sends nothing: the one that replaces `before` is told to send.
let before = null;
const present = () => document.querySelector(".st-key-canvas") && find(document.querySelector(".st-key-canvas"), "canvas");
const sendTheNext = (left) => {
  if (before && present() && present() !== before) { before = null; press("send"); }
  else if (before && left) setTimeout(sendTheNext, 50, left - 1);
};

// When the connection was lost and is back, another session may answer, to whom this page's canvas means nothing. It is asked
// for a sign; where none comes the page is loaded again, and finds what was saved by its address.
let heard = null;
const connected = () => document.querySelector("[data-testid=stApp]")?.dataset.testConnectionState === "CONNECTED";
const watchConnection = (ask) => {
  let was = connected();
  const observer = new MutationObserver(() => {
    const is = connected();
    if (is && !was) {
      const before = heard;
      setTimeout(ask, 500);
      setTimeout(() => { if (heard === before) location.reload(); }, 5000);
    }
    was = is;
  });
  const place = document.querySelector("[data-testid=stApp]");
  if (place) observer.observe(place, { attributes: true, attributeFilter: ["data-test-connection-state"] });
  return () => observer.disconnect();
};

export default function ({ data, parentElement, setTriggerValue }) {
  heard = data?.heard ?? heard;
  const stopWatching = watchConnection(() => setTriggerValue("back", true));
  let drawing = false;
  const down = (event) => { drawing = event.composedPath().some((node) => node.tagName === "CANVAS"); };
  const end = (later) => { if (drawing) { drawing = false; later(() => press("send")); } };
  const up = (event) => { if (event.pointerType !== "mouse") end(setTimeout); };
  const mouseUp = () => end(queueMicrotask);  // follows pointerup; the canvas takes the stroke over in between
  const over = (event) => { if (event.target.closest?.(".st-key-canvas")) hide(); };
  document.addEventListener("pointerover", over, true);
  document.addEventListener("pointerdown", down, true);
  document.addEventListener("pointerup", up, true);
  window.addEventListener("mouseup", mouseUp);
  const paste = (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
    if (!file) return;
    const reader = new FileReader();
    reader.onload = () => setTriggerValue("pasted", reader.result);
    reader.readAsDataURL(file);
  };
  document.addEventListener("paste", paste);
  for (const button of parentElement.querySelectorAll("button")) {
    const ask = () => setTriggerValue(button.name, true);
    const askAndSend = () => { before = present(); ask(); sendTheNext(60); };
    button.onclick = () => button.name === "clear" ? ask() : press(button.name, askAndSend);
  }
  return () => {
    document.removeEventListener("pointerover", over, true);
    document.removeEventListener("pointerdown", down, true);
    document.removeEventListener("pointerup", up, true);
    window.removeEventListener("mouseup", mouseUp);
    document.removeEventListener("paste", paste);
    stopWatching();
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
    ink, paper = _colours(lab)
    st.html(_SIZES)
    with st.container(key="canvas", width=SIDE):
        st_canvas(
            stroke_width=state.value("brush") or BRUSH,
            stroke_color=ink,
            background_color=paper,
            width=SIDE,
            height=SIDE,
            initial_drawing=canvas.start,
            return_image_data=True,
            key=canvas.key,
        )
        _tools(
            key="canvas_tools",
            data={"heard": lab.heard},
            on_back_change=lab.hear,
            on_clear_change=lab.clear_canvas,
            on_undo_change=lab.undo,
            on_redo_change=lab.redo,
            on_pasted_change=lambda: _take_pasted(lab),
        )
    take_over(canvas)


def _colours(lab):
    """Ink and paper."""
    return (BLACK, WHITE) if lab.on_white else (WHITE, BLACK)


def show_choices(lab: Lab) -> None:
    """Brush and paper, out of the way of the first screen."""
    with st.popover("Brush and paper", type="tertiary"):
        st.slider(
            "Brush width (px)",
            *BRUSHES,
            BRUSH,
            2,
            key="brush",
            persist_state="session",
            help="MNIST's strokes are about as thick as 20 px here.",
        )
        st.toggle("White paper", value=lab.on_white, key="paper", on_change=_change_paper, args=(lab,))


def _change_paper(lab):
    """The same drawing in the other colours, on a new canvas."""
    take_over(lab.canvas)
    lab.on_white = not lab.on_white
    ink, paper = _colours(lab)
    lab.canvas = lab.canvas.next(lab.canvas.recoloured(ink, paper))


def take_over(canvas: Canvas) -> None:
    """Keep the newest picture that the browser has sent; each is decoded once. Callbacks call this before they use the digit."""
    sent = (state.value(canvas.key) or {}).get("drawing") or {}
    picture, strokes = sent.get("data"), sent.get("raw")
    if picture is None or picture == canvas.picture:
        return
    if canvas.given and not (strokes or {}).get("objects"):
        return
    canvas.picture, canvas.strokes, canvas.given, canvas.unread = picture, strokes, False, False
    if canvas.drawn > len((canvas.start or {}).get("objects", [])):
        canvas.undone = []
    try:
        rgba = CanvasResult(strokes, picture, True).image_data
        canvas.digit = images.digit_from_canvas(rgba)
        canvas.remarks = [] if canvas.digit is None else diagnosis.remarks(rgba, canvas.digit)
    except DigitLabError as error:
        canvas.digit, canvas.remarks = None, []
        st.error(str(error))


def bring(lab: Lab, data: bytes) -> None:
    """Put a picture's digit in the place of the drawing, or note why it cannot be."""
    try:
        digit = images.digit_from_image(Image.open(io.BytesIO(data), formats=FORMATS))
    except (OSError, Image.DecompressionBombError, DigitLabError) as error:
        lab.tell(str(error) if isinstance(error, DigitLabError) else "This is no picture that can be read.")
        return
    if digit is None:
        lab.tell("The picture is blank: nothing stands out from its background.")
        return
    lab.hold(digit)


def _take_pasted(lab):
    url = str((state.value("canvas_tools") or {}).get("pasted") or "")
    if len(url) > PASTED or ";base64," not in url:
        lab.tell("The pasted picture is too large or no picture.")
        return
    with contextlib.suppress(binascii.Error):
        bring(lab, base64.b64decode(url.split(";base64,", 1)[1]))
