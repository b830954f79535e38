"""Adaptation of imported models to the inputs and outputs of Digit Lab.

The inputs and outputs of an imported model are measured. The loss on MNIST's validation digits decides among the usual scales
of pixels, both polarities, both orientations and the usual kinds of outputs. This module imports Keras: only the sandbox uses it.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from digitcore import mnist
from digitcore.errors import ModelError
from digitcore.models import keras_io
from digitcore.models.bundle import ModelBundle, ModelCard
from digitcore.models.keras_io import IMPORTED_NETWORK, INPUT_SHAPE

N_PROBES = (40, 200, 1000)  # Each round excludes inputs by more validation digits, because 16,000 predictions would take minutes.
MIN_ACCURACY = 0.3  # A model that predicts fewer validation digits correctly gives no evidence about its inputs.
PROBE_BATCH = 40  # digits
CHANCE = 4  # standard errors of a difference that may be chance
MAX_PROBE_SECONDS = 0.5  # CPU time of one prediction by Keras
OWN_INPUT = "digit"  # name of the input of every network of Digit Lab
ACCEPTED_SHAPES = (INPUT_SHAPE, (28, 28), (784,), (1, 28, 28), (784, 1), (1, 784), (28, 28, 3))
MIN_PROBABILITY = 1e-7  # as in Keras's losses
TIE, NEAR = 1e-3, 0.05  # A loss that is greater by this difference or by this share is a tie. The simpler inputs win a tie.
# Values that the model gets for the background and for the ink, the simplest first. The last is standardized by MNIST's mean,
# 0.1307, and its standard deviation, 0.3081, as in PyTorch's example.
SCALES = {"0 to 255": (0.0, 255.0), "0 to 1": (0.0, 1.0), "-1 to 1": (-1.0, 1.0), "standardized": (-0.4242, 2.8215)}
SOFTMAX, LOGITS, SIGMOIDS, SIGMOID_LOGITS = "probabilities", "logits", "sigmoids", "logits of sigmoids"


@dataclass(frozen=True)
class Inputs:
    """The pixels that a model expects.

    Attributes:
        background: Value of a pixel without ink.
        ink: Value of a pixel full of ink.
        transposed: Whether rows and columns are exchanged.

    Example:
        >>> Inputs(0.0, 1.0, False).apply(np.full((1, 28, 28), 255, np.uint8)).max()
        np.float32(1.0)
    """

    background: float
    ink: float
    transposed: bool

    @property
    def scale(self) -> float:
        """Factor of the pixels."""
        return (self.ink - self.background) / 255

    def apply(self, digits: np.ndarray) -> np.ndarray:
        """Return the pixels that the model expects.

        Args:
            digits: (N, 28, 28) uint8, ink 255 on 0.

        Returns:
            (N, 28, 28) float32.

        Example:
            >>> Inputs(1.0, 0.0, False).apply(np.zeros((1, 28, 28), np.uint8)).min()
            np.float32(1.0)
        """
        turned = digits.transpose(0, 2, 1) if self.transposed else digits
        return (turned * np.float32(self.scale) + np.float32(self.background)).astype(np.float32)


@dataclass(frozen=True)
class Meaning:
    """The inputs and outputs of a model, and its predictions of validation digits with them.

    Attributes:
        inputs: The pixels that the model expects.
        outputs: Kind of the outputs: `SOFTMAX`, `LOGITS`, `SIGMOIDS` or `SIGMOID_LOGITS`.
        losses: (N,) float64, the cross-entropy of each validation digit.
        accuracy: Share of the validation digits that are predicted correctly.

    Example:
        >>> Meaning(Inputs(0.0, 255.0, False), SOFTMAX, np.zeros(2), 1.0).is_own
        True
    """

    inputs: Inputs
    outputs: str
    losses: np.ndarray
    accuracy: float

    @property
    def is_own(self) -> bool:
        """Whether the model needs no adaptation of its values."""
        return self.inputs == next(candidates()) and self.outputs == SOFTMAX

    def metrics(self) -> dict[str, Any]:
        """Return the entries of a model card that record the inputs and outputs.

        Example:
            >>> Meaning(Inputs(0.0, 1.0, True), LOGITS, np.zeros(2), 0.95).metrics()["input_ink"]
            1.0
        """
        return {
            "input_background": self.inputs.background,
            "input_ink": self.inputs.ink,
            "input_transposed": int(self.inputs.transposed),
            "output_logits": int(self.outputs in (LOGITS, SIGMOID_LOGITS)),
            "output_sigmoids": int(self.outputs in (SIGMOIDS, SIGMOID_LOGITS)),
            "validation_accuracy": round(self.accuracy, 4),
            "validation_loss": round(float(self.losses.mean()), 4),
        }


def candidates() -> Iterator[Inputs]:
    """Return the inputs among which `measure` chooses, the simplest first.

    Example:
        >>> next(candidates())
        Inputs(background=0.0, ink=255.0, transposed=False)
        >>> len(list(candidates()))
        16
    """
    for transposed in (False, True):
        for is_inverted in (False, True):
            for background, ink in SCALES.values():
                yield Inputs(ink, background, transposed) if is_inverted else Inputs(background, ink, transposed)


def adapt(model: keras.Model, name: str) -> ModelBundle:
    """Adapt an imported model to the inputs and outputs of Digit Lab.

    The adapted model maps (28, 28, 1) pixels from 0 to 255 to ten probabilities.

    Args:
        model: A Keras model from an untrusted file.
        name: Name of the new model.

    Returns:
        The adapted model. The metrics of its card record the measurement. A model of Digit Lab is not measured.

    Raises:
        ModelError: If the model does not classify digits, is too slow, or does not return numbers.
        DatasetNotFoundError: If MNIST is not on this machine and cannot be downloaded.

    Example:
        >>> from digitcore import models
        >>> adapt(keras_io.open_model(models.load("mlp")), "mine")
        ModelBundle('mine', network='imported', parameters=238510, trained=True, mnist_accuracy=None)
    """
    shape = _check_shapes(model)
    _check_speed(model, shape)
    metrics: dict[str, Any] = {}
    if not is_own(model):
        meaning = measure(model)
        metrics = meaning.metrics()
        if not (meaning.is_own and shape == INPUT_SHAPE):
            model = _wrap(model, meaning)
    parameters = model.count_params()
    card = ModelCard(name, IMPORTED_NETWORK, parameters, trained=True, metrics=metrics, **keras_io.provenance())
    return keras_io.to_bundle(model, card)


def _check_shapes(model: keras.Model) -> tuple[int, ...]:
    """Return the input shape, or raise an error that names the shape of a model that does not classify digits."""
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ModelError(
            f"The model has {len(model.inputs)} inputs and {len(model.outputs)} outputs. "
            "Choose a model with one input and one output."
        )
    shape = tuple(model.inputs[0].shape[1:])
    if shape not in ACCEPTED_SHAPES:
        raise ModelError(f"The model reads inputs of shape {_format(shape)}. Choose a model for images of 28 × 28 pixels.")
    if tuple(outputs := model.outputs[0].shape[1:]) != (10,):
        raise ModelError(
            f"The model returns outputs of shape {_format(outputs)}. Choose a model with ten outputs, one for each digit."
        )
    return shape


def _format(shape: tuple[int | None, ...]) -> str:
    return " × ".join("?" if side is None else f"{side:,}" for side in shape) or "0"


def _check_speed(model: keras.Model, shape: tuple[int, ...]) -> None:
    """Reject a slow model before the probes, which would take minutes."""
    one = np.zeros((1, *shape), np.float32)
    model(one)
    begin = time.process_time()
    model(one)
    seconds = time.process_time() - begin
    if seconds > MAX_PROBE_SECONDS:
        raise ModelError(
            f"The model takes {seconds:.1f} s of processor time for a digit. The limit is {MAX_PROBE_SECONDS} s. "
            "Use a smaller model."
        )


def is_own(model: keras.Model) -> bool:
    """Check whether a model has the inputs and outputs of Digit Lab's networks. Such a model is not measured.

    Args:
        model: A Keras model with ten outputs.

    Returns:
        True if Digit Lab made or adapted the model, even if its predictions are poor.

    Example:
        >>> from digitcore.models import networks
        >>> is_own(networks.build("mlp"))
        True
    """
    last = model.layers[-1]
    is_softmax = isinstance(last, keras.layers.Softmax) or getattr(last, "activation", None) is keras.activations.softmax
    return model.inputs[0].name == OWN_INPUT and tuple(model.inputs[0].shape[1:]) == INPUT_SHAPE and is_softmax


def measure(model: keras.Model) -> Meaning:
    """Measure the inputs and outputs of a model.

    Args:
        model: A Keras model with an accepted input shape and ten outputs.

    Returns:
        The inputs and outputs with the smallest loss on validation digits. The simplest inputs and outputs are preferred if
        the difference may be due to chance.

    Raises:
        ModelError: If an output is not a finite number.
        DatasetNotFoundError: If MNIST is not on this machine and cannot be downloaded.

    Example:
        >>> from digitcore import models
        >>> measure(keras_io.open_model(models.load("mlp"))).is_own
        True
    """
    digits, labels = mnist.load().validation
    possible = list(candidates())
    for n in N_PROBES:
        measured = [_measure_inputs(model, inputs, digits[:n], labels[:n]) for inputs in possible]
        best = min(measured, key=lambda meaning: meaning.losses.mean())
        possible = [meaning.inputs for meaning in measured if _may_equal(meaning, best)]
    if max(meaning.accuracy for meaning in measured) < MIN_ACCURACY:
        return _measure_inputs(model, next(candidates()), digits[:n], labels[:n])
    return _simplest(measured)


def _measure_inputs(model: keras.Model, inputs: Inputs, digits: np.ndarray, labels: np.ndarray) -> Meaning:
    """Return the kind of outputs that has the smallest loss for these inputs."""
    shape = tuple(model.inputs[0].shape[1:])
    outputs = keras_io.predict_in_batches(model, _shaped(inputs.apply(digits), shape), PROBE_BATCH).astype(np.float64)
    if not np.isfinite(outputs).all():
        raise ModelError("The model's outputs are not numbers, because its weights are damaged. Train it again.")
    accuracy = float((outputs.argmax(1) == labels).mean())
    meanings = []
    for kind, probabilities in _interpretations(outputs, has_sigmoids=_sigmoid_layer(model) is not None):
        losses = -np.log(np.clip(probabilities[np.arange(len(labels)), labels], MIN_PROBABILITY, 1))
        meanings.append(Meaning(inputs, kind, losses, accuracy))
    return _simplest(meanings)


def _shaped(images: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return (N, 28, 28) images in the input shape of a model. Each of three channels gets the same values."""
    if shape == (28, 28, 3):
        return np.repeat(images[..., None], 3, axis=-1)
    return images.reshape(-1, *shape)


