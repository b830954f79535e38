// What the drawable canvas cannot do itself: send at once when the pen goes up, be undone by touch, keep its hidden toolbar out
// of the tab order, take a pasted image, notice that the server was restarted, and lose no stroke while it is replaced.
//
// Streamlit calls the exported function, and before that the clean-up of the last call, at every run. What must survive a run
// is kept in this module.

const TOOLBAR = { send: "Update the app with this drawing", undo: "Undo", redo: "Redo" };  // titles of its buttons
const HIDDEN_TOOLBAR = ".dc-toolbar { visibility: hidden !important }";  // neither seen, nor clicked, nor a tab stop
const REPLACEMENT_TIMEOUT = 10_000;  // ms after which a canvas that was not replaced gets its strokes: the connection is lost
const READY_DELAY = 40;  // ms until a new canvas draws, as a rule
const FRESH = 500;  // ms in which a new canvas may still forget the beginning of a stroke
const CHECK_DELAY = 100, MAX_CHECKS = 10;  // ms after which a stroke must be on the new canvas, else it is drawn again
const RECONNECT_QUESTION = 500, RECONNECT_ANSWER = 5000;  // ms

const currentCanvas = () => place() && find(place(), "canvas.upper-canvas");
const isOn = (event, canvas) => canvas !== null && event.composedPath().includes(canvas);

const toolbarButton = (action) => place() && find(place(), `button[title="${TOOLBAR[action]}"]`);

function press(action, otherwise) {
  const button = toolbarButton(action);
  if (button && !button.disabled) button.click();
  else otherwise?.();
}

// Else a click on the canvas gives the focus to the whole page, which the next key would frame.
const takeFocus = () => { if (place()) place().tabIndex = -1; };

function hideToolbar() {
  const root = currentCanvas()?.getRootNode();
  if (!root || root === document || root.querySelector("#hidden-toolbar")) return;
  root.append(Object.assign(document.createElement("style"), { id: "hidden-toolbar", textContent: HIDDEN_TOOLBAR }));
}

// A stroke that begins while the server replaces the canvas (after a label, Clear or Undo) would be lost with the old one.
// It is recorded instead, and drawn on the new canvas in one go: a new canvas sets its brush up more than once, and forgets the
// beginning of a stroke that it is drawing then. What it has not taken is drawn again.
const replacement = { old: null, box: null, freshUntil: 0, isProven: true, strokes: [], recording: null, checked: null, timer: 0 };
let background = "#000000";
const isHoldingBack = () => replacement.old || replacement.checked || performance.now() < replacement.freshUntil;

// By its place: between the old canvas and the new one there is none for a moment.
function isWithinBox({ clientX, clientY, target }) {
  const { left, right, top, bottom } = replacement.box;
  return target.closest?.(PLACE) !== null && clientX >= left && clientX <= right && clientY >= top && clientY <= bottom;
}

function expectReplacement() {
  const canvas = currentCanvas();
  if (!canvas) return;
  replacement.old = canvas;
  replacement.box = canvas.getBoundingClientRect();
  replacement.checked = null;
  replacement.isProven = false;
  clearTimeout(replacement.timer);
  replacement.timer = setTimeout(finishReplacement, REPLACEMENT_TIMEOUT);
  watchForReplacement();
}

function watchForReplacement() {
  if (!replacement.old) return;
  const canvas = currentCanvas();
  const isThere = () => canvas && canvas !== replacement.old && canvas === currentCanvas() && !isScriptRunning();
  if (isThere()) {
    hideToolbar();
    setTimeout(() => (isThere() ? finishReplacement() : watchForReplacement()), READY_DELAY);
  } else {
    requestAnimationFrame(watchForReplacement);
  }
}

function finishReplacement() {
  clearTimeout(replacement.timer);
  replacement.old = null;
  replacement.freshUntil = performance.now() + FRESH;
  drawFirst();
}

// The first recorded stroke shows whether the new canvas draws; the others follow when it does.
function drawFirst() {
  const stroke = replacement.old || replacement.checked ? undefined : replacement.strokes.shift();
  if (!stroke) return;
  draw(stroke);
  checkSoon(stroke);
}

function checkSoon(stroke) {
  replacement.checked = stroke;
  setTimeout(check, CHECK_DELAY, stroke, MAX_CHECKS);
}

// Whether the canvas shows ink at a point of a stroke.
function hasInk(stroke) {
  const canvas = place() && find(place(), "canvas.dc-canvas.lower-canvas");
  if (!canvas) return false;
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const paper = [1, 3, 5].map((i) => parseInt(background.slice(i, i + 2), 16));
  return stroke.some(({ x, y }) => {
    const inside = [((x - left) / width) * canvas.width, ((y - top) / height) * canvas.height].map(Math.floor);
    const { data } = canvas.getContext("2d").getImageData(...inside, 1, 1);
    return paper.some((value, i) => Math.abs(value - data[i]) > 100);
  });
}

// On a busy machine a new canvas is there before it draws: one that has a stroke can undo it. Or it is wiped once more, and can
// undo a stroke that it no longer shows.
function check(stroke, checksLeft, wasMissing = false) {
  if (replacement.checked !== stroke) return;
  const isTaken = toolbarButton("undo")?.disabled === false, isMissing = isTaken && !hasInk(stroke);
  if (checksLeft && (!isTaken || isMissing)) {
    if (!isTaken || wasMissing) draw(stroke);
    setTimeout(check, CHECK_DELAY, stroke, checksLeft - 1, isMissing && !wasMissing);
  } else {
    replacement.checked = null;
    replacement.isProven = true;
    replacement.freshUntil = 0;
    replacement.strokes.splice(0).forEach(draw);
  }
}

