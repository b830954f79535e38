"""Conversion of .tflite files to programs that the browser runs, so that it predicts during a stroke without the server.

A program is a list of operations with their weights. `pages/components/live/interpreter.js` runs it. Its bytes are the length of
a JSON header (uint32, little-endian), the header, padded with spaces to a multiple of four bytes, and the weights as float32.
"""

import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from digitcore.errors import ModelError

MAX_BYTES = 10_000_000  # A larger program would be a long download only for predictions during strokes.
ALIGNMENT = 4  # bytes of a float32
Options = dict[str, Any]


def convert(tflite_bytes: bytes) -> bytes | None:
    """Convert a .tflite file to a program for the browser.

    Args:
        tflite_bytes: Content of a valid .tflite file.

    Returns:
        The program, or None if the model has an operation that the interpreter does not know, is quantized, or is too large.

    Raises:
        ModelError: If the file is damaged.

    Example:
        >>> from digitcore import models
        >>> program = convert(models.load("mlp").tflite_bytes)
        >>> header = json.loads(program[4 : 4 + int.from_bytes(program[:4], "little")])
        >>> [operation["kind"] for operation in header["operations"]]
        ['mul', 'reshape', 'dense', 'dense', 'softmax']
    """
    try:
        return _convert(tflite_bytes) if len(tflite_bytes) <= MAX_BYTES else None
    except (struct.error, ValueError, TypeError, IndexError, AttributeError) as error:
        raise ModelError("This is not a LiteRT model. Train a model, or choose another model.") from error


def _convert(tflite_bytes: bytes) -> bytes | None:
    # Imported here because only the predictions in the browser need it.
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAsModel(tflite_bytes, 0)
    graph = model.Subgraphs(0)
    if model.SubgraphsLength() != 1 or graph.InputsLength() != 1 or graph.OutputsLength() != 1:
        return None
    program = _Program(schema, model, graph)
    operations = []
    for i in range(graph.OperatorsLength()):
        operator = graph.Operators(i)
        outputs = [graph.Tensors(number).Type() for number in operator.OutputsAsNumpy()]
        if all(kind == schema.TensorType.INT32 for kind in outputs):
            continue  # It computes the shape of a tensor from the number of digits, which is 1 in the browser.
        operation = program.operation(operator)
        if operation is None or outputs != [schema.TensorType.FLOAT32]:
            return None
        operations.append(operation)
    return program.to_bytes(operations)


class _Program:
    """The tensors of a program, which are numbered in the order of their first use."""

    def __init__(self, schema: Any, model: Any, graph: Any):
        self._schema, self._model, self._graph = schema, model, graph
        self._numbers: dict[int, int] = {}  # number in the file → number in the program
        self._tensors: list[Options] = []
        self._weights: list[bytes] = []
        self._n_weights = 0
        self._known = _operations(schema)

    def operation(self, operator: Any) -> Options | None:
        """Return an operation with its options and tensors, or None if the interpreter does not know it."""
        code = self._model.OperatorCodes(operator.OpcodeIndex())
        known = self._known.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()))
        if known is None:
            return None
        kind, options_class, read, n_inputs = known
        options = None
        if options_class is not None and operator.BuiltinOptions() is not None:
            options = getattr(self._schema, options_class)()
            options.Init(operator.BuiltinOptions().Bytes, operator.BuiltinOptions().Pos)
        inputs = operator.InputsAsNumpy().tolist()
        values = read(options, [self._integers(number) for number in inputs])
        if values is None:
            return None
        tensors = [self._tensor(number) for number in inputs[:n_inputs] if number >= 0]
        output = self._tensor(int(operator.Outputs(0)))
        if None in tensors or output is None:
            return None
        return {"kind": kind, "inputs": tensors, "output": output, **values}

    def to_bytes(self, operations: list[Options]) -> bytes | None:
        """Return the program."""
        ends = [self._tensor(int(self._graph.Inputs(0))), self._tensor(int(self._graph.Outputs(0)))]
        if None in ends:
            return None
        header = {"input": ends[0], "output": ends[1], "tensors": self._tensors, "operations": operations}
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % ALIGNMENT)
        return b"".join([struct.pack("<I", len(text)), text, *self._weights])

    def _tensor(self, number: int) -> int | None:
        """Add a tensor and return its number in the program, or None if its values are not float32."""
        if number not in self._numbers:
            tensor = self._graph.Tensors(number)
            if tensor.Type() != self._schema.TensorType.FLOAT32:
                return None
            described: Options = {"shape": _shape(tensor)}
            buffer = self._model.Buffers(tensor.Buffer())
            if buffer.DataLength():
                described["offset"] = self._n_weights
                self._weights.append(buffer.DataAsNumpy().tobytes())
                self._n_weights += buffer.DataLength() // ALIGNMENT
            self._numbers[number] = len(self._tensors)
            self._tensors.append(described)
        return self._numbers[number]

    def _integers(self, number: int) -> list[int] | None:
        """Return the values of a constant tensor of type int32, or None for another tensor."""
        if number < 0:
            return None
        tensor = self._graph.Tensors(number)
        buffer = self._model.Buffers(tensor.Buffer())
        if tensor.Type() != self._schema.TensorType.INT32 or not buffer.DataLength():
            return None
        values: list[int] = buffer.DataAsNumpy().view(np.int32).tolist()
        return values


