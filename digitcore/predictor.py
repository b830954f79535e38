"""Probabilities from model.tflite by LiteRT, in 0.1 to 0.3 ms a digit and without TensorFlow."""

import threading
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from digitcore.errors import ModelError
from digitcore.images import SIDE

BATCH_SIZE = 100  # larger batches are no faster and cost memory


class Predictor:
    """A loaded model. Safe to share between threads: calls wait for each other."""

    def __init__(self, model: bytes, threads: int = 1):
        # Imported here, because it takes longer than all the rest and who only lists models does not need it.
        from ai_edge_litert.interpreter import Interpreter

        try:
            self._interpreter = Interpreter(model_content=model, num_threads=threads)
            self._input = self._interpreter.get_input_details()[0]
            self._output = self._interpreter.get_output_details()[0]
            self._resize(1)
        except (ValueError, RuntimeError, IndexError) as error:
            raise ModelError("This is not a LiteRT model. Train or choose another one.") from error
        if list(self._input["shape"][1:]) != [SIDE, SIDE, 1] or self._output["shape"][-1] != 10:
            raise ModelError(f"A model must turn {SIDE} × {SIDE} pictures into ten probabilities; this one does not.")
        self._lock = threading.Lock()

    @classmethod
    def load(cls, model: str | Path | bytes, threads: int = 1) -> "Predictor":
        """Load a .tflite file or its bytes; more threads are worth it for many digits at once.

        Raises:
            ModelError: when it is not a LiteRT model of 28 × 28 images and ten classes.
        """
        return cls(model if isinstance(model, bytes) else Path(model).read_bytes(), threads)

    def probabilities(self, digits: ArrayLike) -> np.ndarray:
        """Predict.

        Args:
            digits: (N, 28, 28) uint8, ink 255 on 0; N may be 0.

        Returns:
            (N, 10) float32, each row adding up to 1.
        """
        images = np.asarray(digits, np.float32).reshape(-1, SIDE, SIDE, 1)
        probabilities = np.empty((len(images), 10), np.float32)
        with self._lock:
            for start in range(0, len(images), BATCH_SIZE):
                probabilities[start : start + BATCH_SIZE] = self._predict_batch(images[start : start + BATCH_SIZE])
        return probabilities

    def _predict_batch(self, images: np.ndarray) -> np.ndarray:
        if len(images) != self._batch_size:
            self._resize(len(images))
        self._interpreter.set_tensor(self._input["index"], images)
        self._interpreter.invoke()
        output: np.ndarray = self._interpreter.get_tensor(self._output["index"])
        return output

    def _resize(self, batch_size: int) -> None:
        self._interpreter.resize_tensor_input(self._input["index"], [batch_size, SIDE, SIDE, 1])
        self._interpreter.allocate_tensors()
        self._batch_size = batch_size
