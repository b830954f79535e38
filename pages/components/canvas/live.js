// While the pen is down a small picture of the canvas, the stroke under way included, goes to the server for a prediction.
// The next one goes when the last was answered and the server's delay is over: a slow line slows it, and nothing piles up.
//
// Streamlit calls the exported function at every run. What must survive a run is kept in this module.

const SIDE = 112;  // px of the picture
const ANSWER_TIMEOUT = 2000;  // ms after which an answer is no longer waited for
const clock = { sent: 0, answered: 0, sentAt: 0, notBefore: 0, isWaiting: false, hasMoved: false };
let run = null;  // what the newest run of the script has given

const wantsLessMotion = matchMedia("(prefers-reduced-motion: reduce)");
const isDrawing = () => place()?.hasAttribute("data-drawing");

function takePicture() {
  const picture = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  const context = picture.getContext("2d");
  context.fillStyle = run.background;
  context.fillRect(0, 0, SIDE, SIDE);
  for (const layer of ["lower", "upper"]) {
    const canvas = find(place(), `canvas.dc-canvas.${layer}-canvas`);
    if (canvas) context.drawImage(canvas, 0, 0, SIDE, SIDE);
  }
  return picture.toDataURL("image/png");
}

function send() {
  clock.isWaiting = false;
  if (!run?.isOn || wantsLessMotion.matches || !isDrawing()) return;
  const isAnswered = clock.answered >= clock.sent || performance.now() - clock.sentAt > ANSWER_TIMEOUT;
  if (!isAnswered) return;  // the answer sends the next one
  const rest = clock.notBefore - performance.now();
  if (rest > 0) {
    sendLater(rest);
    return;
  }
  clock.hasMoved = false;
  clock.sent += 1;
  clock.sentAt = performance.now();
  // The server may get it after the end of the stroke: it tells by the number of strokes that were finished before.
  run.setTriggerValue("picture", { number: clock.sent, revision: run.revision, n_strokes: run.nStrokes, url: takePicture() });
}

function sendLater(delay) {
  if (clock.isWaiting) return;
  clock.isWaiting = true;
  setTimeout(send, delay);
}

window.addEventListener("pointerdown", () => { clock.answered = clock.sent; }, true);  // the last one may have been overtaken
window.addEventListener("pointermove", () => {
  if (!isDrawing()) return;
  clock.hasMoved = true;
  sendLater(0);
}, true);

export default function ({ data, setTriggerValue }) {
  const { is_on: isOn, n_strokes: nStrokes, revision, background } = data;
  run = { setTriggerValue, isOn, nStrokes, revision, background };
  if (data.answered > clock.answered || data.answered < clock.answered - 1) {
    clock.answered = data.answered;
    clock.notBefore = performance.now() + data.delay;
    if (clock.hasMoved) sendLater(data.delay);
  }
}