def _shape(tensor: Any) -> list[int]:
    return [int(size) for size in tensor.ShapeAsNumpy()] if tensor.ShapeLength() else []


Reader = Callable[[Any, list[list[int] | None]], Options | None]


def _operations(schema: Any) -> dict[int, tuple[str, str | None, Reader, int]]:
    """Return for each known operation its kind, the class and the reader of its options, and its number of float inputs."""
    codes = schema.BuiltinOperator
    same, none = schema.Padding.SAME, schema.ActivationFunctionType.NONE
    activations = {
        schema.ActivationFunctionType.RELU: "relu",
        schema.ActivationFunctionType.RELU6: "relu6",
        schema.ActivationFunctionType.TANH: "tanh",
    }

    def activation(options: Any) -> Options | None:
        fused = none if options is None else options.FusedActivationFunction()
        if fused == none:
            return {}
        return {"activation": activations[fused]} if fused in activations else None

    def window(options: Any, _constants: Any) -> Options | None:
        fused = activation(options)
        places = {"same": options.Padding() == same, "strides": [options.StrideH(), options.StrideW()]}
        return None if fused is None else places | fused

    def convolution(options: Any, constants: Any) -> Options | None:
        is_dilated = (options.DilationHFactor(), options.DilationWFactor()) != (1, 1)
        return None if is_dilated else window(options, constants)

    def pool(options: Any, constants: Any) -> Options | None:
        found = window(options, constants)
        return None if found is None else found | {"size": [options.FilterHeight(), options.FilterWidth()]}

    def fused_only(options: Any, _constants: Any) -> Options | None:
        return activation(options)

    def nothing(_options: Any, _constants: Any) -> Options:
        return {}

    def softmax(options: Any, _constants: Any) -> Options:
        return {"beta": options.Beta()}

    def gelu(options: Any, _constants: Any) -> Options:
        return {"isApproximate": bool(options is not None and options.Approximate())}

    def leaky(options: Any, _constants: Any) -> Options:
        return {"alpha": options.Alpha()}

    def paddings(_options: Any, constants: list[list[int] | None]) -> Options | None:
        return None if constants[1] is None else {"paddings": constants[1]}

    def axes(_options: Any, constants: list[list[int] | None]) -> Options | None:
        return None if constants[1] is None else {"axes": constants[1]}

    def crop(options: Any, constants: list[list[int] | None]) -> Options | None:
        begin, end, strides = constants[1:]
        masks = options.EllipsisMask() or options.NewAxisMask() or options.ShrinkAxisMask()
        if begin is None or end is None or strides is None or masks or set(strides) != {1} or min(begin) < 0:
            return None
        return {"begin": [0 if options.BeginMask() >> i & 1 else start for i, start in enumerate(begin)]}

    return {
        codes.CONV_2D: ("conv", "Conv2DOptions", convolution, 3),
        codes.DEPTHWISE_CONV_2D: ("depthwise", "DepthwiseConv2DOptions", convolution, 3),
        codes.MAX_POOL_2D: ("maxPool", "Pool2DOptions", pool, 1),
        codes.AVERAGE_POOL_2D: ("averagePool", "Pool2DOptions", pool, 1),
        codes.FULLY_CONNECTED: ("dense", "FullyConnectedOptions", fused_only, 3),
        codes.ADD: ("add", "AddOptions", fused_only, 2),
        codes.SUB: ("sub", "SubOptions", fused_only, 2),
        codes.MUL: ("mul", "MulOptions", fused_only, 2),
        codes.DIV: ("div", "DivOptions", fused_only, 2),
        codes.MAXIMUM: ("maximum", None, nothing, 2),
        codes.MINIMUM: ("minimum", None, nothing, 2),
        codes.RESHAPE: ("reshape", None, nothing, 1),
        codes.SQUEEZE: ("reshape", None, nothing, 1),
        codes.EXPAND_DIMS: ("reshape", None, nothing, 1),
        codes.STRIDED_SLICE: ("crop", "StridedSliceOptions", crop, 1),
        codes.PAD: ("pad", None, paddings, 1),
        codes.MEAN: ("mean", None, axes, 1),
        codes.SOFTMAX: ("softmax", "SoftmaxOptions", softmax, 1),
        codes.RELU: ("relu", None, nothing, 1),
        codes.RELU6: ("relu6", None, nothing, 1),
        codes.ELU: ("elu", None, nothing, 1),
        codes.TANH: ("tanh", None, nothing, 1),
        codes.LOGISTIC: ("sigmoid", None, nothing, 1),
        codes.HARD_SWISH: ("hardSwish", None, nothing, 1),
        codes.LEAKY_RELU: ("leakyRelu", "LeakyReluOptions", leaky, 1),
        codes.GELU: ("gelu", "GeluOptions", gelu, 1),
    }
