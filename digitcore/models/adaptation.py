"""Adaptation of imported models to the inputs and outputs of Digit Lab.

The inputs and outputs of an imported model are measured. The loss on MNIST's validation digits decides among the usual scales
of pixels, both polarities, both orientations and the usual kinds of outputs. If the outputs are scores, such as the values of a
`tanh` or of a network that was trained with the mean squared error, their softmax says nothing about confidence. A temperature
then calibrates it. This module imports Keras: only the sandbox uses it.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from digitcore import mnist
from digitcore.errors import ModelError
from digitcore.models import calibration, keras_io
from digitcore.models.bundle import ModelBundle, ModelCard
from digitcore.models.keras_io import IMPORTED_NETWORK, INPUT_SHAPE

ROUNDS = (
    40,
    200,
    1000,
)  # digits. Each round excludes inputs by more validation digits, because 16,000 predictions would take minutes.
MIN_ACCURACY = 0.3  # A model that predicts fewer validation digits correctly gives no evidence about its inputs.
PROBE_BATCH = 40  # digits
CHANCE = 4  # standard errors of a difference that may be chance
MAX_PROBE_SECONDS = 0.5  # CPU time of one prediction by Keras
LoadProbes = Callable[[], tuple[np.ndarray, np.ndarray]]
OWN_INPUT = "digit"  # name of the input of every network of Digit Lab
ACCEPTED_SHAPES = (INPUT_SHAPE, (28, 28), (784,), (1, 28, 28), (784, 1), (1, 784), (28, 28, 3))
MIN_PROBABILITY = 1e-7  # as in Keras's losses
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.6, 2.5  # Outputs that need another temperature are scores, not probabilities or logits.
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
        temperature: Divisor of the logits. It is 1 unless the outputs are scores.

    Example:
        >>> Meaning(Inputs(0.0, 255.0, False), SOFTMAX, np.zeros(2), 1.0).is_own
        True
    """

    inputs: Inputs
    outputs: str
    losses: np.ndarray
    accuracy: float
    temperature: float = 1.0

    @property
    def loss(self) -> float:
        """Mean cross-entropy in nats."""
        return float(self.losses.mean())

    @property
    def is_own(self) -> bool:
        """Whether the model needs no adaptation of its values."""
        return self.inputs == next(candidates()) and self.outputs == SOFTMAX and self.temperature == 1

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
            "output_temperature": round(self.temperature, 4),
            "validation_accuracy": round(self.accuracy, 4),
            "validation_loss": round(self.loss, 4),
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


def adapt(model: keras.Model, name: str, load_probes: LoadProbes = mnist.load_probes) -> ModelBundle:
    """Adapt an imported model to the inputs and outputs of Digit Lab.

    The adapted model maps (28, 28, 1) pixels from 0 to 255 to ten probabilities.

    Args:
        model: A Keras model from an untrusted file.
        name: Name of the new model.
        load_probes: Returns digits and labels. It is called only if the model must be measured.

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
        meaning = measure(model, load_probes)
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


def measure(model: keras.Model, load_probes: LoadProbes = mnist.load_probes) -> Meaning:
    """Measure the inputs and outputs of a model.

    Args:
        model: A Keras model with an accepted input shape and ten outputs.
        load_probes: Returns digits and labels that the model was not trained on.

    Returns:
        The inputs and outputs with the smallest loss on validation digits. The simplest inputs and outputs are preferred if
        the difference may be due to chance. If the outputs are scores, the loss after a calibration counts, because the softmax
        of scores is flat, and it can be sharper with the wrong scale.

    Raises:
        ModelError: If an output is not a finite number.
        DatasetNotFoundError: If MNIST is not on this machine and cannot be downloaded.

    Example:
        >>> from digitcore import models
        >>> measure(keras_io.open_model(models.load("mlp"))).is_own
        True
    """
    digits, labels = load_probes()
    possible = list(candidates())
    for n in ROUNDS:
        measured = [_measure_inputs(model, inputs, digits[:n], labels[:n]) for inputs in possible]
        usual, calibrated = ([pair[kind] for pair in measured] for kind in (0, 1))
        possible = [inputs for inputs in possible if _may_be_best(inputs, usual) or _may_be_best(inputs, calibrated)]
    if max(meaning.accuracy for meaning in usual) < MIN_ACCURACY:
        return _measure_inputs(model, next(candidates()), digits[:n], labels[:n])[0]
    chosen = _simplest(usual)
    temperature = calibrated[usual.index(chosen)].temperature
    return chosen if MIN_TEMPERATURE <= temperature <= MAX_TEMPERATURE else _most_accurate(calibrated)


def _measure_inputs(model: keras.Model, inputs: Inputs, digits: np.ndarray, labels: np.ndarray) -> tuple[Meaning, Meaning]:
    """Return the kind of outputs that has the smallest loss for these inputs, without and with calibration."""
    shape = tuple(model.inputs[0].shape[1:])
    outputs = keras_io.predict_in_batches(model, _shaped(inputs.apply(digits), shape), PROBE_BATCH).astype(np.float64)
    if not np.isfinite(outputs).all():
        raise ModelError("The model's outputs are not numbers, because its weights are damaged. Train it again.")
    accuracy = float((outputs.argmax(1) == labels).mean())
    usual, calibrated = [], []
    for kind, logits in _interpretations(outputs, has_sigmoids=_last_activation(model) is keras.activations.sigmoid):
        temperature = calibration.fit_temperature(logits, labels)
        usual.append(Meaning(inputs, kind, _losses(logits, labels), accuracy))
        calibrated.append(Meaning(inputs, kind, _losses(logits / temperature, labels), accuracy, temperature))
    return _simplest(usual), _simplest(calibrated)


def _losses(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the cross-entropy of each digit, (N,) float64, with the lower bound of probabilities that Keras's losses use."""
    log_probabilities = (logits - np.logaddexp.reduce(logits, 1, keepdims=True))[np.arange(len(labels)), labels]
    return np.asarray(-np.maximum(log_probabilities, np.log(MIN_PROBABILITY)))


