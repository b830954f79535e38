import assert from "node:assert/strict";
import { test } from "node:test";
import { readProgram } from "../../pages/components/live/interpreter.js";

const FLOAT_BYTES = 4;

/** Return a program in the format of browser_program.py. Tensor 0 is the input, and the last tensor is the output. */
function toProgram(tensors, operations) {
  const weights = tensors.flatMap(({ values }) => values ?? []);
  let offset = 0;
  const described = tensors.map(({ shape, values }) => {
    const place = values ? { offset } : {};
    offset += values?.length ?? 0;
    return { shape, ...place };
  });
  let text = JSON.stringify({ input: 0, output: tensors.length - 1, tensors: described, operations });
  text = text.padEnd(Math.ceil(text.length / FLOAT_BYTES) * FLOAT_BYTES);
  const buffer = new ArrayBuffer(FLOAT_BYTES + text.length + FLOAT_BYTES * weights.length);
  new DataView(buffer).setUint32(0, text.length, true);
  new Uint8Array(buffer, FLOAT_BYTES).set(new TextEncoder().encode(text));
  new Float32Array(buffer, FLOAT_BYTES + text.length).set(weights);
  return buffer;
}

/** Run one operation on an input, and compare the output. */
function check(operation, inputShape, input, constants, outputShape, expected) {
  const tensors = [{ shape: inputShape }, ...constants, { shape: outputShape }];
  const inputs = tensors.slice(0, -1).map((_tensor, number) => number);
  const found = readProgram(toProgram(tensors, [{ inputs, output: tensors.length - 1, ...operation }]))(input);
  assert.equal(found.length, expected.length);
  found.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-5, `${found} is not ${expected}`));
}

const IMAGE = [1, 2, 3, 4, 5, 6, 7, 8, 9];  // 3 × 3 pixels

test("a convolution with padding counts pixels outside the image as 0", () => {
  const kernel = { shape: [1, 3, 3, 1], values: [1, 1, 1, 1, 1, 1, 1, 1, 1] }, bias = { shape: [1], values: [0.5] };
  const options = { kind: "conv", same: true, strides: [1, 1] };
  const expected = [12, 21, 16, 27, 45, 33, 24, 39, 28].map((sum) => sum + 0.5);
  check(options, [1, 3, 3, 1], IMAGE, [kernel, bias], [1, 3, 3, 1], expected);
});

test("a convolution has strides, filters, channels and an activation", () => {
  const kernel = { shape: [5, 1, 1, 2], values: [1, 0, 0, 1, 1, 1, -1, 0, 0, -1] };
  const options = { kind: "conv", same: false, strides: [1, 2], activation: "relu" };
  check(options, [1, 1, 3, 2], [1, 2, 3, 4, 5, 6], [kernel], [1, 1, 2, 5], [1, 2, 3, 0, 0, 5, 6, 11, 0, 0]);
});

test("a depthwise convolution keeps the channels apart", () => {
  const kernel = { shape: [1, 1, 2, 4], values: [1, 2, 3, 4, 10, 20, 30, 40] };
  const options = { kind: "depthwise", same: false, strides: [1, 1] };
  check(options, [1, 1, 2, 2], [1, 2, 3, 4], [kernel], [1, 1, 1, 4], [31, 62, 126, 168]);
});

test("pooling ignores pixels outside the image", () => {
  const options = { same: true, strides: [2, 2], size: [2, 2] };
  check({ kind: "maxPool", ...options }, [1, 3, 3, 1], IMAGE, [], [1, 2, 2, 1], [5, 6, 8, 9]);
  check({ kind: "averagePool", ...options }, [1, 3, 3, 1], IMAGE, [], [1, 2, 2, 1], [3, 4.5, 7.5, 9]);
});

test("a dense layer multiplies and adds the bias", () => {
  const kernel = { shape: [2, 3], values: [1, 0, 2, -1, 1, 0] }, bias = { shape: [2], values: [10, 0] };
  check({ kind: "dense" }, [1, 3], [1, 2, 3], [kernel, bias], [1, 2], [17, 1]);
});

test("an operation with two inputs broadcasts the smaller one", () => {
  const factors = { shape: [2], values: [10, 100] };
  check({ kind: "mul" }, [1, 2, 2], [1, 2, 3, 4], [factors], [1, 2, 2], [10, 200, 30, 400]);
  check({ kind: "sub", activation: "relu6" }, [1, 2], [20, 1], [{ shape: [], values: [3] }], [1, 2], [6, 0]);
  check({ kind: "div" }, [1, 2], [20, 1], [{ shape: [1], values: [4] }], [1, 2], [5, 0.25]);
  check({ kind: "maximum" }, [1, 2], [20, 1], [{ shape: [1], values: [4] }], [1, 2], [20, 4]);
  check({ kind: "minimum" }, [1, 2], [20, 1], [{ shape: [1], values: [4] }], [1, 2], [4, 1]);
});

test("an image is cropped, padded and averaged", () => {
  check({ kind: "crop", begin: [0, 1, 1, 0] }, [1, 3, 3, 1], IMAGE, [], [1, 2, 2, 1], [5, 6, 8, 9]);
  check({ kind: "pad", paddings: [0, 0, 1, 0, 0, 1, 0, 0] }, [1, 1, 2, 1], [1, 2], [], [1, 2, 3, 1], [0, 0, 0, 1, 2, 0]);
  check({ kind: "mean", axes: [1, -2] }, [1, 2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8], [], [1, 2], [4, 5]);
});

test("the activations have the values of Keras", () => {
  const values = { relu: 0, elu: -0.632_121, tanh: -0.761_594, sigmoid: 0.268_941, hardSwish: -1 / 3, gelu: -0.158_655 };
  for (const [kind, expected] of Object.entries(values)) check({ kind }, [1, 1], [-1], [], [1, 1], [expected]);
  check({ kind: "leakyRelu", alpha: 0.3 }, [1, 2], [-1, 2], [], [1, 2], [-0.3, 2]);
  check({ kind: "gelu", isApproximate: true }, [1, 1], [-1], [], [1, 1], [-0.158_808]);
});

test("softmax is stable for large values", () => {
  check({ kind: "softmax", beta: 1 }, [1, 2], [1000, 1000 + Math.log(3)], [], [1, 2], [0.25, 0.75]);
});

test("a program can be run again", () => {
  const tensors = [{ shape: [1, 2] }, { shape: [2, 1] }], operation = { kind: "reshape", inputs: [0], output: 1 };
  const predict = readProgram(toProgram(tensors, [operation]));
  const first = predict([1, 2]);
  assert.deepEqual([...predict([3, 4])], [3, 4]);
  assert.deepEqual([...first], [1, 2]);
});
