"""The Keras callback that records the curves of a training and stops the training on request."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from digitcore.models.keras_io import predict_in_batches, save_keras
from digitcore.predictor import Predictor
from digitcore.training.averaging import averaged_weights
from digitcore.training.dataset import TrainingDataset
from digitcore.training.run import Point, Run
from digitcore.training.snapshot_recorder import SnapshotRecorder

UPDATE_INTERVAL = 0.25  # seconds between two reports
POINTS_PER_EPOCH = 10  # Points are recorded at fixed batches, so that every machine records the same curve.
Logs = dict[str, Any] | None


class HistoryCallback(keras.callbacks.Callback):
    """A callback that records points of the curves, reports progress, and stops the training on request.

    Args:
        dataset: The training set.
        validation: Images, shape (N, 28, 28, 1), float32, and one-hot labels, shape (N, 10), float32; or None.
        on_progress: Called with each new point, and a few times a second with a preview of the next point.
        should_stop: Called a few times a second. The training stops when it returns True.

    Attributes:
        points: Points of the curves, oldest first.
        stopped: Whether the training was stopped before its last epoch.
        resume_state: Bytes of a .keras file of a stopped training, with the optimizer's state.
        snapshots: Recorder of the network's snapshots, or None without validation.
        record: File in which the points are stored beside checkpoints. If None, they are not stored.

    Example:
        >>> from digitcore.samples import SampleSet
        >>> from digitcore.training.settings import TrainSettings
        >>> dataset = TrainingDataset(SampleSet(), TrainSettings(mnist_samples=100).resolved(is_trained=True))
        >>> callback = HistoryCallback(dataset, None, print, None)
        >>> callback.points
        []
    """

    def __init__(
        self,
        dataset: TrainingDataset,
        validation: tuple[np.ndarray, np.ndarray] | None,
        on_progress: Callable[[Point], None] | None,
        should_stop: Callable[[], bool] | None,
    ):
        super().__init__()
        self.dataset, self.validation = dataset, validation
        self.on_progress = on_progress or (lambda point: None)
        self.should_stop = should_stop or (lambda: False)
        self.points: list[Point] = []
        self.stopped = False
        self.resume_state: bytes | None = None
        self.record: Path | None = None
        self.snapshots = SnapshotRecorder(dataset.settings.epochs, *validation) if validation else None
        self._first_probabilities: np.ndarray | None = None
        self._epoch = self._batches = 0
        self._began = self._updated = time.perf_counter()
        self._totals = np.zeros(3)  # Sums of batches, loss and accuracy from the start of the epoch to the last point.

    def seconds(self) -> float:
        """Return the duration of the training in seconds, including the duration before it was resumed."""
        return time.perf_counter() - self._began

    def begin(self, predictor: Predictor) -> None:
        """Record the first point, which is the validation of the initial model.

        Args:
            predictor: Predictor of the initial model. It is much faster than the Keras model.
        """
        if self.validation:
            self._first_probabilities = predictor.probabilities(self.validation[0])
            self._append_point(0.0, **self._validate(self._first_probabilities))
        else:
            self._append_point(0.0)

    def resume(self, run: Run) -> None:
        """Continue the curves of a stopped run, and skip the batches that the run was trained on.

        Args:
            run: A stopped run of the same training.
        """
        self.points, self._began = list(run.history), self._began - run.seconds
        done = round(run.history[-1]["epoch"] * self.dataset.steps_per_epoch)
        self.dataset.initial_epoch, self.dataset.skipped_batches = divmod(done, self.dataset.steps_per_epoch)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Prepare the digits of the epoch."""
        if epoch > self.points[-1]["epoch"]:
            self._restore_record(epoch)
        if self.snapshots and self._first_probabilities is not None and epoch == 0:
            self.snapshots.add(0, self.model, self._first_probabilities)
        self.dataset.prepare_epoch(epoch)
        self._epoch, self._batches, self._totals = epoch, 0, np.zeros(3)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Record a point or report progress if it is due, and stop the training on request."""
        # Keras gives the number of the last batch of an execution, which may lie beyond the end of the epoch.
        before, self._batches = self._batches, min(batch + 1, self.params["steps"])
        if self._batches == self.params["steps"]:
            return
        is_due = self._points_due(self._batches) > self._points_due(before)
        now = time.perf_counter()
        reports = now - self._updated >= UPDATE_INTERVAL
        if reports:
            self._updated = now
        stops = reports and self.should_stop()
        if is_due or stops:
            self._append_batches(logs or {})
        elif reports:
            self.on_progress(self._point(self._position(), **self._since_last_point(logs or {})))
        if stops:
            self._stop()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Record the last point of the epoch with its validation."""
        self._append_batches(logs or {}, **self._validate_averaged())
        if self.record:
            self.record.parent.mkdir(parents=True, exist_ok=True)
            self.record.write_text(json.dumps(self.points))
        if not self.stopped and epoch + 1 < self.dataset.settings.epochs and self.should_stop():
            self._stop()

    def _stop(self) -> None:
        """Stop the training. Its state is saved now because Keras replaces the last weights by the averaged weights later."""
        self.stopped = self.model.stop_training = True
        self.resume_state = save_keras(self.model, include_optimizer=True)

    def _restore_record(self, epoch: int) -> None:
        """Continue the curves of a killed training from the epoch that BackupAndRestore restored."""
        if self.record and self.record.exists():
            self.points = [point for point in json.loads(self.record.read_text()) if point["epoch"] <= epoch]
            self._began = time.perf_counter() - self.points[-1]["seconds"]

    def _append_batches(self, logs: dict[str, float], **values: float) -> None:
        """Record a point with the means of the batches since the last point."""
        means = self._since_last_point(logs)
        self._totals = self._sums(logs)
        if not means and "loss" in self.points[-1]:  # The last point was recorded at this batch, so the new point replaces it.
            means = {name: self.points[-1][name] for name in ("loss", "accuracy")}
            self.points.pop()
        self._append_point(self._position(), **means, **values)

    def _since_last_point(self, logs: dict[str, float]) -> dict[str, float]:
        """Return the mean loss and accuracy since the last point. Keras reports the mean since the start of the epoch."""
        batches, loss, accuracy = self._sums(logs) - self._totals
        return {"loss": float(loss / batches), "accuracy": float(np.clip(accuracy / batches, 0, 1))} if batches else {}

    def _sums(self, logs: dict[str, float]) -> np.ndarray:
        """Return the number of batches of this epoch and the sums of their losses and accuracies."""
        return np.array([self._batches, logs["loss"] * self._batches, logs["accuracy"] * self._batches])

    def _position(self) -> float:
        """Return the progress of the training in epochs."""
        return self._epoch + (self.dataset.skipped_batches + self._batches) / self.dataset.steps_per_epoch

    def _points_due(self, batches: int) -> int:
        """Return how many points of this epoch are due after a number of batches."""
        return (self.dataset.skipped_batches + batches) * POINTS_PER_EPOCH // self.dataset.steps_per_epoch

    def _append_point(self, epoch: float, **values: float) -> None:
        self.points.append(self._point(epoch, **values))
        self.on_progress(self.points[-1])

    def _point(self, epoch: float, **values: float) -> Point:
        point: Point = {
            "epoch": round(epoch, 4),
            "samples_seen": round(epoch * self.dataset.samples_per_epoch),
            "seconds": round(self.seconds(), 3),
        }
        return point | {name: round(value, 5) for name, value in values.items()}

    def _validate_averaged(self) -> dict[str, float]:
        """Validate the model with the weights that the training would end with now."""
        if not self.validation:
            return {}
        with averaged_weights(self.model, self.dataset.epoch_images):
            probabilities = predict_in_batches(self.model, self.validation[0])
            if self.snapshots:
                self.snapshots.add(self._epoch + 1, self.model, probabilities)
            return self._validate(probabilities)

    def _validate(self, probabilities: np.ndarray) -> dict[str, float]:
        assert self.validation is not None
        targets = self.validation[1]
        true_probabilities = (probabilities * targets).sum(1)
        return {
            "val_loss": float(-np.log(np.clip(true_probabilities, 1e-7, 1)).mean()),
            "val_accuracy": float((probabilities.argmax(1) == targets.argmax(1)).mean()),
        }
