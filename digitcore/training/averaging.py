"""The exponential moving average of a model's weights, that Keras's optimizers keep.

Source: P. Izmailov et al., "Averaging weights leads to wider optima and better generalization" (2018).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np

N_BATCHES, BATCH_SIZE = 40, 256  # of a pass; the moving statistics are a mean of about the last twenty


@contextmanager
def averaged_weights(model: keras.Model, images: np.ndarray) -> Iterator[None]:
    """Within the block, the model has the weights that a training would end with now.

    Args:
        model: compiled; unchanged where its optimizer keeps no average.
        images: (N, 28, 28, 1), of the training.
    """
    if not model.optimizer.use_ema:
        yield
        return
    last = model.get_weights()
    model.optimizer.finalize_variable_values(model.trainable_variables)
    update_batch_statistics(model, images)
    yield
    model.set_weights(last)


def update_batch_statistics(model: keras.Model, images: np.ndarray) -> None:
    """Adapt the moving statistics of batch normalization, in place, to weights that were averaged.

    Args:
        model: without batch normalization it stays as it is.
        images: (N, 28, 28, 1), of the training.
    """
    if not any(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers):
        return
    order = np.random.default_rng(0).permutation(len(images))[: N_BATCHES * BATCH_SIZE]
    for first in range(0, len(order), BATCH_SIZE):
        model(images[order[first : first + BATCH_SIZE]].astype(np.float32), training=True)
