"""A training in a thread of the server, as in most tutorials. It runs from the start if PEER_TRAINS names a file with digits."""

import os
import threading
from pathlib import Path

import keras
import numpy as np


def begin(model: Path) -> None:
    """Train a copy of the model in a thread until the process ends."""
    if file := os.environ.get("PEER_TRAINS"):
        threading.Thread(target=_fit, args=(model, file), daemon=True).start()


def _fit(model, file):
    with np.load(file) as data:
        digits, labels = data["digits"][..., None].astype(np.float32), data["labels"]
    taught = keras.saving.load_model(model, compile=False)
    taught.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    taught.fit(digits, labels, batch_size=32, epochs=1000, verbose=0)
