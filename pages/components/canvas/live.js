// Sends small pictures of the canvas to the server while the user draws, so that the prediction changes during a stroke.
//
// The next picture is sent when the previous one was answered and the server's delay is over. A slow connection therefore
// lowers the rate, and pictures do not queue up.
//
// Streamlit calls the exported function at every script run. State that must survive a script run is therefore kept in module
// variables.

import { isDrawing, paintLayers } from "./canvas_adapter.js";

const PICTURE_SIDE = 112;  // px
const ANSWER_TIMEOUT = 2000;  // ms. After this time the next picture is sent without an answer.
const clock = { sent: 0, answered: 0, sentAt: 0, notBefore: 0, isWaiting: false, hasMoved: false };
let latestRun = null;  // the values of the latest script run

const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

function takePicture() {
  const picture = Object.assign(document.createElement("canvas"), { width: PICTURE_SIDE, height: PICTURE_SIDE });
  const context = picture.getContext("2d");
  context.fillStyle = latestRun.background;
  context.fillRect(0, 0, PICTURE_SIDE, PICTURE_SIDE);
  paintLayers(context, PICTURE_SIDE);
  return picture.toDataURL("image/png");
}

function send() {
  clock.isWaiting = false;
  if (!latestRun?.isOn || reducedMotion.matches || !isDrawing()) return;
  const isAnswered = clock.answered >= clock.sent || performance.now() - clock.sentAt > ANSWER_TIMEOUT;
  if (!isAnswered) return;  // The answer triggers the next picture.
  const remaining = clock.notBefore - performance.now();
  if (remaining > 0) {
    sendLater(remaining);
    return;
  }
  clock.hasMoved = false;
  clock.sent += 1;
  clock.sentAt = performance.now();
  // The picture may reach the server after the end of the stroke. The server then recognizes it by the number of strokes that
  // were finished before.
  latestRun.setTriggerValue("picture", {
    number: clock.sent,
    revision: latestRun.revision,
    n_strokes: latestRun.nStrokes,
    url: takePicture(),
  });
}

function sendLater(delay) {
  if (clock.isWaiting) return;
  clock.isWaiting = true;
  setTimeout(send, delay);
}

// The finished stroke may arrive before the answer to the last picture.
window.addEventListener("pointerdown", () => { clock.answered = clock.sent; }, true);
window.addEventListener("pointermove", () => {
  if (!isDrawing()) return;
  clock.hasMoved = true;
  sendLater(0);
}, true);

export default function takeAnswer({ data, setTriggerValue }) {
  latestRun = {
    setTriggerValue,
    isOn: data.is_on,
    nStrokes: data.n_strokes,
    revision: data.revision,
    background: data.background,
  };
  if (data.answered > clock.answered || data.answered < clock.answered - 1) {
    clock.answered = data.answered;
    clock.notBefore = performance.now() + data.delay;
    if (clock.hasMoved) sendLater(data.delay);
  }
}
