"""Prediction with LiteRT, which takes 0.1 to 0.3 ms per digit and does not load TensorFlow."""

import contextlib
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from digitcore import native_messages
from digitcore.errors import ModelError, SampleError
from digitcore.files import read_bytes
from digitcore.images import SIDE

INK = 255  # largest value of a pixel
BATCH_SIZE = 20  # Larger batches are not faster, and a model keeps the memory of its largest batch.


class Predictor:
    """A loaded model that predicts the probabilities of the ten digits.

    Several threads can share a predictor. Only one thread predicts at a time. The threads take turns after each batch, so that a
    digit does not wait for thousands of digits of another thread.

    Attributes:
        n_bytes: Upper bound of the memory in use, in bytes.

    Example:
        >>> from digitcore import models
        >>> models.load("untrained").predictor()
        Predictor(batch_size=20)
    """

    def __init__(self, model: bytes, threads: int = 1, batch_size: int = BATCH_SIZE):
        # Imported here because it is slow and not needed for listing models.
        from ai_edge_litert.interpreter import Interpreter

        try:
            with native_messages.dropped():  # XNNPACK writes a line for each interpreter.
                self._interpreter = Interpreter(model_content=model, num_threads=threads)
                self._input = self._interpreter.get_input_details()[0]
                self._output = self._interpreter.get_output_details()[0]
                self._resize(1)
        except (ValueError, RuntimeError, IndexError) as error:
            raise ModelError("This is not a LiteRT model. Train a model, or choose another model.") from error
        if list(self._input["shape"][1:]) != [SIDE, SIDE, 1] or self._output["shape"][-1] != 10:
            raise ModelError(f"This model does not convert {SIDE} × {SIDE} pixels to ten probabilities. Choose another model.")
        self._lock, self._turn, self._largest_batch = threading.Lock(), threading.Lock(), batch_size
        self.n_bytes = len(model) + batch_size * self._activation_bytes()

    @classmethod
    def load(cls, model: str | Path | bytes, threads: int = 1, batch_size: int = BATCH_SIZE) -> "Predictor":
        """Load a model from a .tflite file or from its content.

        Args:
            model: path of the file, or its content.
            threads: number of threads. More than one thread is faster only for many digits.
            batch_size: maximum number of digits that are predicted together.

        Returns:
            The predictor.

        Raises:
            ModelError: If the file cannot be read, or is not a LiteRT model with an input of 28 × 28 pixels and ten classes.

        Example:
            >>> from digitcore import models
            >>> predictor = Predictor.load(models.load("genius").tflite_bytes, threads=2)
            >>> predictor.probabilities(np.zeros((3, 28, 28), np.uint8)).shape
            (3, 10)
        """
        if isinstance(model, bytes):
            return cls(model, threads, batch_size)
        return cls(read_bytes(Path(model), ModelError), threads, batch_size)

    def probabilities(self, digits: ArrayLike) -> np.ndarray:
        """Predict the probabilities of the ten digits.

        Args:
            digits: (N, 28, 28) uint8, ink 255 on 0. N may be 0.

        Returns:
            (N, 10) float32, with row sums of 1.

        Raises:
            SampleError: If the shape is wrong, or a value is not a number from 0 to 255.

        Warns:
            UserWarning: If no value is greater than 1, because the digits were probably scaled to the range 0 to 1.

        Example:
            >>> from digitcore import mnist, models
            >>> digits, labels = mnist.load().validation
            >>> predicted = models.load("genius").predictor().probabilities(digits[:8]).argmax(1)
            >>> np.array_equal(predicted, labels[:8])
            True
        """
        images = _to_images(digits)
        probabilities = np.empty((len(images), 10), np.float32)
        for start in range(0, len(images), self._largest_batch):
            batch = slice(start, start + self._largest_batch)
            with self._take_turn():
                probabilities[batch] = self._predict_batch(images[batch])
        return probabilities

    def __repr__(self) -> str:
        return f"{type(self).__name__}(batch_size={self._largest_batch})"

    @contextlib.contextmanager
    def _take_turn(self) -> Iterator[None]:
        """Hold the lock. A thread that releases it cannot take it again before the thread that waits for it."""
        with self._turn:  # The waiting thread holds this lock until it has the other lock.
            self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()

    def _predict_batch(self, images: np.ndarray) -> np.ndarray:
        if len(images) != self._batch_size:
            self._resize(len(images))
        self._interpreter.set_tensor(self._input["index"], images)
        self._interpreter.invoke()
        output: np.ndarray = self._interpreter.get_tensor(self._output["index"])
        return output

    def _activation_bytes(self) -> int:
        """Return an upper bound of the activation memory for one digit, in bytes. Memory that tensors share is counted twice."""
        tensors = self._interpreter.get_tensor_details()
        shapes = [(tensor["shape"], np.dtype(tensor["dtype"]).itemsize) for tensor in tensors]
        return sum(int(np.prod(shape)) * size for shape, size in shapes if len(shape) > 1 and shape[0] == 1)

    def _resize(self, batch_size: int) -> None:
        self._interpreter.resize_tensor_input(self._input["index"], [batch_size, SIDE, SIDE, 1])
        self._interpreter.allocate_tensors()
        self._batch_size = batch_size


def _to_images(digits: ArrayLike) -> np.ndarray:
    """Check the shape and the values of digits, and return them as (N, 28, 28, 1) float32."""
    try:
        images = np.asarray(digits, np.float32)
    except (TypeError, ValueError) as error:
        raise SampleError(f"The digits are not an array of numbers. Pass an array of shape (N, {SIDE}, {SIDE}).") from error
    if images.size and images.shape[1:] not in ((SIDE, SIDE), (SIDE, SIDE, 1)):
        raise SampleError(f"Digits must have the shape (N, {SIDE}, {SIDE}), not {images.shape}. Reshape the array.")
    low, high = (images.min(), images.max()) if images.size else (0.0, 0.0)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise SampleError("The digits contain NaN or infinite values. Replace them with numbers from 0 to 255.")
    if low < 0 or high > INK:
        raise SampleError(f"The digits contain values from {low:,g} to {high:,g}. Pass numbers from 0 (paper) to {INK} (ink).")
    if 0 < high <= 1:
        warnings.warn(
            "No value of the digits is greater than 1. The model expects ink 255 on 0. Multiply digits from 0 to 1 by 255.",
            stacklevel=3,
        )
    return images.reshape(-1, SIDE, SIDE, 1)
