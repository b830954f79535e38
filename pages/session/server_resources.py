"""The resources of the server that a session uses. They are passed in, so that a session can be tested without Streamlit."""

from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from digitcore.jobs.service import JobService
from digitcore.models.bundle import ModelBundle


@dataclass(frozen=True)
class ServerResources:
    """Functions that return the resources that all sessions share.

    Attributes:
        jobs: Returns the service that runs jobs.
        shipped: Returns a shipped model by its name.
        shipped_names: Returns the names of the shipped models.
        usable_names: Returns the names of the shipped models whose files are valid. It reads the files of all shipped models.
        probabilities: Returns a model's probabilities, (N, 28, 28) uint8 → (N, 10) float32. Results are cached.
        results: Returns the cache of the worker's results by the keys of their tasks.
    """

    jobs: Callable[[], JobService]
    shipped: Callable[[str], ModelBundle]
    shipped_names: Callable[[], Sequence[str]]
    usable_names: Callable[[], Sequence[str]]
    probabilities: Callable[[ModelBundle, np.ndarray], np.ndarray]
    results: Callable[[], MutableMapping[Any, Any]]
