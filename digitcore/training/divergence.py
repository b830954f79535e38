"""The Keras callback that ends a training that can come to nothing."""

import math
from typing import Any

import keras
import numpy as np

from digitcore.errors import TrainingError
from digitcore.evaluation.activations import dead_unit_share

MAX_DEAD_SHARE = 0.9  # of the ReLU units
Logs = dict[str, Any] | None


class StopOnDivergence(keras.callbacks.Callback):
    """Raises when the loss is no longer a number, or when hardly a ReLU unit is left that answers to any digit.

    Args:
        digits: (N, 28, 28, 1) float32, 0 to 255, by which dead units are found after each epoch; None looks for none.

    Raises:
        TrainingError: the sentence says where it happened.
    """

    def __init__(self, digits: np.ndarray | None):
        super().__init__()
        self.digits = digits
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            where = f"epoch {self._epoch + 1}, batch {batch + 1} of {self.params['steps']}"
            raise TrainingError(f"The loss was no longer a number in {where}: choose a lower learning rate and train again.")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        share = None if self.digits is None else dead_unit_share(self.model, self.digits)
        if share is not None and share > MAX_DEAD_SHARE:
            raise TrainingError(
                f"After epoch {epoch + 1}, {share:.0%} of the ReLU units were 0 for every digit, and such units learn no more: "
                "choose a lower learning rate, or add batch normalization."
            )
