"""What one job may ask for, and how many may wait."""

from dataclasses import dataclass

from digitcore.config import Config
from digitcore.errors import JobError


@dataclass(frozen=True)
class Limits:
    """The server's limits; the configuration's `max_…` values.

    Attributes:
        samples: the user's samples in one training.
        epochs: of one training.
        jobs: running and waiting, of all sessions.
        seconds: of one training; then it stops and keeps what it learnt.
    """

    samples: int = Config.model_fields["max_samples"].default
    epochs: int = Config.model_fields["max_epochs"].default
    jobs: int = Config.model_fields["max_jobs"].default
    seconds: float = Config.model_fields["max_seconds"].default

    @classmethod
    def from_config(cls, config: Config) -> "Limits":
        """The configured limits."""
        return cls(config.max_samples, config.max_epochs, config.max_jobs, config.max_seconds)

    @staticmethod
    def check(n: int, limit: int, what: str) -> None:
        """Compare a number with its limit.

        Raises:
            JobError: when it is higher.
        """
        if n > limit:
            raise JobError(f"This server allows {limit:,} {what}, and this would be {n:,}. Ask for less, or later.")
