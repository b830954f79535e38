// The component with the buttons Undo, Redo and Clear. It also adds features that the drawable canvas lacks: it sends the
// drawing as soon as a stroke ends, hides the component's own toolbar, takes pasted pictures and shrinks large photographs.
//
// Streamlit calls the exported function at every script run, after the clean-up of the previous call. State that must survive
// a script run is therefore kept in module variables.

import { findCanvas, hideToolbar, isOnCanvas, makeFocusable, pressButton, setDrawing } from "./canvas_adapter.js";
import { dropHeldBackStrokes, expectReplacement, isStrokeHeldBack, setBackground } from "./replacement.js";
import { setReconnects, watchConnection } from "./connection.js";
import { shrinkChosen } from "./shrink.js";

const SEND_RETRY_DELAY = 50;  // ms
const MAX_SEND_TRIES = 60;
let isPenDown = false;

function setPenDown(isDown) {
  isPenDown = isDown;
  setDrawing(isDown);
}

// A new canvas that starts with strokes shows them but does not send them. This presses "send" once `before` is replaced.
function sendAfterReplacement(before, triesLeft) {
  const canvas = findCanvas();
  if (canvas && canvas !== before) pressButton("send");
  else if (triesLeft) setTimeout(sendAfterReplacement, SEND_RETRY_DELAY, before, triesLeft - 1);
}

function penDown(event) {
  setPenDown(isOnCanvas(event) && !isStrokeHeldBack());
  hideToolbar();
}

function penUp(later) {
  if (!isPenDown) return;
  setPenDown(false);
  later(() => pressButton("send"));
}

function pointerUp(event) {
  if (event.pointerType !== "mouse") penUp(setTimeout);
}

// The event mouseup follows pointerup. The canvas has finished the stroke when this listener of the window runs.
function mouseUp(event) {
  if (event.isTrusted) penUp(queueMicrotask);
}

function readPastedImage(event, onRead) {
  const file = [...(event.clipboardData?.files ?? [])].find((item) => item.type.startsWith("image/"));
  if (!file) return;
  const reader = new FileReader();
  reader.addEventListener("load", () => onRead(reader.result));
  reader.readAsDataURL(file);
}

function connectButton(button, setTriggerValue) {
  const askServer = () => {
    expectReplacement();
    setTriggerValue(button.name, true);
  };
  // The component cannot undo or redo strokes that it started with. The server can, and it replaces the widget.
  const askServerAndSend = () => {
    const before = findCanvas();
    askServer();
    sendAfterReplacement(before, MAX_SEND_TRIES);
  };
  button.onclick = () => {
    dropHeldBackStrokes();
    if (button.name === "clear") askServer();
    else pressButton(button.name, askServerAndSend);
  };
}

export default function showToolbar({ data, parentElement, setTriggerValue }) {
  if (data) {
    setReconnects(data.reconnects);
    setBackground(data.background);
  }
  hideToolbar();
  makeFocusable();
  const stopWatching = watchConnection(() => setTriggerValue("reconnected", true));

  const paste = (event) => readPastedImage(event, (url) => setTriggerValue("pasted", url));
  const listeners = [
    [document, "pointerdown", penDown, true],
    [document, "pointerover", hideToolbar, true],
    [document, "focusin", hideToolbar, true],
    [document, "pointerup", pointerUp, true],
    [window, "mouseup", mouseUp, false],
    [document, "paste", paste, false],
    [window, "change", shrinkChosen, true],
  ];
  for (const [target, type, listener, capture] of listeners) target.addEventListener(type, listener, capture);
  for (const button of parentElement.querySelectorAll("button")) connectButton(button, setTriggerValue);
  return () => {
    for (const [target, type, listener, capture] of listeners) target.removeEventListener(type, listener, capture);
    stopWatching();
  };
}
