"""Measurement of a network's training speed."""

import time

import numpy as np

from digitcore.images import SIDE
from digitcore.models import keras_io
from digitcore.models.bundle import ModelBundle
from digitcore.models.network_spec import N_CLASSES

BATCH = 64  # digits
MAX_SECONDS = 1.0  # of the measurement
MAX_BATCHES = 20


def seconds_per_1000_digits(bundle: ModelBundle) -> float:
    """Measure the duration of a training on one thousand digits on this machine.

    Args:
        bundle: The model. It is not changed.

    Returns:
        Wall-clock time in seconds, which includes the effect of other work on the machine.

    Raises:
        ModelError: If Keras cannot open the model.

    Example:
        >>> from digitcore import models
        >>> seconds_per_1000_digits(models.load("mlp")) > 0
        True
    """
    model = keras_io.open_model(bundle)
    model.compile("adam", "categorical_crossentropy")
    rng = np.random.default_rng(0)
    digits = rng.integers(0, 256, (BATCH, SIDE, SIDE, 1)).astype(np.float32)
    targets = np.eye(N_CLASSES, dtype=np.float32)[rng.integers(0, N_CLASSES, BATCH)]
    model.train_on_batch(digits, targets)  # This batch is not measured because it also traces the graph, which takes seconds.
    began, n_batches = time.perf_counter(), 0
    while n_batches < MAX_BATCHES and time.perf_counter() - began < MAX_SECONDS:
        model.train_on_batch(digits, targets)
        n_batches += 1
    return (time.perf_counter() - began) / (n_batches * BATCH) * 1000
