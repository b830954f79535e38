"""What a session needs from its server, passed in so that a session can be tested without Streamlit."""

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from digitcore.jobs.service import JobService
from digitcore.models.bundle import ModelBundle


@dataclass(frozen=True)
class ServerResources:
    """Functions that give what all sessions share.

    Attributes:
        jobs: the worker.
        shipped: a shipped model by its name.
        shipped_names: the names of the shipped models.
        usable_names: of those, the ones whose files are sound; opens all of them.
        probabilities: a model's, for digits (N, 28, 28) uint8 → (N, 10) float32; cached.
        results: what the worker has found out, by what was asked.
    """

    jobs: Callable[[], JobService]
    shipped: Callable[[str], ModelBundle]
    shipped_names: Callable[[], list[str]]
    usable_names: Callable[[], list[str]]
    probabilities: Callable[[ModelBundle, np.ndarray], np.ndarray]
    results: Callable[[], MutableMapping[Any, Any]]
