"""Temperature scaling of a trained model."""

import numpy as np

from digitcore import mnist
from digitcore.models import keras_io
from digitcore.models.bundle import ModelBundle

LOG_TEMPERATURE_RANGE = (-2.5, 2.5)


def calibrate(bundle: ModelBundle) -> ModelBundle:
    """Divide a model's logits by the temperature that minimizes the loss on MNIST's validation digits.

    The temperature is folded into the weights of the last layer, so both of the model's files return calibrated
    probabilities. The predicted classes stay the same.

    Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks" (2017).

    Args:
        bundle: The model. It is not changed.

    Returns:
        The calibrated model, with the metric `temperature` on its card.

    Raises:
        ModelError: If Keras cannot open the model.
        DatasetNotFoundError: If MNIST is not on this machine and cannot be downloaded.

    Example:
        >>> from digitcore import models
        >>> calibrate(models.load("mlp")).card.metrics["temperature"] > 0
        True
    """
    from scipy.optimize import minimize_scalar

    model = keras_io.open_model(bundle)
    digits, labels = mnist.load().validation
    probabilities = keras_io.predict_in_batches(model, digits[..., None].astype(np.float32))
    logits = np.log(np.clip(probabilities, 1e-12, 1)).astype(np.float64)

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float((np.logaddexp.reduce(scaled, 1) - scaled[np.arange(len(labels)), labels]).mean())

    temperature = float(np.exp(minimize_scalar(loss, bounds=LOG_TEMPERATURE_RANGE, method="bounded").x))
    last = model.layers[-1]
    last.set_weights([weight / temperature for weight in last.get_weights()])
    return keras_io.to_bundle(model, bundle.card.with_metrics({"temperature": round(temperature, 4)}))
