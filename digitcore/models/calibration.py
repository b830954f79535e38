"""Temperature scaling of a trained model.

Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks" (2017).
"""

import weakref

import keras
import numpy as np

from digitcore.models import keras_io

LOG_TEMPERATURE_RANGE = (-5.0, 10.0)  # The logits of a training with a high learning rate can be in the thousands.


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature by which logits must be divided to minimize the cross-entropy.

    Args:
        logits: Logits of the ten classes for digits that the model was not trained on, shape (N, 10), float. The logarithms of
            probabilities are logits too, unless a probability was rounded to 0.
        labels: True classes, shape (N,), int.

    Returns:
        The temperature, greater than 0.

    Example:
        >>> too_sure = np.full((10, 10), 0.001) + 0.99 * np.eye(10)[[0] * 10]
        >>> fit_temperature(np.log(too_sure), np.array([0] * 8 + [1] * 2)) > 1
        True
    """
    from scipy.optimize import minimize_scalar

    centred = logits.astype(np.float64) - logits.max(1, keepdims=True)

    def loss(log_temperature: float) -> float:
        scaled = centred / np.exp(log_temperature)
        return float((np.logaddexp.reduce(scaled, 1) - scaled[np.arange(len(labels)), labels]).mean())

    return float(np.exp(minimize_scalar(loss, bounds=LOG_TEMPERATURE_RANGE, method="bounded").x))


def logits_of(model: keras.Model, images: np.ndarray) -> np.ndarray | None:
    """Compute the logits of a Keras model.

    Args:
        model: The model.
        images: Inputs of the model, shape (N, 28, 28, 1), float32.

    Returns:
        Logits, shape (N, 10), float32, or None if the last layer is not a dense layer with softmax, which holds for some
        imported models.

    Example:
        >>> from digitcore.models import networks
        >>> logits_of(networks.build("mlp"), np.zeros((2, 28, 28, 1), np.float32)).shape
        (2, 10)
    """
    if not _has_logits(model):
        return None
    last = model.layers[-1]
    features = keras_io.predict_in_batches(_without_last_layer(model), images)
    weights = last.get_weights()
    logits: np.ndarray = features @ weights[0] + (weights[1] if len(weights) > 1 else 0)
    return logits


# Models without their last layer, kept as long as their model. Tracing a graph takes time, and TensorFlow keeps hundreds of kB of
# each graph for good.
_truncated: weakref.WeakKeyDictionary[keras.Model, keras.Model] = weakref.WeakKeyDictionary()


def _without_last_layer(model: keras.Model) -> keras.Model:
    if model not in _truncated:
        _truncated[model] = keras.Model(model.inputs, model.layers[-1].input)
    return _truncated[model]


def divide_logits(model: keras.Model, temperature: float) -> bool:
    """Divide the logits of a Keras model by a temperature. The predicted classes stay the same.

    The temperature is folded into the weights of the last layer, so every file of the model returns calibrated probabilities.

    Args:
        model: The model. Its last layer changes.
        temperature: The temperature, greater than 0.

    Returns:
        Whether the logits were divided. The last layer of an imported model may have no logits.

    Example:
        >>> from digitcore.models import networks
        >>> model = networks.build("mlp")
        >>> divide_logits(model, 2.0)
        True
    """
    if not _has_logits(model):
        return False
    last = model.layers[-1]
    last.set_weights([weight / temperature for weight in last.get_weights()])
    return True


def _has_logits(model: keras.Model) -> bool:
    last = model.layers[-1]
    return type(last).__name__ == "Dense" and getattr(last.activation, "__name__", "") == "softmax"
