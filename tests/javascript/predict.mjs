// Predicts pictures of canvases with programs. `tests/support/javascript.py` calls it and describes its files.

import { Buffer } from "node:buffer";
import process from "node:process";
import { readFileSync, writeFileSync } from "node:fs";
import { readProgram } from "../../pages/components/live/interpreter.js";
import { toDigit } from "../../pages/components/live/preprocessing.js";

const [folder, side, nPrograms] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const pictures = readFileSync(`${folder}/pictures`);

function toRgba(start) {
  const rgba = new Uint8ClampedArray(4 * side * side).fill(255);
  for (let i = 0; i < side * side; i += 1) rgba.fill(pictures[start + i], 4 * i, 4 * i + 3);
  return rgba;
}

const digits = [];
for (let start = 0; start < pictures.length; start += side * side) digits.push(toDigit(toRgba(start), side, side));
const probabilities = Array.from({ length: nPrograms }, (_program, number) => {
  const predict = readProgram(new Uint8Array(readFileSync(`${folder}/program${number}`)).buffer);
  return digits.map((digit) => Buffer.from(predict(digit).buffer));
});
writeFileSync(`${folder}/digits`, Buffer.concat(digits));
writeFileSync(`${folder}/probabilities`, Buffer.concat(probabilities.flat()));
