"""Limits of a job, and of the number of jobs."""

from dataclasses import dataclass

from digitcore.config import Config
from digitcore.errors import JobError


@dataclass(frozen=True)
class Limits:
    """The limits of a server. They are the `max_…` values of the configuration.

    Attributes:
        samples: Maximum number of the user's samples in one training.
        epochs: Maximum number of epochs of one training.
        jobs: Maximum number of running and waiting jobs of all sessions.
        seconds: Maximum duration of one training in seconds. The training then stops, and its current weights are kept.

    Example:
        >>> Limits(epochs=10).epochs
        10
    """

    samples: int = Config.model_fields["max_samples"].default
    epochs: int = Config.model_fields["max_epochs"].default
    jobs: int = Config.model_fields["max_jobs"].default
    seconds: float = Config.model_fields["max_seconds"].default

    @classmethod
    def from_config(cls, config: Config) -> "Limits":
        """Return the limits of a configuration."""
        return cls(config.max_samples, config.max_epochs, config.max_jobs, config.max_seconds)

    @staticmethod
    def check(n: int, limit: int, what: str) -> None:
        """Check that a number is within its limit.

        Args:
            n: The number.
            limit: The limit.
            what: Plural noun for the message, such as "epochs".

        Raises:
            JobError: If the number is greater than the limit.
        """
        if n > limit:
            raise JobError(
                f"This server allows {limit:,} {what}, but there would be {n:,}. Reduce the number, or try again later."
            )
