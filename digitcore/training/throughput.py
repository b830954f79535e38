"""How long a network trains."""

import time

import numpy as np

from digitcore.images import SIDE
from digitcore.models import keras_io
from digitcore.models.bundle import ModelBundle
from digitcore.models.network_spec import N_CLASSES

BATCH = 64  # digits
MAX_SECONDS = 1.0  # of measuring
MAX_BATCHES = 20


def seconds_per_1000_digits(bundle: ModelBundle) -> float:
    """Time that one thousand digits take in a training, on this machine and with what else it does now.

    Raises:
        ModelError: when Keras cannot open the model.
    """
    model = keras_io.open_model(bundle)
    model.compile("adam", "categorical_crossentropy")
    rng = np.random.default_rng(0)
    digits = rng.integers(0, 256, (BATCH, SIDE, SIDE, 1)).astype(np.float32)
    targets = np.eye(N_CLASSES, dtype=np.float32)[rng.integers(0, N_CLASSES, BATCH)]
    model.train_on_batch(digits, targets)  # traces the graph, which takes seconds once
    began, n_batches = time.perf_counter(), 0
    while n_batches < MAX_BATCHES and time.perf_counter() - began < MAX_SECONDS:
        model.train_on_batch(digits, targets)
        n_batches += 1
    return (time.perf_counter() - began) / (n_batches * BATCH) * 1000
