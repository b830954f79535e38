// Interpreter of the programs that `digitcore/models/browser_program.py` makes from .tflite files. Tensors hold one digit in the
// order row, column, channel.

const HEADER_START = 4;  // bytes of the header's length

const hardSwish = (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6;

/** Return the error function. Source: Abramowitz and Stegun, 7.1.26; the error is at most 1.5e-7. */
function erf(x) {
  const inverse = 1 / (1 + 0.327_591_1 * Math.abs(x));
  const coefficients = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
  const sum = coefficients.reduce((total, coefficient) => (total + coefficient) * inverse, 0);
  return Math.sign(x) * (1 - sum * Math.exp(-x * x));
}

function gelu(x, { isApproximate }) {
  if (isApproximate) return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044_715 * x ** 3)));
  return 0.5 * x * (1 + erf(x * Math.SQRT1_2));
}

const UNARY = {
  relu: (x) => Math.max(x, 0),
  relu6: (x) => Math.min(Math.max(x, 0), 6),
  elu: (x) => (x < 0 ? Math.expm1(x) : x),
  tanh: (x) => Math.tanh(x),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  leakyRelu: (x, { alpha }) => (x < 0 ? alpha * x : x),
  hardSwish,
  gelu,
};

const BINARY = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  maximum: (x, y) => Math.max(x, y),
  minimum: (x, y) => Math.min(x, y),
};

/** Return the distance of neighbors along each axis. */
function stridesOf(shape) {
  const strides = [];
  let stride = 1;
  for (const size of shape.toReversed()) {
    strides.unshift(stride);
    stride *= size;
  }
  return strides;
}

/** Return for each element of the output the place of its element in a tensor that is broadcast. */
function broadcastPlaces(shape, outputShape) {
  const padded = [...Array.from({ length: outputShape.length - shape.length }, () => 1), ...shape];
  const strides = stridesOf(padded).map((stride, axis) => (padded[axis] === 1 ? 0 : stride));
  return mapPlaces(outputShape, strides, 0);
}

/** Return for each element of a tensor the sum of its index along each axis, times the stride of the axis, plus `start`. */
function mapPlaces(shape, strides, start) {
  const own = stridesOf(shape);
  return Int32Array.from({ length: sizeOf(shape) }, (_value, place) =>
    shape.reduce((sum, size, axis) => sum + (Math.floor(place / own[axis]) % size) * strides[axis], start));
}

function sizeOf(shape) {
  return shape.reduce((product, size) => product * size, 1);
}

/** Return the padding before the first row or column. */
function paddingBefore(isSame, size, outputSize, windowSize, stride) {
  return isSame ? Math.max(0, (outputSize - 1) * stride + windowSize - size) >> 1 : 0;
}

/** Call `visit` with each output pixel's number and the rows and columns of its window, which may be outside the image. */
function forEachWindow({ same, strides }, input, output, [windowHeight, windowWidth], visit) {
  const [, height, width] = input.shape, [, outputHeight, outputWidth] = output.shape;
  const top = paddingBefore(same, height, outputHeight, windowHeight, strides[0]);
  const left = paddingBefore(same, width, outputWidth, windowWidth, strides[1]);
  for (let y = 0; y < outputHeight; y += 1) {
    for (let x = 0; x < outputWidth; x += 1) visit(y * outputWidth + x, y * strides[0] - top, x * strides[1] - left);
  }
}

function dot(vectors, vectorStart, matrix, matrixStart, length) {
  let sum = 0;
  for (let i = 0; i < length; i += 1) sum += vectors[vectorStart + i] * matrix[matrixStart + i];
  return sum;
}

/** Add to `to` the products of two vectors and four rows of a matrix. This is three times as fast as one product at a time. */
function multiplyBlock(vectors, vector, matrix, row, length, to, nRows) {
  const v0 = vector * length, v1 = v0 + length;
  const m0 = row * length, m1 = m0 + length, m2 = m1 + length, m3 = m2 + length;
  let s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
  for (let i = 0; i < length; i += 1) {
    const x = vectors[v0 + i], y = vectors[v1 + i];
    const w0 = matrix[m0 + i], w1 = matrix[m1 + i], w2 = matrix[m2 + i], w3 = matrix[m3 + i];
    s00 += x * w0; s01 += x * w1; s02 += x * w2; s03 += x * w3;
    s10 += y * w0; s11 += y * w1; s12 += y * w2; s13 += y * w3;
  }
  const place = vector * nRows + row, next = place + nRows;
  to[place] += s00; to[place + 1] += s01; to[place + 2] += s02; to[place + 3] += s03;
  to[next] += s10; to[next + 1] += s11; to[next + 2] += s12; to[next + 3] += s13;
}

