"""The cost of a model's predictions, and its limits."""

from dataclasses import dataclass

from digitcore.errors import ModelError

MAX_MILLISECONDS = 20  # CPU time of one prediction on one thread
MAX_MEGABYTES = 64  # memory in use after a batch of predictions
BATCH_SIZE = 100  # digits


@dataclass(frozen=True)
class Cost:
    """The cost of predictions.

    Attributes:
        milliseconds: CPU time of one prediction on one thread.
        megabytes: Memory in use after a batch of `BATCH_SIZE` digits.

    Example:
        >>> Cost(milliseconds=0.2, megabytes=3.0).check()
        >>> Cost(milliseconds=40.0, megabytes=3.0).check()
        Traceback (most recent call last):
        digitcore.errors.ModelError: The model takes 40 ms for a digit. The limit is 20 ms. Use a smaller model.
    """

    milliseconds: float
    megabytes: float

    def check(self) -> None:
        """Compare the cost with the limits.

        Raises:
            ModelError: If the cost exceeds a limit. The message states the cost and the limit.

        Example:
            >>> Cost(milliseconds=0.2, megabytes=3.0).check()
        """
        if self.milliseconds > MAX_MILLISECONDS:
            raise ModelError(
                f"The model takes {self.milliseconds:,.0f} ms for a digit. The limit is {MAX_MILLISECONDS} ms. "
                "Use a smaller model."
            )
        if self.megabytes > MAX_MEGABYTES:
            raise ModelError(
                f"The model needs {self.megabytes:,.0f} MB for {BATCH_SIZE} digits. The limit is {MAX_MEGABYTES} MB. "
                "Use a smaller model."
            )
