// Keeps the strokes that the user draws while a new widget replaces the canvas.
//
// The server replaces the widget after a label, Clear, and sometimes Undo and Redo. A stroke that begins in this time would be
// lost together with the old canvas. It is held back instead: the browser's own events do not reach the canvas, and the
// recorded stroke is drawn on the new canvas later, in one step. A new canvas sets up its brush more than once and forgets the
// beginning of a stroke that is under way at that time. Therefore a drawn stroke is checked, and drawn again if it is missing.
//
// The phases of a replacement:
//   waiting   `oldCanvas` is set. Strokes are held back until a new canvas is there and no script runs.
//   new       `newUntil` is in the future. Strokes are still held back, and the first one is drawn as soon as it ends.
//   checking  `checkedStroke` is set. Strokes are held back until the canvas shows this stroke.
//   unproven  `isProven` is false and none of the above holds. The canvas gets the user's events. The next stroke is recorded
//             and checked.
//   proven    `isProven` is true. Nothing is recorded until the next replacement.

import { canUndo, drawStroke, findCanvas, hasInk, hideToolbar, isInContainer, isOnButton, isOnCanvas } from "./canvas_adapter.js";
import { isScriptRunning } from "../streamlit.js";

const REPLACEMENT_TIMEOUT = 10_000;  // ms. If no new canvas comes, the connection is lost, and the old canvas gets the strokes.
const READY_DELAY = 40;  // ms. A new canvas usually draws after this time.
const NEW_PERIOD = 500;  // ms. In this time a new canvas may forget the beginning of a stroke.
const CHECK_DELAY = 100;  // ms between two checks of a stroke
const MAX_CHECKS = 10;

const replacement = {
  oldCanvas: null,
  box: null,  // where the old canvas is on the screen
  newUntil: 0,  // in ms, as performance.now() gives it
  isProven: true,
  checkedStroke: null,
  heldBack: [],  // finished strokes that wait for the new canvas
  recording: null,  // the stroke under way: { pointerId, isHeldBack, stroke }
  timer: 0,
};
let background = "#000000";

const isHoldingBack = () =>
  Boolean(replacement.oldCanvas || replacement.checkedStroke || performance.now() < replacement.newUntil);

/** Set the background color of the canvas, which is needed to find ink. */
export function setBackground(color) {
  background = color;
}

/** Return whether the stroke under way is held back from the canvas. */
export const isStrokeHeldBack = () => Boolean(replacement.recording?.isHeldBack);

/** Forget the finished strokes that are held back. */
export function dropHeldBackStrokes() {
  replacement.heldBack = [];
}

/** Hold back all strokes from now on until a new canvas has replaced the current one. */
export function expectReplacement() {
  const canvas = findCanvas();
  if (!canvas) return;
  replacement.oldCanvas = canvas;
  replacement.box = canvas.getBoundingClientRect();
  replacement.checkedStroke = null;
  replacement.isProven = false;
  clearTimeout(replacement.timer);
  replacement.timer = setTimeout(finishReplacement, REPLACEMENT_TIMEOUT);
  waitForNewCanvas();
}

function waitForNewCanvas() {
  if (!replacement.oldCanvas) return;
  const canvas = findCanvas();
  const isReady = () => canvas && canvas !== replacement.oldCanvas && canvas === findCanvas() && !isScriptRunning();
  if (isReady()) {
    hideToolbar();
    setTimeout(() => (isReady() ? finishReplacement() : waitForNewCanvas()), READY_DELAY);
  } else {
    requestAnimationFrame(waitForNewCanvas);
  }
}

function finishReplacement() {
  clearTimeout(replacement.timer);
  replacement.oldCanvas = null;
  replacement.newUntil = performance.now() + NEW_PERIOD;
  drawFirst();
}

// The first stroke shows whether the new canvas draws. The other strokes follow when it does.
function drawFirst() {
  const stroke = replacement.oldCanvas || replacement.checkedStroke ? undefined : replacement.heldBack.shift();
  if (!stroke) return;
  drawStroke(stroke);
  checkSoon(stroke);
}

function checkSoon(stroke) {
  replacement.checkedStroke = stroke;
  setTimeout(check, CHECK_DELAY, stroke, MAX_CHECKS);
}

// On a busy machine a new canvas may be there before it draws. The canvas has accepted the stroke if it can undo the stroke.
// A new canvas may also be wiped once more. Then it can undo a stroke that it does not show.
function check(stroke, checksLeft, wasMissing = false) {
  if (replacement.checkedStroke !== stroke) return;
  const isTaken = canUndo();
  const isMissing = isTaken && !hasInk(stroke, background);
  if (checksLeft && (!isTaken || isMissing)) {
    if (!isTaken || wasMissing) drawStroke(stroke);
    setTimeout(check, CHECK_DELAY, stroke, checksLeft - 1, isMissing && !wasMissing);
  } else {
    replacement.checkedStroke = null;
    replacement.isProven = true;
    replacement.newUntil = 0;
    replacement.heldBack.splice(0).forEach((next) => drawStroke(next));
  }
}

// Compares coordinates, because for a moment neither the old nor the new canvas exists.
function isWithinBox(event) {
  const { left, right, top, bottom } = replacement.box;
  const { clientX, clientY } = event;
  return isInContainer(event) && !isOnButton(event) && clientX >= left && clientX <= right && clientY >= top && clientY <= bottom;
}

function record(type, { pointerId, clientX, clientY }) {
  if (replacement.recording?.pointerId === pointerId) replacement.recording.stroke.push({ type, x: clientX, y: clientY });
}

function startRecording(event) {
  if (replacement.isProven || !isWithinBox(event)) return;
  replacement.recording = { pointerId: event.pointerId, isHeldBack: isHoldingBack(), stroke: [] };
  record("mousedown", event);
}

function finishRecording(event) {
  if (replacement.recording?.pointerId !== event.pointerId) return;
  record("mouseup", event);
  const { stroke, isHeldBack } = replacement.recording;
  replacement.recording = null;
  if (isHeldBack) {
    replacement.heldBack.push(stroke);
    drawFirst();
  } else {
    checkSoon(stroke);
  }
}

// Keeps the browser's own events of a stroke that is held back away from the canvas.
function holdBackEvent(event) {
  const isHeldBack = replacement.recording ? isStrokeHeldBack() : isHoldingBack() && isOnCanvas(event);
  if (!event.isTrusted || !isHeldBack) return;
  event.stopImmediatePropagation();
  if (event.type === "touchstart") event.preventDefault();
}

window.addEventListener("pointerdown", startRecording, true);
window.addEventListener("pointermove", (event) => record("mousemove", event), true);
window.addEventListener("pointerup", finishRecording, true);
window.addEventListener("pointercancel", finishRecording, true);
for (const type of ["mousedown", "mousemove", "touchstart", "touchmove"]) {
  window.addEventListener(type, holdBackEvent, { capture: true, passive: false });
}
window.addEventListener("digit-lab-label", expectReplacement);