/** Multiply each vector with a matrix, whose rows follow each other, and add the bias. */
function multiply(vectors, matrix, bias, to) {
  const nRows = bias.length, length = matrix.length / nRows, nVectors = to.length / nRows;
  const nInBlocks = nRows - (nRows % 4), lastPair = nVectors - (nVectors % 2);
  for (let vector = 0; vector < nVectors; vector += 1) {
    to.set(bias, vector * nRows);
    for (let row = vector < lastPair ? nInBlocks : 0; row < nRows; row += 1) {
      to[vector * nRows + row] += dot(vectors, vector * length, matrix, row * length, length);
    }
  }
  for (let row = 0; row < nInBlocks; row += 4) {
    for (let vector = 0; vector < lastPair; vector += 2) multiplyBlock(vectors, vector, matrix, row, length, to, nRows);
  }
}

const biasOf = (bias, size) => bias?.values ?? new Float32Array(size);

/** Return for each place of a window, pixel by pixel, its place in the image, or -1 outside the image. */
function windowPlaces(options, input, output, [windowHeight, windowWidth]) {
  const [, height, width] = input.shape, windowSize = windowHeight * windowWidth;
  const places = new Int32Array(output.shape[1] * output.shape[2] * windowSize);
  forEachWindow(options, input, output, [windowHeight, windowWidth], (pixel, top, left) => {
    for (let i = 0; i < windowSize; i += 1) {
      const y = top + Math.floor(i / windowWidth), x = left + (i % windowWidth);
      places[pixel * windowSize + i] = y >= 0 && y < height && x >= 0 && x < width ? y * width + x : -1;
    }
  });
  return places;
}

function convolve(options, [input, kernel, bias], output) {
  const channels = input.shape.at(-1), [filters, kernelHeight, kernelWidth] = kernel.shape;
  const places = windowPlaces(options, input, output, [kernelHeight, kernelWidth]);
  const patches = new Float32Array(places.length * channels), sums = biasOf(bias, filters);
  return () => {
    for (let i = 0; i < places.length; i += 1) {
      const from = places[i] * channels, to = i * channels;
      if (from >= 0) {
        for (let channel = 0; channel < channels; channel += 1) patches[to + channel] = input.values[from + channel];
      }
    }
    multiply(patches, kernel.values, sums, output.values);
  };
}

function convolveDepthwise(options, [input, kernel, bias], output) {
  const channels = input.shape.at(-1), [, kernelHeight, kernelWidth, filters] = kernel.shape;
  const places = windowPlaces(options, input, output, [kernelHeight, kernelWidth]);
  const windowSize = kernelHeight * kernelWidth, multiplier = filters / channels, sums = biasOf(bias, filters);
  return () => {
    for (let pixel = 0; pixel * windowSize < places.length; pixel += 1) {
      for (let filter = 0; filter < filters; filter += 1) {
        const channel = Math.floor(filter / multiplier);
        let sum = sums[filter];
        for (let i = 0; i < windowSize; i += 1) {
          const place = places[pixel * windowSize + i];
          if (place >= 0) sum += input.values[place * channels + channel] * kernel.values[i * filters + filter];
        }
        output.values[pixel * filters + filter] = sum;
      }
    }
  };
}

/** Reduce each window to its maximum or its average. Pixels outside the image do not count. */
function pool(options, input, output, isMaximum) {
  const channels = input.shape.at(-1), places = windowPlaces(options, input, output, options.size);
  const windowSize = options.size[0] * options.size[1];
  return () => {
    for (let pixel = 0; pixel * windowSize < places.length; pixel += 1) {
      const inside = places.subarray(pixel * windowSize, (pixel + 1) * windowSize).filter((place) => place >= 0);
      for (let channel = 0; channel < channels; channel += 1) {
        let result = isMaximum ? -Infinity : 0;
        for (const place of inside) {
          const value = input.values[place * channels + channel];
          result = isMaximum ? Math.max(result, value) : result + value / inside.length;
        }
        output.values[pixel * channels + channel] = result;
      }
    }
  };
}