def _shaped(images: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return (N, 28, 28) images in the input shape of a model. Each of three channels gets the same values."""
    if shape == (28, 28, 3):
        return np.repeat(images[..., None], 3, axis=-1)
    return images.reshape(-1, *shape)


def _interpretations(outputs: np.ndarray, *, has_sigmoids: bool) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the kinds of outputs that the values may be, with (N, 10) logits."""
    if (outputs >= 0).all() and np.allclose(outputs.sum(1), 1, atol=1e-3):
        yield SOFTMAX, np.log(np.maximum(outputs, MIN_PROBABILITY))
    elif has_sigmoids:
        clipped = np.clip(outputs, MIN_PROBABILITY, 1 - MIN_PROBABILITY)
        yield SIGMOIDS, np.log(clipped)
        yield SIGMOID_LOGITS, np.log(clipped / (1 - clipped))
    else:
        yield LOGITS, outputs


def _simplest(meanings: list[Meaning]) -> Meaning:
    """Return the first meaning whose loss is nearly the smallest loss.

    A test of the difference would not help: the losses of an accurate model are 0 for nearly all digits and large for a few, so
    even a loss of five times the smallest loss may differ by chance.
    """
    return next(meaning for meaning in meanings if _is_near_best(meaning, meanings))


def _is_near_best(meaning: Meaning, meanings: list[Meaning]) -> bool:
    smallest = min(other.loss for other in meanings)
    return meaning.loss <= smallest + max(TIE, NEAR * smallest)


def _most_accurate(calibrated: list[Meaning]) -> Meaning:
    """Return the most accurate of the meanings with nearly the smallest loss."""
    return max((meaning for meaning in calibrated if _is_near_best(meaning, calibrated)), key=lambda meaning: meaning.accuracy)


def _may_be_best(inputs: Inputs, meanings: list[Meaning]) -> bool:
    """Return whether the loss with these inputs differs from the smallest loss by at most `CHANCE` standard errors."""
    best = min(meanings, key=lambda meaning: meaning.loss)
    difference = next(meaning for meaning in meanings if meaning.inputs == inputs).losses - best.losses
    return bool(difference.mean() <= max(TIE, CHANCE * difference.std() / np.sqrt(len(difference))))


def _last_layer(model: keras.Model) -> Any:
    """Return the last layer of a model, also if the model ends with another model."""
    last = model.layers[-1]
    while isinstance(last, keras.Model):
        last = last.layers[-1]
    return last


def _last_activation(model: keras.Model) -> Any:
    """Return the activation function of the last layer, or None if it has none."""
    return getattr(_last_layer(model), "activation", None)


def _without_softmax(model: keras.Model) -> tuple[keras.Model, bool]:
    """Return a model that returns logits and False, or the same model and True if its softmax cannot be removed."""
    last = _last_layer(model)
    if _last_activation(model) is keras.activations.softmax:
        last.activation = keras.activations.linear
        return model, False
    is_removable = isinstance(last, keras.layers.Softmax) and last is model.layers[-1]
    return (keras.Model(model.inputs, last.input), False) if is_removable else (model, True)


def _wrap(model: keras.Model, meaning: Meaning) -> keras.Model:
    """Return a model with the inputs and outputs of Digit Lab around an imported model."""
    shape = tuple(model.inputs[0].shape[1:])
    inner = inputs = keras.Input(INPUT_SHAPE, name=OWN_INPUT)
    if meaning.inputs.transposed:
        inner = keras.layers.Permute((2, 1, 3))(inner)
    inner = keras.layers.Rescaling(meaning.inputs.scale, meaning.inputs.background)(inner)
    inner = keras.layers.Concatenate()([inner] * 3) if shape == (28, 28, 3) else keras.layers.Reshape(shape)(inner)
    has_probabilities = meaning.outputs == SOFTMAX
    if meaning.temperature != 1 and has_probabilities:
        model, has_probabilities = _without_softmax(model)
    if meaning.outputs in (SIGMOIDS, SIGMOID_LOGITS):
        # The softmax of the logarithms of sigmoids is each sigmoid divided by their sum.
        is_divided = meaning.outputs == SIGMOIDS
        _last_layer(model).activation = keras.activations.log_sigmoid if is_divided else keras.activations.linear
    outputs = model(inner)
    if has_probabilities:
        return keras.Model(inputs, outputs)
    if meaning.temperature != 1:
        outputs = keras.layers.Rescaling(1 / meaning.temperature)(outputs)
    return keras.Model(inputs, keras.layers.Softmax()(outputs))
