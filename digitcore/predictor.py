"""Probabilities from model.tflite by LiteRT, in 0.1 to 0.3 ms a digit and without TensorFlow."""

import threading
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from digitcore.errors import ModelError
from digitcore.images import SIDE

BATCH_SIZE = 20  # larger batches are no faster, and a model keeps the memory of its largest one


class Predictor:
    """A loaded model. Safe to share between threads: calls wait for each other.

    Attributes:
        n_bytes: memory in use after a batch, at most.
    """

    def __init__(self, model: bytes, threads: int = 1, batch_size: int = BATCH_SIZE):
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
        self._lock, self._largest_batch = threading.Lock(), batch_size
        self.n_bytes = len(model) + batch_size * self._activation_bytes()

    @classmethod
    def load(cls, model: str | Path | bytes, threads: int = 1, batch_size: int = BATCH_SIZE) -> "Predictor":
        """Load a .tflite file or its bytes.

        Args:
            model: the file, or its content.
            threads: more than one are worth it for many digits at once.
            batch_size: digits that are predicted at once.

        Raises:
            ModelError: when it is not a LiteRT model of 28 × 28 images and ten classes.
        """
        return cls(model if isinstance(model, bytes) else Path(model).read_bytes(), threads, batch_size)

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
            for start in range(0, len(images), self._largest_batch):
                batch = slice(start, start + self._largest_batch)
                probabilities[batch] = self._predict_batch(images[batch])
        return probabilities

    def _predict_batch(self, images: np.ndarray) -> np.ndarray:
        if len(images) != self._batch_size:
            self._resize(len(images))
        self._interpreter.set_tensor(self._input["index"], images)
        self._interpreter.invoke()
        output: np.ndarray = self._interpreter.get_tensor(self._output["index"])
        return output

    def _activation_bytes(self) -> int:
        """Of all tensors between input and output for one digit, as if none shared its memory with another."""
        tensors = self._interpreter.get_tensor_details()
        shapes = [(tensor["shape"], np.dtype(tensor["dtype"]).itemsize) for tensor in tensors]
        return sum(int(np.prod(shape)) * size for shape, size in shapes if len(shape) > 1 and shape[0] == 1)

    def _resize(self, batch_size: int) -> None:
        self._interpreter.resize_tensor_input(self._input["index"], [batch_size, SIDE, SIDE, 1])
        self._interpreter.allocate_tensors()
        self._batch_size = batch_size
