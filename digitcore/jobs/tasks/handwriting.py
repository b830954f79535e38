"""The map of the handwriting of a class."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digitcore.jobs.tasks.task import ReportProgress, ShouldStop, Task, TaskKey, hash_array
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet

if TYPE_CHECKING:
    from digitcore.classroom.handwriting import Handwriting


@dataclass(frozen=True, eq=False)
class HandwritingTask(Task["Handwriting"]):
    """A task that places the drawings of a class on the map, and measures how unusual each drawing is.

    Attributes:
        model: The model whose features are used.
        samples: The drawings.
        owners: Index of the pupil of each drawing, (N,) int.

    Example:
        >>> from digitcore import models
        >>> HandwritingTask(models.load("genius"), SampleSet(), np.zeros(0, int)).label
        'Computing the map of the class'
    """

    model: ModelBundle
    samples: SampleSet
    owners: np.ndarray

    @property
    def key(self) -> TaskKey:
        return "handwriting", self.model.hash, *map(hash_array, (self.samples.digits, self.samples.labels, self.owners))

    @property
    def label(self) -> str:
        return "Computing the map of the class"

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> "Handwriting":
        from digitcore.classroom.handwriting import handwriting

        return handwriting(self.model, self.samples, self.owners)
