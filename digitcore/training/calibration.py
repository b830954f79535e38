"""Temperature scaling of a trained model."""

import numpy as np

from digitcore import mnist
from digitcore.models import keras_io
from digitcore.models.bundle import ModelBundle

LOG_TEMPERATURE_RANGE = (-2.5, 2.5)


def calibrate(bundle: ModelBundle) -> ModelBundle:
    """The same model with its logits divided by the temperature that fits MNIST's validation digits best.

    The temperature is folded into the weights of the last layer, so that both files predict calibrated probabilities, and noted
    on the card. No predicted class changes.
    Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks" (2017).

    Raises:
        ModelError: when Keras cannot open the model.
        DatasetNotFoundError: when MNIST is not here and cannot be downloaded.
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
