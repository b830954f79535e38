"""The two-dimensional map of MNIST's digits."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digitcore.jobs.tasks.task import ReportProgress, ShouldStop, Task, TaskKey, hash_array
from digitcore.models.bundle import ModelBundle

if TYPE_CHECKING:
    from digitcore.evaluation.feature_map import FeatureMap


@dataclass(frozen=True, eq=False)
class FeatureMapTask(Task["FeatureMap"]):
    """A task that computes the map of the first model and the positions of other digits for each model.

    Attributes:
        models: The models. The first model defines the map.
        digits: (N, 28, 28) uint8, the digits that are placed on the map.

    Example:
        >>> from digitcore import models
        >>> FeatureMapTask((models.load("genius"),), np.zeros((1, 28, 28), np.uint8)).label
        'Computing the map'
    """

    models: tuple[ModelBundle, ...]
    digits: np.ndarray

    @property
    def key(self) -> TaskKey:
        return "feature map", *(model.hash for model in self.models), hash_array(self.digits)

    @property
    def label(self) -> str:
        return "Computing the map"

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> "FeatureMap":
        from digitcore.evaluation.feature_map import feature_map

        return feature_map(self.models, self.digits)
