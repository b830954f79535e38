import assert from "node:assert/strict";
import { test } from "node:test";
import { formatPercent } from "../../pages/components/live/formatting.js";
import { SIDE, toDigit } from "../../pages/components/live/preprocessing.js";

const CANVAS_SIDE = 40;

/** Return a canvas of one color with a rectangle of another color. */
function canvas(background, ink, [left, top, right, bottom]) {
  const rgba = new Uint8ClampedArray(4 * CANVAS_SIDE * CANVAS_SIDE);
  for (let i = 0; i < CANVAS_SIDE * CANVAS_SIDE; i += 1) {
    const x = i % CANVAS_SIDE, y = Math.floor(i / CANVAS_SIDE);
    rgba.set(x >= left && x < right && y >= top && y < bottom ? ink : background, 4 * i);
  }
  return rgba;
}

const BLACK = [0, 0, 0, 255], WHITE = [255, 255, 255, 255], GREY = [20, 20, 20, 255];

test("a blank canvas is no digit", () => {
  assert.equal(toDigit(canvas(BLACK, BLACK, [0, 0, 0, 0]), CANVAS_SIDE, CANVAS_SIDE), null);
  assert.equal(toDigit(canvas(BLACK, GREY, [9, 9, 20, 20]), CANVAS_SIDE, CANVAS_SIDE), null, "The ink is too weak.");
});

test("ink is scaled to 20 px and centered in both polarities", () => {
  const box = [2, 3, 7, 33];
  const digit = toDigit(canvas(BLACK, WHITE, box), CANVAS_SIDE, CANVAS_SIDE);
  const rows = Array.from({ length: SIDE }, (_row, y) => digit.subarray(y * SIDE, (y + 1) * SIDE).filter(Boolean).length);
  assert.deepEqual(rows, rows.map((_count, y) => (y >= 4 && y < 24 ? 3 : 0)));
  assert.deepEqual(toDigit(canvas(WHITE, BLACK, box), CANVAS_SIDE, CANVAS_SIDE), digit);
});

test("a dot fills the digit", () => {
  const digit = toDigit(canvas(BLACK, WHITE, [10, 10, 11, 11]), CANVAS_SIDE, CANVAS_SIDE);
  assert.equal(digit.filter((level) => level === 255).length, 400);
});

test("a share below 1 is never shown as 100 %", () => {
  const shares = [0, 0.954, 0.996, 0.9999, 1];
  assert.deepEqual(shares.map((share) => formatPercent(share)), ["0 %", "95 %", "99.6 %", "99.9 %", "100 %"]);
  assert.equal(formatPercent(0.5, 1), "50.0 %");
});