def _interpretations(outputs: np.ndarray, *, has_sigmoids: bool) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the kinds of outputs that the values may be, with (N, 10) probabilities."""
    if (outputs >= 0).all() and np.allclose(outputs.sum(1), 1, atol=1e-3):
        yield SOFTMAX, outputs
    elif has_sigmoids:
        clipped = np.clip(outputs, MIN_PROBABILITY, 1 - MIN_PROBABILITY)
        yield SIGMOIDS, clipped / clipped.sum(1, keepdims=True)
        yield SIGMOID_LOGITS, _softmax(np.log(clipped / (1 - clipped)))
    else:
        yield LOGITS, _softmax(outputs)


def _softmax(values: np.ndarray) -> np.ndarray:
    exponentials = np.exp(values - values.max(1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(1, keepdims=True))


def _simplest(meanings: list[Meaning]) -> Meaning:
    """Return the first meaning whose loss is nearly the smallest loss.

    A test of the difference would not help: the losses of an accurate model are 0 for nearly all digits and large for a few, so
    even a loss of five times the smallest loss may differ by chance.
    """
    smallest = min(float(meaning.losses.mean()) for meaning in meanings)
    return next(meaning for meaning in meanings if meaning.losses.mean() <= smallest + max(TIE, NEAR * smallest))


def _may_equal(meaning: Meaning, best: Meaning) -> bool:
    """Return whether the loss differs from the smallest loss by at most `CHANCE` standard errors."""
    difference = meaning.losses - best.losses
    return bool(difference.mean() <= max(TIE, CHANCE * difference.std() / np.sqrt(len(difference))))


def _sigmoid_layer(model: keras.Model) -> Any:
    """Return the last layer of a model if it computes a sigmoid, otherwise None."""
    last = model.layers[-1]
    while isinstance(last, keras.Model):
        last = last.layers[-1]
    return last if getattr(last, "activation", None) is keras.activations.sigmoid else None


def _wrap(model: keras.Model, meaning: Meaning) -> keras.Model:
    """Return a model with the inputs and outputs of Digit Lab around an imported model."""
    shape = tuple(model.inputs[0].shape[1:])
    inner = inputs = keras.Input(INPUT_SHAPE, name=OWN_INPUT)
    if meaning.inputs.transposed:
        inner = keras.layers.Permute((2, 1, 3))(inner)
    inner = keras.layers.Rescaling(meaning.inputs.scale, meaning.inputs.background)(inner)
    inner = keras.layers.Concatenate()([inner] * 3) if shape == (28, 28, 3) else keras.layers.Reshape(shape)(inner)
    if (sigmoids := _sigmoid_layer(model)) is not None and meaning.outputs in (SIGMOIDS, SIGMOID_LOGITS):
        # The softmax of the logarithms of sigmoids is each sigmoid divided by their sum.
        sigmoids.activation = keras.activations.log_sigmoid if meaning.outputs == SIGMOIDS else keras.activations.linear
    outputs = model(inner)
    return keras.Model(inputs, outputs if meaning.outputs == SOFTMAX else keras.layers.Softmax()(outputs))
