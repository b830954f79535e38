"""Evaluation of a model on corrupted digits."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digitcore.jobs.tasks.task import Progress, ReportProgress, ShouldStop, Task, TaskKey
from digitcore.mnist import TEST_SIZE
from digitcore.models.bundle import ModelBundle

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class RobustnessTask(Task["pd.DataFrame"]):
    """A task that evaluates a model on MNIST's test digits with each corruption and severity.

    Attributes:
        model: The model.
        n_digits: Number of test digits, 1 to 10,000. The first digits are used.

    Example:
        >>> from digitcore import models
        >>> RobustnessTask(models.load("genius")).label
        'Evaluating genius on 10,000 digits with ten corruptions at five severities'
    """

    model: ModelBundle
    n_digits: int = TEST_SIZE

    @property
    def key(self) -> TaskKey:
        return "robustness", self.model.hash, str(self.n_digits)

    @property
    def label(self) -> str:
        return f"Evaluating {self.model.name} on {self.n_digits:,} digits with ten corruptions at five severities"

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> "pd.DataFrame":
        from digitcore.evaluation import robustness

        return robustness.robustness_table(
            self.model.predictor(threads=os.cpu_count() or 1),
            self.n_digits,
            on_progress=lambda share: progress(Progress(share)),
            should_stop=should_stop,
        )
