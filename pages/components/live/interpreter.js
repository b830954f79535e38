// Interpreter of the programs that `digitcore/models/browser_program.py` makes from .tflite files. Tensors hold one digit in the
// order row, column, channel.

const HEADER_START = 4;  // bytes of the header's length

const hardSwish = (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6;

/** Return the error function. Source: Abramowitz and Stegun, 7.1.26; the error is at most 1.5e-7. */
function erf(x) {
  const t = 1 / (1 + 0.327_591_1 * Math.abs(x));
  const sum = t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
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

function applyUnary(compute, options, from, to) {
  for (let i = 0; i < from.length; i += 1) to[i] = compute(from[i], options);
}

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
  return Int32Array.from({ length: sizeOf(shape) }, (_, place) =>
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

/** Multiply a vector with a matrix, whose rows follow each other, and add the bias. Four rows at a time are twice as fast. */
function multiply(vector, matrix, bias, to, start) {
  const length = vector.length, nRows = matrix.length / length;
  let row = 0;
  for (; row + 4 <= nRows; row += 4) {
    const first = row * length, second = first + length, third = second + length, fourth = third + length;
    let sum1 = bias ? bias[row] : 0, sum2 = bias ? bias[row + 1] : 0;
    let sum3 = bias ? bias[row + 2] : 0, sum4 = bias ? bias[row + 3] : 0;
    for (let i = 0; i < length; i += 1) {
      const value = vector[i];
      sum1 += value * matrix[first + i];
      sum2 += value * matrix[second + i];
      sum3 += value * matrix[third + i];
      sum4 += value * matrix[fourth + i];
    }
    to[start + row] = sum1;
    to[start + row + 1] = sum2;
    to[start + row + 2] = sum3;
    to[start + row + 3] = sum4;
  }
  for (; row < nRows; row += 1) {
    let sum = bias ? bias[row] : 0;
    for (let i = 0; i < length; i += 1) sum += vector[i] * matrix[row * length + i];
    to[start + row] = sum;
  }
}

function convolve(options, [input, kernel, bias], output) {
  const [, height, width, channels] = input.shape, [filters, kernelHeight, kernelWidth] = kernel.shape;
  const patch = new Float32Array(kernelHeight * kernelWidth * channels);
  forEachWindow(options, input, output, [kernelHeight, kernelWidth], (pixel, top, left) => {
    for (let i = 0; i < kernelHeight * kernelWidth; i += 1) {
      const y = top + Math.floor(i / kernelWidth), x = left + (i % kernelWidth), place = i * channels;
      const isInside = y >= 0 && y < height && x >= 0 && x < width;
      const from = (y * width + x) * channels;
      for (let j = 0; j < channels; j += 1) patch[place + j] = isInside ? input.values[from + j] : 0;
    }
    multiply(patch, kernel.values, bias?.values, output.values, pixel * filters);
  });
}

function convolveDepthwise(options, [input, kernel, bias], output) {
  const [, height, width, channels] = input.shape, [, kernelHeight, kernelWidth, filters] = kernel.shape;
  const multiplier = filters / channels;
  forEachWindow(options, input, output, [kernelHeight, kernelWidth], (pixel, top, left) => {
    for (let filter = 0; filter < filters; filter += 1) {
      const channel = Math.floor(filter / multiplier);
      let sum = bias ? bias.values[filter] : 0;
      for (let i = 0; i < kernelHeight * kernelWidth; i += 1) {
        const y = top + Math.floor(i / kernelWidth), x = left + (i % kernelWidth);
        if (y >= 0 && y < height && x >= 0 && x < width) {
          sum += input.values[(y * width + x) * channels + channel] * kernel.values[i * filters + filter];
        }
      }
      output.values[pixel * filters + filter] = sum;
    }
  });
}

/** Reduce each window to one value. Pixels outside the image do not count. */
function pool(options, input, output, isMaximum) {
  const [, height, width, channels] = input.shape, [windowHeight, windowWidth] = options.size;
  forEachWindow(options, input, output, options.size, (pixel, top, left) => {
    const firstRow = Math.max(0, top), lastRow = Math.min(height, top + windowHeight);
    const firstColumn = Math.max(0, left), lastColumn = Math.min(width, left + windowWidth);
    const count = (lastRow - firstRow) * (lastColumn - firstColumn);
    for (let channel = 0; channel < channels; channel += 1) {
      let result = isMaximum ? -Infinity : 0;
      for (let y = firstRow; y < lastRow; y += 1) {
        for (let x = firstColumn; x < lastColumn; x += 1) {
          const value = input.values[(y * width + x) * channels + channel];
          result = isMaximum ? Math.max(result, value) : result + value / count;
        }
      }
      output.values[pixel * channels + channel] = result;
    }
  });
}

function average({ axes }, input, output) {
  const rank = input.shape.length, reduced = new Set(axes.map((axis) => (axis + rank) % rank));
  const keptShape = input.shape.map((size, axis) => (reduced.has(axis) ? 1 : size));
  const places = broadcastPlaces(keptShape, input.shape), count = input.values.length / output.values.length;
  output.values.fill(0);
  for (let i = 0; i < places.length; i += 1) output.values[places[i]] += input.values[i] / count;
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

const OTHERS = {
  conv: convolve,
  depthwise: convolveDepthwise,
  maxPool: (options, [input], output) => pool(options, input, output, true),
  averagePool: (options, [input], output) => pool(options, input, output, false),
  dense: (_, [input, kernel, bias], output) => multiply(input.values, kernel.values, bias?.values, output.values, 0),
  reshape: (_, [input], output) => output.values.set(input.values),
  crop: ({ begin }, [input], output) => {
    const strides = stridesOf(input.shape), start = begin.reduce((sum, from, axis) => sum + from * strides[axis], 0);
    mapPlaces(output.shape, strides, start).forEach((place, i) => { output.values[i] = input.values[place]; });
  },
  pad: ({ paddings }, [input], output) => {
    const strides = stridesOf(output.shape);
    const start = strides.reduce((sum, stride, axis) => sum + paddings[2 * axis] * stride, 0);
    output.values.fill(0);
    mapPlaces(input.shape, strides, start).forEach((place, i) => { output.values[place] = input.values[i]; });
  },
  mean: (options, [input], output) => average(options, input, output),
  softmax: (options, [input], output) => softmax(options, input, output),
};

function computeBinary(compute, [one, other], output) {
  const places = broadcastPlaces(one.shape, output.shape), otherPlaces = broadcastPlaces(other.shape, output.shape);
  for (let i = 0; i < output.values.length; i += 1) {
    output.values[i] = compute(one.values[places[i]], other.values[otherPlaces[i]]);
  }
}

function run(operation, tensors) {
  const { kind, activation } = operation;
  const inputs = operation.inputs.map((number) => tensors[number]), output = tensors[operation.output];
  if (kind in UNARY) applyUnary(UNARY[kind], operation, inputs[0].values, output.values);
  else if (kind in BINARY) computeBinary(BINARY[kind], inputs, output);
  else OTHERS[kind](operation, inputs, output);
  if (activation) applyUnary(UNARY[activation], operation, output.values, output.values);
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
  return (digit) => {
    tensors[header.input].values.set(digit);
    for (const operation of header.operations) run(operation, tensors);
    return tensors[header.output].values.slice();
  };
}
