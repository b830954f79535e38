"""The Keras callback that records a training's curves and ends it on request."""

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

UPDATE_INTERVAL = 0.25  # s between two reports
POINTS_PER_EPOCH = 10  # of the curves, at the same batches on any machine
Logs = dict[str, Any] | None


class HistoryCallback(keras.callbacks.Callback):
    """Appends points to the curves, reports each and how far the next one is, and stops the training when asked to.

    Args:
        dataset: what is trained on.
        validation: images (N, 28, 28, 1) float32 and targets (N, 10) float32, or None.
        on_progress: called with each new point, and a few times a second with what the next one is so far.
        should_stop: asked a few times a second.

    Attributes:
        points: of the curves, oldest first.
        stopped: whether the training was stopped before its last epoch.
        resume_state: the .keras file of a stopped training, with the optimizer's state.
        snapshots: what the network looks like now and then; None without validation.
        record: file in which the points are kept beside checkpoints; None keeps none.
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
        self._totals = np.zeros(3)  # batches, loss, accuracy of this epoch up to the last point

    def seconds(self) -> float:
        """Length of the training so far."""
        return time.perf_counter() - self._began

    def begin(self, predictor: Predictor) -> None:
        """Append the first point of the curves: the initial model's validation, by its .tflite file, which is quick."""
        if self.validation:
            self._first_probabilities = predictor.probabilities(self.validation[0])
            self._append_point(0.0, **self._validate(self._first_probabilities))
        else:
            self._append_point(0.0)

    def resume(self, run: Run) -> None:
        """Continue a stopped run's curves."""
        self.points, self._began = list(run.history), self._began - run.seconds
        done = round(run.history[-1]["epoch"] * self.dataset.steps_per_epoch)
        self.dataset.initial_epoch, self.dataset.skipped_batches = divmod(done, self.dataset.steps_per_epoch)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if epoch > self.points[-1]["epoch"]:
            self._restore_record(epoch)
        if self.snapshots and self._first_probabilities is not None and epoch == 0:
            self.snapshots.add(0, self.model, self._first_probabilities)
        self.dataset.prepare_epoch(epoch)
        self._epoch, self._batches, self._totals = epoch, 0, np.zeros(3)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        # Keras names the last batch of an execution, which may lie beyond the epoch's end.
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
        self._append_batches(logs or {}, **self._validate_averaged())
        if self.record:
            self.record.parent.mkdir(parents=True, exist_ok=True)
            self.record.write_text(json.dumps(self.points))
        if not self.stopped and epoch + 1 < self.dataset.settings.epochs and self.should_stop():
            self._stop()

    def _stop(self) -> None:
        """End the training; its state is saved before Keras puts the averaged weights in place of the last ones."""
        self.stopped = self.model.stop_training = True
        self.resume_state = save_keras(self.model, include_optimizer=True)

    def _restore_record(self, epoch: int) -> None:
        """Continue the curves of a killed training from the epoch that BackupAndRestore has restored."""
        if self.record and self.record.exists():
            self.points = [point for point in json.loads(self.record.read_text()) if point["epoch"] <= epoch]
            self._began = time.perf_counter() - self.points[-1]["seconds"]

    def _append_batches(self, logs: dict[str, float], **values: float) -> None:
        means = self._since_last_point(logs)
        self._totals = self._sums(logs)
        if not means and "loss" in self.points[-1]:  # no batch since the last point: the end of the epoch takes its place
            means = {name: self.points[-1][name] for name in ("loss", "accuracy")}
            self.points.pop()
        self._append_point(self._position(), **means, **values)

    def _since_last_point(self, logs: dict[str, float]) -> dict[str, float]:
        """Keras reports the mean since the epoch began; a curve needs the mean since its last point."""
        batches, loss, accuracy = self._sums(logs) - self._totals
        return {"loss": float(loss / batches), "accuracy": float(np.clip(accuracy / batches, 0, 1))} if batches else {}

    def _sums(self, logs: dict[str, float]) -> np.ndarray:
        return np.array([self._batches, logs["loss"] * self._batches, logs["accuracy"] * self._batches])

    def _position(self) -> float:
        """In epochs."""
        return self._epoch + (self.dataset.skipped_batches + self._batches) / self.dataset.steps_per_epoch

    def _points_due(self, batches: int) -> int:
        """How many points of this epoch are due after so many batches."""
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
        """Validation of the model that the training would end with now."""
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
