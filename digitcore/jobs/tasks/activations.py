"""The activations of a network's layers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digitcore.jobs.tasks.task import ReportProgress, ShouldStop, Task, TaskKey, hash_array
from digitcore.models.bundle import ModelBundle

if TYPE_CHECKING:
    from digitcore.evaluation.activations import LayerActivation


@dataclass(frozen=True, eq=False)
class ActivationsTask(Task["list[LayerActivation]"]):
    """A task that computes the activations of each layer for a digit.

    Attributes:
        model: The model.
        digit: (28, 28) uint8.

    Example:
        >>> from digitcore import models
        >>> ActivationsTask(models.load("genius"), np.zeros((28, 28), np.uint8)).label
        'Computing the activations of the layers'
    """

    model: ModelBundle
    digit: np.ndarray

    @property
    def key(self) -> TaskKey:
        return "activations", self.model.hash, hash_array(self.digit)

    @property
    def label(self) -> str:
        return "Computing the activations of the layers"

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> "list[LayerActivation]":
        from digitcore.evaluation.activations import layer_activations

        return layer_activations(self.model, self.digit)
