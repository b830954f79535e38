// The worker that predicts while the user draws, so that the page stays smooth.
//
// Messages to the worker:
//   { urls }                    Load the programs of the models.
//   { urls, pixels, side }      Predict a picture of the canvas: the RGBA pixels of a square.
// The worker answers each picture with { digit, probabilities }: 28 × 28 grey levels and ten probabilities of each model, or null
// if the canvas is blank or a program is not loaded.

import { readProgram } from "./interpreter.js";
import { SIDE, toDigit } from "./preprocessing.js";

const MAX_PROGRAMS = 8;
const programs = new Map();  // address → the function that predicts, or null while it is loaded

/** Return the content of a file, or null if the server cannot be reached or does not have the file. */
async function download(url) {
  try {
    const response = await fetch(url, { cache: "force-cache" });  // The address contains a hash of the content.
    return response.ok ? await response.arrayBuffer() : null;
  } catch {
    return null;
  }
}

async function load(url) {
  if (programs.has(url)) return;
  programs.set(url, null);
  if (programs.size > MAX_PROGRAMS) programs.delete(programs.keys().next().value);
  const content = await download(url);
  if (!content) {
    programs.delete(url);  // The page asks for it again at the next stroke.
    return;
  }
  const predict = readProgram(content);
  predict(new Uint8Array(SIDE * SIDE));  // The first prediction is slow, because the browser compiles the code.
  programs.set(url, predict);
}

function predictPicture({ urls, pixels, side }) {
  const predictors = urls.map((url) => programs.get(url));
  const digit = predictors.every(Boolean) && toDigit(new Uint8ClampedArray(pixels), side, side);
  return digit ? { digit, probabilities: predictors.map((predict) => predict(digit)) } : null;
}

self.addEventListener("message", ({ data }) => {
  if (data.pixels) self.postMessage(predictPicture(data));
  else data.urls.forEach(load);
});