function average({ axes }, input, output) {
  const rank = input.shape.length, reduced = new Set(axes.map((axis) => (axis + rank) % rank));
  const keptShape = input.shape.map((size, axis) => (reduced.has(axis) ? 1 : size));
  const places = broadcastPlaces(keptShape, input.shape), count = input.values.length / output.values.length;
  return () => {
    output.values.fill(0);
    for (let i = 0; i < places.length; i += 1) output.values[places[i]] += input.values[i] / count;
  };
}

function softmax({ beta }, input, output) {
  const length = input.shape.at(-1);
  for (let start = 0; start < input.values.length; start += length) {
    const row = input.values.subarray(start, start + length), largest = Math.max(...row);
    const powers = Array.from(row, (value) => Math.exp(beta * (value - largest)));
    const total = powers.reduce((sum, power) => sum + power, 0);
    output.values.set(powers.map((power) => power / total), start);
  }
}

function crop({ begin }, input, output) {
  const strides = stridesOf(input.shape), start = begin.reduce((sum, from, axis) => sum + from * strides[axis], 0);
  const places = mapPlaces(output.shape, strides, start);
  return () => places.forEach((place, i) => { output.values[i] = input.values[place]; });
}

function pad({ paddings }, input, output) {
  const strides = stridesOf(output.shape);
  const start = strides.reduce((sum, stride, axis) => sum + paddings[2 * axis] * stride, 0);
  const places = mapPlaces(input.shape, strides, start);
  return () => places.forEach((place, i) => { output.values[place] = input.values[i]; });
}

/** For each kind of operation, the function that returns the operation as a function without arguments. */
const PREPARE = {
  conv: convolve,
  depthwise: convolveDepthwise,
  maxPool: (options, [input], output) => pool(options, input, output, true),
  averagePool: (options, [input], output) => pool(options, input, output, false),
  dense: (_options, [input, kernel, bias], output) => {
    const sums = biasOf(bias, kernel.shape[0]);
    return () => multiply(input.values, kernel.values, sums, output.values);
  },
  reshape: (_options, [input], output) => () => output.values.set(input.values),
  crop: (options, [input], output) => crop(options, input, output),
  pad: (options, [input], output) => pad(options, input, output),
  mean: (options, [input], output) => average(options, input, output),
  softmax: (options, [input], output) => () => softmax(options, input, output),
};

function prepareUnary(compute, options, from, to) {
  return () => { for (let i = 0; i < from.length; i += 1) to[i] = compute(from[i], options); };
}

function prepareBinary(compute, [one, other], output) {
  const places = broadcastPlaces(one.shape, output.shape), otherPlaces = broadcastPlaces(other.shape, output.shape);
  return () => {
    for (let i = 0; i < output.values.length; i += 1) {
      output.values[i] = compute(one.values[places[i]], other.values[otherPlaces[i]]);
    }
  };
}

/** Return the functions that compute an operation. */
function prepare(operation, tensors) {
  const { kind, activation } = operation;
  const inputs = operation.inputs.map((number) => tensors[number]), output = tensors[operation.output];
  const fused = activation ? [prepareUnary(UNARY[activation], operation, output.values, output.values)] : [];
  if (kind in UNARY) return [prepareUnary(UNARY[kind], operation, inputs[0].values, output.values)];
  if (kind in BINARY) return [prepareBinary(BINARY[kind], inputs, output), ...fused];
  return [PREPARE[kind](operation, inputs, output), ...fused];
}

/**
 * Read a program.
 *
 * @param {ArrayBuffer} buffer content of the program
 * @returns {(digit: Uint8Array) => Float32Array} the function that predicts the ten probabilities of a digit, 28 × 28 grey levels
 */
export function readProgram(buffer) {
  const length = new DataView(buffer).getUint32(0, true), start = HEADER_START + length;
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, HEADER_START, length)));
  const tensors = header.tensors.map(({ shape, offset }) => ({
    shape,
    values: offset === undefined
      ? new Float32Array(sizeOf(shape))
      : new Float32Array(buffer, start + offset * Float32Array.BYTES_PER_ELEMENT, sizeOf(shape)),
  }));
  const steps = header.operations.flatMap((operation) => prepare(operation, tensors));
  return (digit) => {
    tensors[header.input].values.set(digit);
    for (const step of steps) step();
    return tensors[header.output].values.slice();
  };
}
