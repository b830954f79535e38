"""Training on the drawings of a class."""

from dataclasses import dataclass, field, replace

import numpy as np

from digitcore.jobs.tasks.task import ReportProgress, ShouldStop
from digitcore.jobs.tasks.train import TrainTask
from digitcore.training.run import Run


@dataclass(frozen=True, eq=False)
class TrainClassTask(TrainTask):
    """A task that trains on the drawings of several pupils. The result cannot be resumed, because the class goes on drawing.

    Attributes:
        weights: Relative weight of each sample, (N,) float.
        n_pupils: Number of pupils who made the drawings.

    Example:
        >>> from digitcore import models
        >>> from digitcore.samples import SampleSet
        >>> from digitcore.training.settings import TrainSettings
        >>> start = models.load("genius")
        >>> TrainClassTask(start, SampleSet(), TrainSettings(), weights=np.ones(0), n_pupils=2).label
        'Training on the class'
    """

    weights: np.ndarray = field(kw_only=True)
    n_pupils: int = field(kw_only=True)

    @property
    def label(self) -> str:
        return "Training on the class"

    def _sample_weights(self) -> np.ndarray:
        weights: np.ndarray = self.weights[~self.samples.held_out]
        return weights

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> Run:
        run = super().run(progress, should_stop)
        card = run.model.card
        data = replace(card.training_data, pupils=self.n_pupils)
        return replace(run, model=run.model.with_card(replace(card, training_data=data)), resume_state=None)
