// Predicts in the browser while the user draws. The prediction of the server replaces this prediction when a stroke ends.
//
// A worker computes the predictions. The next picture is taken when the worker has answered the previous one, so that a slow
// device predicts less often.
//
// Streamlit calls the exported function at every run of the whole page. State that must survive a script run is therefore kept
// in module variables.

import { isDrawing, paintLayers } from "../canvas/canvas_adapter.js";
import { formatPercent, formatRemark } from "./formatting.js";
import { serverUrl } from "../streamlit.js";

const PICTURE_SIDE = 280;  // px, side of the picture that the server gets of the finished stroke
const DIGIT_SIDE = 28;
const LIVE = "data-live";  // marks the head while it shows a prediction of the browser
const state = { isOn: true, latest: null, worker: null, isBusy: false, isWaiting: false, hasMoved: false };

const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
const picture = Object.assign(document.createElement("canvas"), { width: PICTURE_SIDE, height: PICTURE_SIDE });
const thumbnail = Object.assign(document.createElement("canvas"), { width: DIGIT_SIDE, height: DIGIT_SIDE });
const pictureContext = picture.getContext("2d", { willReadFrequently: true });
const thumbnailContext = thumbnail.getContext("2d");

const findHead = () => document.querySelector("[data-testid=prediction-head]");
const isWanted = () => state.isOn && state.latest?.urls.length > 0 && !reducedMotion.matches;

function toImageUrl(digit) {
  const image = thumbnailContext.createImageData(DIGIT_SIDE, DIGIT_SIDE);
  digit.forEach((level, i) => image.data.set([level, level, level, 255], 4 * i));
  thumbnailContext.putImageData(image, 0, 0);
  return thumbnail.toDataURL();
}

function showGuess(guess, probabilities, threshold) {
  const ranking = [...probabilities.keys()].toSorted((one, other) => probabilities[other] - probabilities[one]);
  const confidence = probabilities[ranking[0]];
  guess.querySelector("[data-testid=predicted-digit]").textContent = ranking[0];
  guess.querySelector(".confidence").textContent = formatPercent(confidence, 1);
  guess.querySelector("small").textContent = formatRemark(ranking, confidence, threshold, state.latest.noDigit);
}

function show({ digit, probabilities }) {
  const head = findHead();
  const { thresholds, guesses, shownFrom } = state.latest;
  // After the end of the stroke the head has no mark any more if the server has answered.
  if (!head || probabilities.length !== thresholds.length || !(isDrawing() || head.hasAttribute(LIVE))) return;
  const box = head.querySelector(".guesses");
  if (box.querySelectorAll(".guess").length !== probabilities.length) box.innerHTML = guesses;
  box.ariaBusy = "true";  // A screen reader reads the prediction of the server only.
  box.querySelectorAll(".guess").forEach((guess, i) => showGuess(guess, probabilities[i], thresholds[i]));
  head.querySelector("img").src = toImageUrl(digit);
  const shares = Array.from({ length: probabilities[0].length }, (_share, i) => probabilities.map((row) => row[i]));
  const texts = Array.from(probabilities.at(-1), (share) => (share >= shownFrom ? formatPercent(share) : ""));
  window.dispatchEvent(new CustomEvent("digit-lab-live", { detail: { shares, texts } }));
}

function takePicture() {
  state.isWaiting = false;
  if (!state.hasMoved || state.isBusy || !state.worker || !isWanted() || !(isDrawing() || findHead()?.hasAttribute(LIVE))) return;
  state.hasMoved = false;
  state.isBusy = true;
  pictureContext.clearRect(0, 0, PICTURE_SIDE, PICTURE_SIDE);
  paintLayers(pictureContext, PICTURE_SIDE);
  const pixels = pictureContext.getImageData(0, 0, PICTURE_SIDE, PICTURE_SIDE).data.buffer;
  state.worker.postMessage({ urls: state.latest.urls, pixels, side: PICTURE_SIDE }, [pixels]);
}

// The canvas draws a movement after the listener of the window that hears of it.
function takePictureSoon() {
  if (state.isWaiting || state.isBusy) return;
  state.isWaiting = true;
  setTimeout(takePicture);
}

function takeAnswer({ data }) {
  state.isBusy = false;
  if (data) show(data);
  takePicture();
}

function startWorker(text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  worker.addEventListener("message", takeAnswer);
  worker.addEventListener("error", () => { state.isOn = false; });  // The browser cannot run the worker.
  return worker;
}

function loadPrograms() {
  if (!isWanted()) return;
  state.worker ??= startWorker(state.latest.worker);
  state.worker.postMessage({ urls: state.latest.urls });
}

window.addEventListener("pointerdown", loadPrograms, true);  // A program whose download failed is loaded again.
window.addEventListener("pointermove", () => {
  if (!isDrawing()) return;
  findHead()?.toggleAttribute(LIVE, true);
  state.hasMoved = true;
  takePictureSoon();
}, true);

export default function takeModels({ data }) {
  state.latest = { ...data, urls: data.paths.map(serverUrl) };
  const later = window.requestIdleCallback ?? setTimeout;  // Safari has no idle callbacks.
  later(loadPrograms);
}
