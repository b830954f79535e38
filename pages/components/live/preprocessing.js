// Conversion of the canvas to a digit, as `digitcore/images/digit.py` does it on the server. The results are the same bytes.

export const SIDE = 28;  // px, side of a digit
const INK_SIDE = 20;  // px, longer side of a digit's ink
const CROP_THRESHOLD = 0.12;  // of the strongest ink: weaker ink is ignored when a drawing is cropped
const MIN_CONTRAST = 24;  // of 255: smaller differences from the background are not ink
const MAX_RATIO = 2;  // Pillow scales the columns of a taller image first.
const PRECISION_BITS = 22;  // of Pillow's fixed-point weights

/** Round halves to even, as Python does. */
function roundHalfEven(value) {
  const low = Math.floor(value), rest = value - low;
  if (rest === 0.5) return low % 2 ? low + 1 : low;
  return rest < 0.5 ? low : low + 1;
}

const clip = (value, low, high) => Math.min(Math.max(value, low), high);
const largestOf = (values) => values.reduce((largest, value) => Math.max(largest, value), 0);

/** Convert RGBA pixels to grey levels with Pillow's weights. The pixels are opaque. */
function toGrey(rgba) {
  const grey = new Uint8Array(rgba.length / 4);
  for (let i = 0; i < grey.length; i += 1) {
    grey[i] = (rgba[4 * i] * 19_595 + rgba[4 * i + 1] * 38_470 + rgba[4 * i + 2] * 7471 + 0x80_00) >> 16;
  }
  return grey;
}

function medianOfBorder(grey, width, height) {
  const border = [];
  for (let x = 0; x < width; x += 1) border.push(grey[x], grey[(height - 1) * width + x]);
  for (let y = 0; y < height; y += 1) border.push(grey[y * width], grey[y * width + width - 1]);
  border.sort((one, other) => one - other);
  const middle = border.length / 2;
  return Math.floor((border[Math.ceil(middle) - 1] + border[Math.floor(middle)]) / 2);
}

/** Scale ink in place so that its strongest pixel is 255. */
function stretchContrast(ink, largest) {
  const factor = 255 / largest;
  for (let i = 0; i < ink.length; i += 1) ink[i] = roundHalfEven(ink[i] * factor);
}

/** Return how much each pixel differs from the background, or null if the canvas is blank. */
function inkStrength(rgba, width, height) {
  const ink = toGrey(rgba);
  const background = medianOfBorder(ink, width, height);
  for (let i = 0; i < ink.length; i += 1) ink[i] = Math.abs(ink[i] - background);
  const largest = largestOf(ink);
  if (largest < MIN_CONTRAST) return null;
  stretchContrast(ink, largest);
  return ink;
}

function boundingBox(ink, width, height) {
  const threshold = CROP_THRESHOLD * 255;
  const box = { left: width, right: 0, top: height, bottom: 0 };
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (ink[y * width + x] > threshold) {
        box.left = Math.min(box.left, x);
        box.right = Math.max(box.right, x + 1);
        box.top = Math.min(box.top, y);
        box.bottom = y + 1;
      }
    }
  }
  return box;
}

/** Return Pillow's bilinear weights of one output pixel: the first input pixel and integers that add up to about 2 ** 22. */
function bilinearWeights(position, scale, nInputs) {
  const support = Math.max(scale, 1), center = (position + 0.5) * scale;
  const first = Math.max(Math.trunc(center - support + 0.5), 0);
  const last = Math.min(Math.trunc(center + support + 0.5), nInputs);
  const weights = Array.from({ length: last - first }, (_weight, i) =>
    Math.max(0, 1 - Math.abs((i + first - center + 0.5) * (1 / support))));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return { first, weights: weights.map((weight) => Math.trunc(0.5 + (weight / total) * 2 ** PRECISION_BITS)) };
}

/** Scale an image along its rows or along its columns, with anti-aliasing. */
function resizeAlong(isHorizontal, { pixels, width, height }, newSize) {
  const size = isHorizontal ? width : height, nLines = isHorizontal ? height : width;
  const step = isHorizontal ? 1 : width, lineStep = isHorizontal ? width : 1;
  const newStep = isHorizontal ? 1 : width, newLineStep = isHorizontal ? newSize : 1;
  const result = new Uint8Array(newSize * nLines);
  for (let position = 0; position < newSize; position += 1) {
    const { first, weights } = bilinearWeights(position, size / newSize, size);
    for (let line = 0; line < nLines; line += 1) {
      let sum = 2 ** (PRECISION_BITS - 1);
      for (let i = 0; i < weights.length; i += 1) sum += pixels[line * lineStep + (first + i) * step] * weights[i];
      result[line * newLineStep + position * newStep] = clip(sum >> PRECISION_BITS, 0, 255);
    }
  }
  return { pixels: result, width: isHorizontal ? newSize : width, height: isHorizontal ? height : newSize };
}

/** Scale an image with anti-aliasing. Pillow scales the columns of a tall image first, which rounds other pixels. */
function resize(image, newWidth, newHeight) {
  if (image.height > MAX_RATIO * image.width) return resizeAlong(true, resizeAlong(false, image, newHeight), newWidth);
  return resizeAlong(false, resizeAlong(true, image, newWidth), newHeight);
}

function cropped(ink, width, { left, right, top, bottom }) {
  const part = new Uint8Array((right - left) * (bottom - top));
  for (let y = top; y < bottom; y += 1) {
    part.set(ink.subarray(y * width + left, y * width + right), (y - top) * (right - left));
  }
  return part;
}

/** Place small ink on a digit so that its center of mass is in the middle. */
function placeInCenter(small, width, height) {
  let total = 0, row = 0, column = 0;
  for (let i = 0; i < small.length; i += 1) {
    total += small[i];
    row += small[i] * Math.floor(i / width);
    column += small[i] * (i % width);
  }
  const middle = (SIDE - 1) / 2;
  const top = clip(roundHalfEven(middle - row / total), 0, SIDE - height);
  const left = clip(roundHalfEven(middle - column / total), 0, SIDE - width);
  const digit = new Uint8Array(SIDE * SIDE);
  for (let y = 0; y < height; y += 1) digit.set(small.subarray(y * width, (y + 1) * width), (top + y) * SIDE + left);
  return digit;
}

/**
 * Convert the pixels of a canvas to a digit.
 *
 * @param {Uint8ClampedArray} rgba opaque RGBA pixels, dark ink on light or light ink on dark
 * @param {number} width in px
 * @param {number} height in px
 * @returns {Uint8Array | null} 28 × 28 grey levels, ink 255 on 0, or null if the canvas is blank
 */
export function toDigit(rgba, width, height) {
  const ink = inkStrength(rgba, width, height);
  if (!ink) return null;
  const box = boundingBox(ink, width, height);
  const inkWidth = box.right - box.left, inkHeight = box.bottom - box.top;
  const scale = INK_SIDE / Math.max(inkWidth, inkHeight);
  const newWidth = Math.max(1, roundHalfEven(inkWidth * scale)), newHeight = Math.max(1, roundHalfEven(inkHeight * scale));
  const part = { pixels: cropped(ink, width, box), width: inkWidth, height: inkHeight };
  const small = resize(part, newWidth, newHeight).pixels;
  stretchContrast(small, largestOf(small));
  return placeInCenter(small, newWidth, newHeight);
}
