"""Probabilities from model.tflite by LiteRT, in 0.1 to 0.3 ms a digit and without TensorFlow."""

import threading
from pathlib import Path

import numpy as np

from digitcore.errors import ModelError
from digitcore.images import SIDE

BATCH = 100  # digits at once: larger batches are no faster and cost memory


class Predictor:
    """A model ready to answer. Safe to share between threads: calls wait for each other."""

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
        """From a .tflite file or from its bytes; more threads are worth it for many digits at once.

        Raises:
            ModelError: when it is not a LiteRT model of 28 × 28 pictures and ten classes.
        """
        return cls(model if isinstance(model, bytes) else Path(model).read_bytes(), threads)

    def probabilities(self, digits) -> np.ndarray:
        """Ask the model.

        Args:
            digits: (N, 28, 28) uint8, ink 255 on 0; N may be 0.

        Returns:
            (N, 10) float32, each row adding up to 1.
        """
        pictures = np.asarray(digits, np.float32).reshape(-1, SIDE, SIDE, 1)
        answers = np.empty((len(pictures), 10), np.float32)
        with self._lock:
            for start in range(0, len(pictures), BATCH):
                answers[start : start + BATCH] = self._answer(pictures[start : start + BATCH])
        return answers

    def _answer(self, pictures):
        if len(pictures) != self._size:
            self._resize(len(pictures))
        self._interpreter.set_tensor(self._input["index"], pictures)
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output["index"])

    def _resize(self, size):
        self._interpreter.resize_tensor_input(self._input["index"], [size, SIDE, SIDE, 1])
        self._interpreter.allocate_tensors()
        self._size = size
