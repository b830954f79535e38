"""Search for the MNIST digits that are most similar to given digits."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digitcore.jobs.tasks.task import ReportProgress, ShouldStop, Task, TaskKey, hash_array
from digitcore.models.bundle import ModelBundle

if TYPE_CHECKING:
    from digitcore.evaluation.neighbors import Neighbors


@dataclass(frozen=True, eq=False)
class NeighborsTask(Task["Neighbors"]):
    """A task that finds the MNIST digits that are nearest to given digits in a model's feature space.

    Attributes:
        model: The model.
        digits: (N, 28, 28) uint8.

    Example:
        >>> from digitcore import models
        >>> NeighborsTask(models.load("genius"), np.zeros((1, 28, 28), np.uint8)).label
        'Searching for similar MNIST digits'
    """

    model: ModelBundle
    digits: np.ndarray

    @property
    def key(self) -> TaskKey:
        return "neighbors", self.model.hash, hash_array(self.digits)

    @property
    def label(self) -> str:
        return "Searching for similar MNIST digits"

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> "Neighbors":
        from digitcore.evaluation.neighbors import nearest_neighbors

        return nearest_neighbors(self.model, self.digits)
