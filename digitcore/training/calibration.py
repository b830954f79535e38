"""Temperature scaling of a trained model.

Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks" (2017).
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

LOG_TEMPERATURE_RANGE = (-2.5, 2.5)
SMALLEST = 1e-12  # A smaller probability has no finite logit in float32.


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature by which logits must be divided to minimize the cross-entropy.

    Args:
        probabilities: Probabilities of the ten classes for digits that the model was not trained on, shape (N, 10), float32.
        labels: True classes, shape (N,), int.

    Example:
        >>> too_sure = np.full((10, 10), 0.001) + 0.99 * np.eye(10)[[0] * 10]
        >>> fit_temperature(too_sure, np.array([0] * 8 + [1] * 2)) > 1
        True
    """
    from scipy.optimize import minimize_scalar

    logits = np.log(np.clip(probabilities, SMALLEST, 1)).astype(np.float64)

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float((np.logaddexp.reduce(scaled, 1) - scaled[np.arange(len(labels)), labels]).mean())

    return float(np.exp(minimize_scalar(loss, bounds=LOG_TEMPERATURE_RANGE, method="bounded").x))


def divide_logits(model: "keras.Model", temperature: float) -> bool:
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
    last = model.layers[-1]
    if type(last).__name__ != "Dense" or getattr(last.activation, "__name__", "") != "softmax":
        return False
    last.set_weights([weight / temperature for weight in last.get_weights()])
    return True
