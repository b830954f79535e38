// Adapter to the component streamlit-drawable-canvas. This is the only file that depends on how the component is built.
// An upgrade of the component may require changes in this file and in no other.
//
// It was written for version 0.13.0, which is a Components v2 element that draws with Fabric.js. It relies on these facts:
//
//   1. The component is inside the container with the key "canvas". Its shadow roots are open.
//   2. The user draws on `canvas.upper-canvas`, which shows the stroke under way. Finished strokes are on
//      `canvas.dc-canvas.lower-canvas`. Both canvases have the same size on the screen.
//   3. The toolbar is `.dc-toolbar`. Its buttons have the titles in TOOLBAR_TITLES. They can be clicked while they are hidden.
//   4. A click on "Update the app with this drawing" sends the drawing to the server immediately. Without the click, the
//      component sends it 200 ms after the end of the stroke.
//   5. The button "Undo" is enabled if and only if the component holds a stroke that it can undo.
//   6. The component draws from mouse events: `mousedown` on the upper canvas, `mousemove` and `mouseup` on the document. It
//      also accepts events that a script dispatches.
//   7. A widget with a new key has a new canvas element.
//
// tests/browser/test_canvas_adapter.py checks these facts in a running app. tests/browser/test_drawing.py checks the
// behavior that a user notices: the time until the server gets a stroke, the hidden toolbar, and strokes drawn while the widget
// is replaced.

const CONTAINER = ".st-key-canvas";
const UPPER_CANVAS = "canvas.upper-canvas", LOWER_CANVAS = "canvas.dc-canvas.lower-canvas";
const TOOLBAR_TITLES = { send: "Update the app with this drawing", undo: "Undo", redo: "Redo" };
const HIDDEN_TOOLBAR = ".dc-toolbar { visibility: hidden !important }";  // hidden buttons are no tab stops either
const INK_DIFFERENCE = 100;  // of 255, between ink and background

const container = () => document.querySelector(CONTAINER);

function findDeep(root, selector) {
  const here = root.querySelector(selector);
  if (here) return here;
  for (const element of root.querySelectorAll("*")) {
    const inside = element.shadowRoot && findDeep(element.shadowRoot, selector);
    if (inside) return inside;
  }
  return null;
}

const findInContainer = (selector) => container() && findDeep(container(), selector);
const findButton = (action) => findInContainer(`button[title="${TOOLBAR_TITLES[action]}"]`);

/** Return the canvas element that the user draws on, or null if there is no canvas. */
export const findCanvas = () => findInContainer(UPPER_CANVAS);

/** Return whether an event happens on the canvas. */
export function isOnCanvas(event) {
  const canvas = findCanvas();
  return canvas !== null && event.composedPath().includes(canvas);
}

/** Return whether the target of an event is in the container of the canvas, even while the container holds no canvas. */
export const isInContainer = (event) => event.target.closest?.(CONTAINER) !== null;

/** Return whether an event happens on a button. The tools lie on the canvas. */
export const isOnButton = (event) => event.composedPath().some((element) => element.localName === "button");

/** Press "send", "undo" or "redo" in the toolbar. Call `otherwise` if the button is missing or disabled. */
export function pressButton(action, otherwise) {
  const button = findButton(action);
  if (button && !button.disabled) button.click();
  else otherwise?.();
}

/** Return whether the component holds a stroke that it can undo. */
export const canUndo = () => findButton("undo")?.disabled === false;

/** Hide the toolbar of the current canvas. A new canvas has a new toolbar. */
export function hideToolbar() {
  const root = findCanvas()?.getRootNode();
  if (!root || root === document || root.querySelector("#hidden-toolbar")) return;
  root.append(Object.assign(document.createElement("style"), { id: "hidden-toolbar", textContent: HIDDEN_TOOLBAR }));
}

/** Let a click on the canvas move the focus to its container. Otherwise the whole page gets the focus and a focus outline. */
export function makeFocusable() {
  if (container()) container().tabIndex = -1;
}

/** Draw a stroke, a list of `{ type, x, y }` with mouse event types and client coordinates, and send the drawing. */
export function drawStroke(stroke) {
  for (const { type, x, y } of stroke) {
    const target = type === "mousedown" ? findCanvas() : document;
    const buttons = type === "mouseup" ? 0 : 1;
    target?.dispatchEvent(new MouseEvent(type, { clientX: x, clientY: y, buttons, bubbles: true, composed: true, view: window }));
  }
  queueMicrotask(() => pressButton("send"));
}

/** Return whether the canvas shows ink at any point of a stroke. `background` is a color such as "#000000". */
export function hasInk(stroke, background) {
  const canvas = findInContainer(LOWER_CANVAS);
  if (!canvas) return false;
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const backgroundRgb = [1, 3, 5].map((start) => parseInt(background.slice(start, start + 2), 16));
  return stroke.some(({ x, y }) => {
    const column = Math.floor(((x - left) / width) * canvas.width);
    const row = Math.floor(((y - top) / height) * canvas.height);
    const { data } = canvas.getContext("2d").getImageData(column, row, 1, 1);
    return backgroundRgb.some((value, channel) => Math.abs(value - data[channel]) > INK_DIFFERENCE);
  });
}

/** Paint the finished strokes and the stroke under way onto a square 2D context of `side` px. */
export function paintLayers(context, side) {
  for (const selector of [LOWER_CANVAS, UPPER_CANVAS]) {
    const canvas = findInContainer(selector);
    if (canvas) context.drawImage(canvas, 0, 0, side, side);
  }
}

// The scripts toolbar.js and live/live.js belong to two components and share no variable. An attribute of the container tells
// live/live.js whether the user is drawing.

/** Mark whether the user is drawing on the canvas. */
export const setDrawing = (isDown) => container()?.toggleAttribute("data-drawing", isDown);

/** Return whether the user is drawing on the canvas. */
export const isDrawing = () => "drawing" in (container()?.dataset ?? {});
