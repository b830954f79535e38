"""The Keras callback that ends a training that cannot succeed."""

import math
from typing import Any

import keras
import numpy as np

from digitcore.errors import TrainingError
from digitcore.evaluation.activations import dead_unit_share

MAX_DEAD_SHARE = 0.9  # of the ReLU units
Logs = dict[str, Any] | None


class StopOnDivergence(keras.callbacks.Callback):
    """A callback that ends a training when the loss is not finite or nearly all ReLU units are dead.

    A unit is dead if its output is 0 for every digit.

    Args:
        digits: Digits by which dead units are found after each epoch, shape (N, 28, 28, 1), float32, 0 to 255. If None, the
            callback does not search for dead units.

    Raises:
        TrainingError: If the training cannot succeed. The message names the epoch and the batch.

    Example:
        >>> callback = StopOnDivergence(digits=None)
        >>> callback.set_params({"steps": 40})
        >>> callback.on_train_batch_end(6, {"loss": float("nan")})
        Traceback (most recent call last):
        ...
        digitcore.errors.TrainingError: The loss is not a finite number in epoch 1, batch 7 of 40. Choose a lower learning
        rate and train again.
    """

    def __init__(self, digits: np.ndarray | None):
        super().__init__()
        self.digits = digits
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Store the number of the epoch for the message."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """End the training if the loss is not finite."""
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            where = f"epoch {self._epoch + 1}, batch {batch + 1} of {self.params['steps']}"
            raise TrainingError(f"The loss is not a finite number in {where}. Choose a lower learning rate and train again.")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """End the training if nearly all ReLU units are dead."""
        share = None if self.digits is None else dead_unit_share(self.model, self.digits)
        if share is not None and share > MAX_DEAD_SHARE:
            raise TrainingError(
                f"After epoch {epoch + 1}, {100 * share:.0f} % of the ReLU units are dead: they return 0 for every digit and "
                "cannot learn. Choose a lower learning rate, or add batch normalization."
            )
