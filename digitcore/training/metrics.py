"""The Keras metric of the training curves."""

from typing import Any

import keras

from digitcore.models.network_spec import N_CLASSES


@keras.saving.register_keras_serializable("digitcore")  # Keras clones compiled models.
class DigitAccuracy(keras.metrics.CategoricalAccuracy):
    """The share of the digits that are predicted correctly. Non-digits, whose targets are uniform, are not counted.

    Example:
        >>> import numpy as np
        >>> targets = np.concatenate([np.eye(10)[[3, 7, 9]], np.full((5, 10), 0.1)])
        >>> accuracy = DigitAccuracy()
        >>> accuracy.update_state(targets, np.eye(10)[[3, 7, 1, 0, 0, 0, 0, 0]])
        >>> round(float(accuracy.result()), 2)
        0.67
    """

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add the digits of a batch.

        Args:
            y_true: Target probabilities, shape (N, 10).
            y_pred: Predicted probabilities, shape (N, 10).
            sample_weight: Weights of the images, shape (N,). They are not used: each digit counts once.
        """
        # The largest target is 1 for a digit, and 1 / N_CLASSES, perhaps rounded, for another image.
        is_digit = keras.ops.max(y_true, axis=-1) > 1.5 / N_CLASSES
        super().update_state(y_true, y_pred, keras.ops.cast(is_digit, self.dtype))
