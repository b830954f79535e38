"""Served .tflite files of Keras models. The converter takes seconds, so it runs once for each architecture.

Two models with the same layers differ in the constants of their files alone. The converter folds batch normalization and the
rescaling of the pixels into the layers before them; each constant is recognized by its value in the first model, and gets what
the same folding gives in the second. What is not recognized is left to the converter.
"""

import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from digitcore.errors import ModelError
from digitcore.predictor import Predictor

PIXEL_SCALES = (1.0, 1 / 255)  # the second where the rescaling of the pixels is folded into the first layer
TOLERANCE = 1e-4  # of the probabilities, beside Keras's own
RECOGNITION_TOLERANCE = 1e-5  # of a constant's largest value
FLOAT32 = 0  # in the file's schema
CACHED_TEMPLATES = 8
PROBE_SIZE = 20  # random images on which a file must agree with its model
WEIGHTED_LAYERS = keras.layers.Conv2D, keras.layers.Dense, keras.layers.BatchNormalization  # whose weights are recognized
_templates: dict[str, tuple[keras.Model, bytes]] = {}  # by architecture: a model and its file


def convert(model: keras.Model) -> bytes:
    """The .tflite file of a model.

    A model of another architecture than before is converted with random weights, all of them different, so that each is
    recognized in the file; those of the model are put in their place, and those of every later model.
    """
    if not all(isinstance(layer, WEIGHTED_LAYERS) or not layer.weights for layer in model.layers):
        return _run_converter(model)
    architecture = model.to_json()
    if architecture not in _templates:
        template = _with_random_weights(model)
        while len(_templates) >= CACHED_TEMPLATES:
            del _templates[next(iter(_templates))]
        _templates[architecture] = template, _run_converter(template)
    template, tflite_bytes = _templates[architecture]
    shape = PROBE_SIZE, *model.input_shape[1:]
    probes = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    return replace_weights(tflite_bytes, template, model, probes) or _run_converter(model)


def _with_random_weights(model: keras.Model) -> keras.Model:
    template, rng = keras.models.clone_model(model), np.random.default_rng(0)
    template.set_weights([rng.uniform(0.5, 1.5, weight.shape).astype(np.float32) for weight in template.weights])
    return template


def _run_converter(model: keras.Model) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.tflite"
        model.export(file, format="litert", verbose=False)
        return file.read_bytes()


def replace_weights(tflite_bytes: bytes, before: keras.Model, after: keras.Model, digits: np.ndarray) -> bytes | None:
    """The .tflite file of one model with the weights of another of the same layers.

    Args:
        tflite_bytes: the file of the first model.
        before, after: the models; their layers must be the same but for the weights.
        digits: (N, 28, 28, 1) uint8, on which the new file must agree with `after` to 1e-4.

    Returns:
        The new file; None where a constant is not recognized, or the new file disagrees.
    """
    patched = bytearray(tflite_bytes)
    values = list(zip(_folded_weights(before), _folded_weights(after), strict=True))
    try:
        constants = list(_constants(patched))
    except (struct.error, ValueError, TypeError):  # a damaged file
        return None
    for constant in constants:
        known = [new for old, new in values if _is_same(constant, old)]
        if not known or not all(np.array_equal(known[0], other) for other in known[1:]):
            return None
        constant[:] = known[0]
    return bytes(patched) if _agrees(bytes(patched), after, digits) else None


def _constants(content: bytearray) -> Iterator[np.ndarray]:
    """Views of the weights in a file: float32 tensors of more than one value."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAsModel(content, 0)
    graph, seen = model.Subgraphs(0), set()
    for tensor in (graph.Tensors(i) for i in range(graph.TensorsLength())):
        buffer = model.Buffers(tensor.Buffer())
        if tensor.Type() == FLOAT32 and buffer.DataLength() > 4 and tensor.Buffer() not in seen:
            seen.add(tensor.Buffer())
            yield buffer.DataAsNumpy().view(np.float32).reshape(tensor.ShapeAsNumpy())


def _folded_weights(model: keras.Model) -> Iterator[np.ndarray]:
    """Every array that the converter may make of a model's weights, in the order of the layers."""
    for i, layer in enumerate(model.layers):
        if isinstance(layer, keras.layers.BatchNormalization):
            yield from _scale_and_shift(layer)
        if not isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
            continue
        kernel, *bias = (np.asarray(weight) for weight in layer.get_weights())
        transposed = np.moveaxis(kernel, -1, 0)
        n_outputs = len(transposed)
        foldings = [(np.ones(n_outputs, np.float32), np.zeros(n_outputs, np.float32))]
        if isinstance(following := (*model.layers[i + 1 :], None)[0], keras.layers.BatchNormalization):
            foldings.append(_scale_and_shift(following))
        for scale, shift in foldings:
            per_output = scale.reshape(-1, *(1,) * (transposed.ndim - 1))
            yield from ((transposed * per_output * pixel_scale).astype(np.float32) for pixel_scale in PIXEL_SCALES)
            yield ((bias[0] if bias else np.zeros(n_outputs, np.float32)) * scale + shift).astype(np.float32)


def _scale_and_shift(layer: Any) -> tuple[np.ndarray, np.ndarray]:
    """Batch normalization as a product and a sum: each (channels,) float32."""
    gamma = np.asarray(layer.gamma) if layer.scale else np.float32(1)
    beta = np.asarray(layer.beta) if layer.center else np.float32(0)
    scale = np.asarray(gamma / np.sqrt(np.asarray(layer.moving_variance) + layer.epsilon))
    return scale, beta - np.asarray(layer.moving_mean) * scale


def _is_same(constant: np.ndarray, value: np.ndarray) -> bool:
    if constant.shape != value.shape:
        return False
    return bool(np.abs(constant - value).max() <= RECOGNITION_TOLERANCE * max(1e-6, np.abs(value).max()))


def _agrees(tflite_bytes: bytes, model: keras.Model, digits: np.ndarray) -> bool:
    try:
        served = Predictor(tflite_bytes).probabilities(digits[..., 0])
    except ModelError:
        return False
    return bool(np.abs(served - np.asarray(model(digits.astype(np.float32)))).max() <= TOLERANCE)
