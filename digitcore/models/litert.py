"""Conversion of Keras models to .tflite files. The converter takes seconds, so it runs once for each architecture.

The .tflite files of two models with the same layers differ only in their constants. The converter folds batch normalization
and the rescaling of the pixels into adjacent layers. This module finds each constant of the first file by its value. It
folds the second model's weights in the same way, and replaces the constant. If it does not recognize a constant, the converter
runs again.
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

PIXEL_SCALES = (1.0, 1 / 255)  # The converter may fold the rescaling of the pixels into the first layer.
TOLERANCE = 1e-4  # largest difference from the probabilities of Keras
RECOGNITION_TOLERANCE = 1e-5  # relative to the largest value of a constant
FLOAT32 = 0  # code of the type in the schema of .tflite files
CACHED_TEMPLATES = 8  # architectures
PROBE_SIZE = 20  # random images for which a file must give the same probabilities as its model
WEIGHTED_LAYERS = keras.layers.Conv2D, keras.layers.Dense, keras.layers.BatchNormalization  # layers whose weights can be replaced
_templates: dict[str, tuple[keras.Model, bytes]] = {}  # For each architecture: a model and its .tflite file.


def convert(model: keras.Model) -> bytes:
    """Convert a Keras model to a .tflite file.

    The first model of an architecture is converted with random weights, which are all different, so that each can be found
    in the file. The weights of this and of each later model then replace them.

    Args:
        model: A model that maps (N, 28, 28, 1) float32, 0 to 255, to (N, 10) probabilities.

    Returns:
        The content of the .tflite file.

    Example:
        >>> from digitcore.models import networks
        >>> content = convert(networks.build("mlp"))
        >>> Predictor(content).probabilities(np.zeros((1, 28, 28), np.uint8)).shape
        (1, 10)
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
    """Replace the weights in a .tflite file by the weights of another model with the same layers.

    Args:
        tflite_bytes: Content of the file of the first model.
        before: The first model.
        after: The second model. Its layers must be the same except for the weights.
        digits: (N, 28, 28, 1) uint8, digits for which the new file must give the probabilities of `after` to 1e-4.

    Returns:
        The content of the new file, or None if a constant is not recognized, or the probabilities differ.

    Example:
        >>> from digitcore.models import networks
        >>> before, after = networks.build("mlp", seed=0), networks.build("mlp", seed=1)
        >>> digits = np.zeros((1, 28, 28, 1), np.uint8)
        >>> replace_weights(convert(before), before, after, digits) == convert(after)
        True
    """
    patched = bytearray(tflite_bytes)
    values = list(zip(_folded_weights(before), _folded_weights(after), strict=True))
    try:
        constants = list(_constants(patched))
    except (struct.error, ValueError, TypeError):  # The file is damaged.
        return None
    for constant in constants:
        known = [new for old, new in values if _is_same(constant, old)]
        if not known or not all(np.array_equal(known[0], other) for other in known[1:]):
            return None
        constant[:] = known[0]
    return bytes(patched) if _agrees(bytes(patched), after, digits) else None


def _constants(content: bytearray) -> Iterator[np.ndarray]:
    """Yield a writable view of each float32 tensor with more than one value in a .tflite file."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAsModel(content, 0)
    graph, seen = model.Subgraphs(0), set()
    for tensor in (graph.Tensors(i) for i in range(graph.TensorsLength())):
        buffer = model.Buffers(tensor.Buffer())
        if tensor.Type() == FLOAT32 and buffer.DataLength() > 4 and tensor.Buffer() not in seen:
            seen.add(tensor.Buffer())
            yield buffer.DataAsNumpy().view(np.float32).reshape(tensor.ShapeAsNumpy())


def _folded_weights(model: keras.Model) -> Iterator[np.ndarray]:
    """Yield every array that the converter may make from the weights, in the order of the layers."""
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
    """Return the factor and the summand of a batch normalization, each (channels,) float32."""
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
