"""The weights with which a training ends: their moving average, and their mean with the initial weights.

Sources: P. Izmailov et al., "Averaging weights leads to wider optima and better generalization" (2018); M. Wortsman et al.,
"Robust fine-tuning of zero-shot models" (2022).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import keras
import numpy as np

# The moving statistics of batch normalization are a mean of about the last ten batches, so forty batches replace them.
N_BATCHES, MIN_BATCH_SIZE, MAX_BATCH_SIZE = 40, 32, 256


@contextmanager
def restored_weights(model: keras.Model) -> Iterator[None]:
    """Restore the weights of a model after a `with` block.

    Args:
        model: The model.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
        >>> with restored_weights(model):
        ...     model.set_weights([np.full((2, 1), 5.0)])
        >>> model.get_weights()[0].tolist()
        [[1.0], [1.0]]
    """
    last = model.get_weights()
    try:
        yield
    finally:
        model.set_weights(last)


def set_final_weights(model: keras.Model, images: np.ndarray, initial: Sequence[np.ndarray], share: float) -> None:
    """Replace the weights of a model by the weights with which its training ends.

    Args:
        model: A compiled model. It stays unchanged if its optimizer keeps no average and the share is 0.
        images: Training images, shape (N, 28, 28, 1), from which the statistics of batch normalization are computed.
        initial: Weights of the model before the training. They are not used if the share is 0.
        share: Share of the initial weights in the final weights, 0 to 1.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
        >>> model.compile(keras.optimizers.Adam(), "mse")
        >>> before = model.get_weights()
        >>> model.set_weights([weights + 1 for weights in before])
        >>> set_final_weights(model, np.zeros((1, 28, 28, 1)), before, 1.0)
        >>> bool((model.get_weights()[0] == before[0]).all())
        True
    """
    if model.optimizer.use_ema:
        model.optimizer.finalize_variable_values(model.trainable_variables)
        update_batch_statistics(model, images)
    if share:
        pairs = zip(model.get_weights(), initial, strict=True)
        model.set_weights([(1 - share) * trained + share * before for trained, before in pairs])


def update_batch_statistics(model: keras.Model, images: np.ndarray) -> None:
    """Recompute the moving statistics of batch normalization in place, which averaged weights need.

    Args:
        model: A model. It stays unchanged if it has no batch normalization.
        images: Training images, shape (N, 28, 28, 1). If they are few, they are used several times.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.BatchNormalization(momentum=0.9)])
        >>> update_batch_statistics(model, np.full((512, 28, 28, 1), 100, np.uint8))
        >>> model.layers[0].moving_mean.numpy().round(2)
        array([98.52], dtype=float32)
    """
    if not any(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers):
        return
    size = int(np.clip(len(images) // N_BATCHES, MIN_BATCH_SIZE, MAX_BATCH_SIZE))
    order = np.resize(np.random.default_rng(0).permutation(len(images)), N_BATCHES * size)
    for batch in np.split(order, N_BATCHES):
        model(images[batch].astype(np.float32), training=True)