function draw(stroke) {
  for (const { type, x, y } of stroke) {
    const target = type === "mousedown" ? currentCanvas() : document;
    const buttons = type === "mouseup" ? 0 : 1;
    target?.dispatchEvent(new MouseEvent(type, { clientX: x, clientY: y, buttons, bubbles: true, composed: true, view: window }));
  }
  queueMicrotask(() => press("send"));
}

function record(type, { pointerId, clientX, clientY }) {
  if (replacement.recording?.pointerId === pointerId) replacement.recording.stroke.push({ type, x: clientX, y: clientY });
}

const recorder = {
  pointerdown(event) {
    if (replacement.isProven || !isWithinBox(event)) return;
    replacement.recording = { pointerId: event.pointerId, isHeldBack: Boolean(isHoldingBack()), stroke: [] };
    record("mousedown", event);
  },
  pointermove(event) {
    record("mousemove", event);
  },
  pointerup(event) {
    if (replacement.recording?.pointerId !== event.pointerId) return;
    record("mouseup", event);
    const { stroke, isHeldBack } = replacement.recording;
    replacement.recording = null;
    if (isHeldBack) {
      replacement.strokes.push(stroke);
      drawFirst();
    } else {
      checkSoon(stroke);
    }
  },
};

// The canvas must not see the browser's own events of a stroke that is held back.
const swallow = (event) => {
  const isHeldBack = replacement.recording ? replacement.recording.isHeldBack : isHoldingBack() && isOn(event, currentCanvas());
  if (!event.isTrusted || !isHeldBack) return;
  event.stopImmediatePropagation();
  if (event.type === "touchstart") event.preventDefault();
};

for (const type of ["pointerdown", "pointermove", "pointerup"]) window.addEventListener(type, recorder[type], true);
window.addEventListener("pointercancel", recorder.pointerup, true);
for (const type of ["mousedown", "mousemove", "touchstart", "touchmove"])
  window.addEventListener(type, swallow, { capture: true, passive: false });

window.addEventListener("digit-lab-label", expectReplacement);

// A canvas that starts with strokes shows them and sends nothing: the one that replaces `before` is told to send.
function sendNext(before, triesLeft) {
  const canvas = currentCanvas();
  if (canvas && canvas !== before) press("send");
  else if (triesLeft) setTimeout(sendNext, 50, before, triesLeft - 1);
}

// When the connection was lost and is back, another session may answer, to whom this page's canvas means nothing. It is asked
// for a sign; where none comes the page is loaded again, and finds what was saved by its address.
let reconnects = null;
const app = () => document.querySelector("[data-testid=stApp]");
const isScriptRunning = () => app()?.dataset.testScriptState !== "notRunning";
const isConnected = () => app()?.dataset.testConnectionState === "CONNECTED";

function watchConnection(ask) {
  let wasConnected = isConnected();
  const observer = new MutationObserver(() => {
    if (isConnected() && !wasConnected) {
      const before = reconnects;
      setTimeout(ask, RECONNECT_QUESTION);
      setTimeout(() => { if (reconnects === before) location.reload(); }, RECONNECT_ANSWER);
    }
    wasConnected = isConnected();
  });
  if (app()) observer.observe(app(), { attributes: true, attributeFilter: ["data-test-connection-state"] });
  return () => observer.disconnect();
}

function pasteInto(setTriggerValue) {
  return (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((item) => item.type.startsWith("image/"));
    if (!file) return;
    const reader = new FileReader();
    reader.onload = () => setTriggerValue("pasted", reader.result);
    reader.readAsDataURL(file);
  };
}

// The pen is down on the canvas; a run of the script in the middle of a stroke must not forget it.
let isDrawing = false;
function setDrawing(isDown) {
  isDrawing = isDown;
  place()?.toggleAttribute("data-drawing", isDown);  // for live.js
}

export default function ({ data, parentElement, setTriggerValue }) {
  reconnects = data?.reconnects ?? reconnects;
  background = data?.background ?? background;
  hideToolbar();
  takeFocus();
  const stopWatching = watchConnection(() => setTriggerValue("reconnected", true));

  const down = (event) => { setDrawing(isOn(event, currentCanvas()) && !replacement.recording?.isHeldBack); hideToolbar(); };
  const end = (later) => { if (isDrawing) { setDrawing(false); later(() => press("send")); } };
  const pointerUp = (event) => { if (event.pointerType !== "mouse") end(setTimeout); };
  const mouseUp = (event) => { if (event.isTrusted) end(queueMicrotask); };  // follows pointerup; the canvas has the stroke by then
  const focus = () => hideToolbar();
  const paste = pasteInto(setTriggerValue);
  const listeners = [
    [document, "pointerdown", down, true], [document, "pointerover", focus, true], [document, "focusin", focus, true],
    [document, "pointerup", pointerUp, true], [window, "mouseup", mouseUp, false], [document, "paste", paste, false],
  ];
  for (const [target, type, listener, capture] of listeners) target.addEventListener(type, listener, capture);

  for (const button of parentElement.querySelectorAll("button")) {
    const ask = () => { expectReplacement(); setTriggerValue(button.name, true); };
    const askAndSend = () => { const before = currentCanvas(); ask(); sendNext(before, 60); };
    button.onclick = () => {
      replacement.strokes = [];
      if (button.name === "clear") ask();
      else press(button.name, askAndSend);
    };
  }
  return () => {
    for (const [target, type, listener, capture] of listeners) target.removeEventListener(type, listener, capture);
    stopWatching();
  };
}
