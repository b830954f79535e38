"""Size of a Keras model, computed from its configuration in microseconds, before Keras allocates memory for it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

Json = dict[str, Any]
Shape = tuple[int, ...]  # of the output for one digit, without the batch
MALFORMED = (TypeError, ValueError, KeyError, IndexError, ZeroDivisionError, OverflowError, AttributeError)


@dataclass(frozen=True)
class Size:
    """The size of a model.

    Attributes:
        weights: Number of weights.
        largest_output: Number of values in the largest output of a layer for one digit.

    Example:
        >>> Size(weights=10, largest_output=784).weights
        10
    """

    weights: int = 0
    largest_output: int = 0

    def __add__(self, other: "Size") -> "Size":
        return Size(self.weights + other.weights, max(self.largest_output, other.largest_output))


def estimate(model: Json) -> Size:
    """Return the size of a model.

    Args:
        model: The configuration of a model, in the form of Keras 3, from an untrusted file.

    Returns:
        The size. Layers that are malformed, or follow a malformed layer, are not counted.

    Example:
        >>> entry = {"class_name": "InputLayer", "config": {"batch_shape": [None, 784]}}
        >>> dense = {"class_name": "Dense", "config": {"units": 10}}
        >>> estimate({"class_name": "Sequential", "config": {"layers": [entry, dense]}})
        Size(weights=7850, largest_output=784)
    """
    return _estimate(model, None)[0]


def _estimate(entry: Json, shape: Shape | None) -> tuple[Size, Shape | None]:
    """Return the size of a model or a layer, and the shape of its output, which is None if it is unknown."""
    try:
        layers = entry["config"].get("layers")
        if not isinstance(layers, list):
            return _estimate_layer(entry["class_name"], entry["config"], [shape])
        if entry["class_name"] != "Sequential":
            return _estimate_graph(layers, shape)
        built = entry["config"].get("build_input_shape")  # of a model without an input layer
        return _estimate_sequence(layers, tuple(built[1:]) if shape is None and built else shape)
    except MALFORMED:
        return Size(), None


def _estimate_sequence(layers: list[Json], shape: Shape | None) -> tuple[Size, Shape | None]:
    total = Size()
    for layer in layers:
        size, shape = _estimate(layer, shape)
        total += size
    return total, shape


def _estimate_graph(layers: list[Json], shape: Shape | None) -> tuple[Size, Shape | None]:
    """Return the size of a graph of layers, and the shape of its last layer."""
    total = Size()
    shapes: dict[str, Shape | None] = {}
    waiting = list(layers)
    while waiting:
        ready = [layer for layer in waiting if all(name in shapes for name in _inputs(layer))]
        if not ready:
            break
        for layer in ready:
            inputs = [shapes[name] for name in _inputs(layer)] or [shape]
            if isinstance(layer["config"].get("layers"), list):
                size, output = _estimate(layer, inputs[0])
            else:
                try:
                    size, output = _estimate_layer(layer["class_name"], layer["config"], inputs)
                except MALFORMED:
                    size, output = Size(), None
            shapes[layer["name"]] = output
            total += size
        waiting = [layer for layer in waiting if layer["name"] not in shapes]
    return total, shapes[layers[-1]["name"]]


def _inputs(layer: Json) -> list[str]:
    """Return the names of the layers whose outputs a layer takes."""
    return list(dict.fromkeys(_histories(layer.get("inbound_nodes", []))))


def _histories(value: Any) -> Iterator[str]:
    if isinstance(value, list) and len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int):
        yield value[0]
    elif isinstance(value, list):
        for item in value:
            yield from _histories(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _histories(item)


def _estimate_layer(name: str, config: Json, inputs: list[Shape | None]) -> tuple[Size, Shape | None]:
    if name == "InputLayer":
        shape: Shape | None = tuple(int(side) for side in config["batch_shape"][1:])
    else:
        shape = inputs[0]
    if shape is None:
        return Size(), None
    is_first = config.get("data_format") == "channels_first" and len(shape) == 3
    moved = (*shape[1:], shape[0]) if is_first else shape
    weights, output = _apply(name, config, moved, [item for item in inputs if item is not None])
    if is_first and len(output) == 3:
        output = (output[-1], *output[:-1])
    return Size(weights, math.prod(output)), output


def _apply(name: str, config: Json, shape: Shape, inputs: list[Shape]) -> tuple[int, Shape]:
    """Return the number of weights and the shape of the output of a layer whose channels are the last axis."""
    match name:
        case "Dense":
            units = int(config["units"])
            return units * (shape[-1] + bool(config.get("use_bias", True))), (*shape[:-1], units)
        case "Conv2D" | "DepthwiseConv2D" | "SeparableConv2D":
            return _convolution(name, config, shape)
        case "MaxPooling2D" | "AveragePooling2D":
            pool = _pair(config.get("pool_size", 2))
            return 0, (*_slide(config, shape, pool, _pair(config.get("strides") or pool)), shape[-1])
        case "GlobalAveragePooling2D" | "GlobalMaxPooling2D":
            return 0, (1, 1, shape[-1]) if config.get("keepdims") else (shape[-1],)
        case "Resizing" | "CenterCrop":
            return 0, (int(config["height"]), int(config["width"]), shape[-1])
        case "Flatten":
            return 0, (math.prod(shape),)
        case "Reshape":
            target = [int(side) for side in config["target_shape"]]
            known = math.prod(side for side in target if side != -1)
            return 0, tuple(math.prod(shape) // known if side == -1 else side for side in target)
        case "Permute":
            return 0, tuple(shape[axis - 1] for axis in config["dims"])
        case "ZeroPadding2D" | "Cropping2D":
            sign = 1 if name == "ZeroPadding2D" else -1
            return 0, (*_pad(config.get("padding", config.get("cropping")), shape, sign), shape[-1])
        case "Concatenate":
            axis = int(config.get("axis", -1))
            axis = axis if axis < 0 else axis - 1
            return 0, tuple(sum(item[i] for item in inputs) if i == axis % len(shape) else n for i, n in enumerate(shape))
        case "Add" | "Average" | "Maximum" | "Minimum" | "Multiply" | "Subtract":
            return 0, np.broadcast_shapes(*inputs)
        case "BatchNormalization":
            return 4 * shape[-1], shape
        case "LayerNormalization" | "GroupNormalization":
            return 2 * shape[-1], shape
        case "PReLU":
            return math.prod(shape), shape
        case _:
            return 0, shape


def _convolution(name: str, config: Json, shape: Shape) -> tuple[int, Shape]:
    kernel, n_inputs = _pair(config["kernel_size"]), shape[-1]
    area, multiplier = math.prod(kernel), int(config.get("depth_multiplier", 1))
    if name == "Conv2D":
        n_outputs = int(config["filters"])
        n_weights = area * (n_inputs // int(config.get("groups", 1))) * n_outputs
    elif name == "DepthwiseConv2D":
        n_outputs = n_inputs * multiplier
        n_weights = area * n_outputs
    else:
        n_outputs = int(config["filters"])
        n_weights = n_inputs * multiplier * (area + n_outputs)
    bias = n_outputs if config.get("use_bias", True) else 0
    sides = _slide(config, shape, kernel, _pair(config.get("strides", 1)), _pair(config.get("dilation_rate", 1)))
    return n_weights + bias, (*sides, n_outputs)


def _slide(config: Json, shape: Shape, window: Shape, strides: Shape, dilation: Shape = (1, 1)) -> Shape:
    """Return the sides of the output of a window that moves over an image."""
    if config.get("padding") == "same":
        return tuple(-(-side // stride) for side, stride in zip(shape, strides, strict=False))
    parts = zip(shape, window, strides, dilation, strict=False)
    return tuple((side - (size - 1) * rate - 1) // stride + 1 for side, size, stride, rate in parts)


def _pad(amounts: Any, shape: Shape, sign: int) -> Shape:
    rows, columns = (amounts, amounts) if isinstance(amounts, int) else amounts
    return tuple(side + sign * sum(_pair(amount)) for side, amount in zip(shape, (rows, columns), strict=False))


def _pair(value: Any) -> Shape:
    if isinstance(value, list | tuple):
        first, second = value if len(value) == 2 else (value[0], value[0])
        return int(first), int(second)
    return int(value), int(value)
