"""Evaluation with the exponential moving average of the weights that Keras's optimizers keep.

Source: P. Izmailov et al., "Averaging weights leads to wider optima and better generalization" (2018).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np

# The moving statistics of batch normalization are a mean of about the last twenty batches, so forty batches replace them.
N_BATCHES, BATCH_SIZE = 40, 256


@contextmanager
def averaged_weights(model: keras.Model, images: np.ndarray) -> Iterator[None]:
    """Give a model its averaged weights within a `with` block, and restore the last weights after it.

    Args:
        model: A compiled model. It stays unchanged if its optimizer keeps no average.
        images: Training images, shape (N, 28, 28, 1), from which the statistics of batch normalization are computed.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
        >>> model.compile(keras.optimizers.Adam(use_ema=True), "mse")
        >>> model.optimizer.build(model.trainable_variables)
        >>> with averaged_weights(model, np.zeros((1, 28, 28, 1))):
        ...     model.count_params()
        7850
    """
    if not model.optimizer.use_ema:
        yield
        return
    last = model.get_weights()
    try:
        model.optimizer.finalize_variable_values(model.trainable_variables)
        update_batch_statistics(model, images)
        yield
    finally:
        model.set_weights(last)


def update_batch_statistics(model: keras.Model, images: np.ndarray) -> None:
    """Recompute the moving statistics of batch normalization in place, which averaged weights need.

    Args:
        model: A model. It stays unchanged if it has no batch normalization.
        images: Training images, shape (N, 28, 28, 1).

    Example:
        >>> import keras
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.BatchNormalization()])
        >>> update_batch_statistics(model, np.full((512, 28, 28, 1), 100, np.uint8))
        >>> model.layers[0].moving_mean.numpy().round(2)
        array([1.99], dtype=float32)
    """
    if not any(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers):
        return
    order = np.random.default_rng(0).permutation(len(images))[: N_BATCHES * BATCH_SIZE]
    for first in range(0, len(order), BATCH_SIZE):
        model(images[order[first : first + BATCH_SIZE]].astype(np.float32), training=True)
