"""The trainings that leave pupils out."""

import json
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from digitcore.errors import TrainingError
from digitcore.jobs.tasks.task import Progress, ReportProgress, ShouldStop, TaskKey, hash_array
from digitcore.jobs.tasks.train import LimitedTraining
from digitcore.models.bundle import ModelBundle

if TYPE_CHECKING:
    from digitcore.classroom.leave_out import Predictions


@dataclass(frozen=True, eq=False)
class LeaveOutTask(LimitedTraining["Predictions"]):
    """A task that predicts drawings of pupils with models that learnt from them, and with models that did not.

    Attributes:
        start: The initial model.
        weights: Relative weight of each sample, (N,) float.
        drawing_folds: Fold of each sample, (N,) int. A model that learns from a pupil predicts the drawings of the fold that it
            has not learnt from.
        pupil_folds: Fold of each sample, (N,) int. All drawings of a pupil are in one fold, or in none with −1.

    Example:
        >>> LeaveOutTask.__name__
        'LeaveOutTask'
    """

    start: ModelBundle
    weights: np.ndarray
    drawing_folds: np.ndarray
    pupil_folds: np.ndarray

    @property
    def key(self) -> TaskKey:
        arrays = (self.samples.digits, self.samples.labels, self.weights, self.drawing_folds, self.pupil_folds)
        return "leave out", self.start.hash, json.dumps(asdict(self.settings)), *map(hash_array, arrays)

    @property
    def label(self) -> str:
        return f"Training {self.n_trainings} models that leave drawings out"

    @property
    def n_trainings(self) -> int:
        """Number of trainings."""
        return sum(int(folds.max(initial=-1)) + 1 for folds in (self.drawing_folds, self.pupil_folds))

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> "Predictions":
        from digitcore.classroom.leave_out import Predictions
        from digitcore.training.cross_validation import predict_folds

        end = time.monotonic() + self.max_seconds
        n_drawing = int(self.drawing_folds.max(initial=-1)) + 1

        def predict(folds: np.ndarray, first: float, share: float) -> np.ndarray:
            probabilities = predict_folds(
                self.start,
                self.samples,
                self.settings,
                folds,
                sample_weights=self.weights,
                on_progress=lambda done: progress(Progress(first + share * done)),
                should_stop=lambda: should_stop() or time.monotonic() > end,
            )
            return np.where(folds >= 0, probabilities.argmax(1), -1)

        before = n_drawing / max(self.n_trainings, 1)
        together, without = predict(self.drawing_folds, 0, before), predict(self.pupil_folds, before, 1 - before)
        if time.monotonic() > end:
            raise TrainingError(
                f"The trainings took more than {self.max_seconds:.0f} s, so there is no table. Choose fewer epochs or pupils."
            )
        return Predictions(self.start.predictor().probabilities(self.samples.digits).argmax(1), without, together)
