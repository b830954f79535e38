"""The Keras callbacks of a training: curves, requests to stop, and predictions of the user's drawings."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from digitcore.models.keras_io import predict_in_batches
from digitcore.predictor import Predictor
from digitcore.training.averaging import restored_weights, set_final_weights
from digitcore.training.checkpoint import Checkpoint
from digitcore.training.dataset import TrainingDataset
from digitcore.training.run import Point
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
        stopped: Whether the training was stopped on request before its last epoch.
        snapshots: Recorder of the network's snapshots, or None without validation.
        checkpoint_file: File to which a checkpoint is written after each epoch, or None.
        initial_weights: Weights before the training, for a dataset whose settings have a `weight_interpolation`.

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
        self._stopped_at: Checkpoint | None = None
        self.checkpoint_file: Path | None = None
        self.initial_weights: list[np.ndarray] = []
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

    def resume(self, checkpoint: Checkpoint) -> None:
        """Continue the curves of an interrupted training, and skip the batches that the model was trained on.

        Args:
            checkpoint: A checkpoint of the same training.
        """
        self.points, self._began = list(checkpoint.points), self._began - checkpoint.points[-1]["seconds"]
        if self.snapshots:
            self.snapshots.restore(checkpoint.snapshots)
        self.dataset.initial_epoch, self.dataset.skipped_batches = divmod(checkpoint.step, self.dataset.steps_per_epoch)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Prepare the digits of the epoch."""
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
        """Record the last point of the epoch with its validation, and add the validation to the logs of the next callbacks."""
        scores = self._validate_final()
        if logs is not None:
            logs.update(scores)
        self._append_batches(logs or {}, **scores)
        if self.stopped:
            return
        if self.checkpoint_file:
            self._checkpoint().save(self.checkpoint_file)
        if self.has_converged:
            self.model.stop_training = True
        elif epoch + 1 < self.dataset.settings.epochs and self.should_stop():
            self._stop()

    @property
    def has_converged(self) -> bool:
        """Whether early stopping ends the training, because the validation loss did not fall in the last epochs."""
        losses = [point["val_loss"] for point in self.points if "val_loss" in point and point["epoch"] in range(1, 10**6)]
        patience = self.dataset.settings.early_stopping
        return bool(patience) and len(losses) > patience and min(losses[-patience:]) >= min(losses[:-patience])

    def _stop(self) -> None:
        """Stop the training. Its state is stored now, because Keras replaces the last weights by the averaged weights later."""
        self.stopped = self.model.stop_training = True
        self._stopped_at = self._checkpoint()

    @property
    def resume_state(self) -> bytes | None:
        """Bytes of the `Checkpoint` of a stopped training, with all points; None if the training was not stopped."""
        return self._stopped_at.to_bytes() if self._stopped_at else None

    def _checkpoint(self) -> Checkpoint:
        """Return the present state of the training."""
        return Checkpoint(
            self._epoch * self.dataset.steps_per_epoch + self.dataset.skipped_batches + self._batches,
            self.points,
            [np.array(variable) for variable in self.model.variables],
            [np.array(variable) for variable in self.model.optimizer.variables],
            self.snapshots.state() if self.snapshots else {},
        )

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
        """Return the number of points of this epoch that are due after a number of batches."""
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

    def _validate_final(self) -> dict[str, float]:
        """Validate the model with the weights that the training would end with now."""
        if not self.validation:
            return {}
        share = self.dataset.settings.weight_interpolation or 0.0
        with restored_weights(self.model):
            set_final_weights(self.model, self.dataset.epoch_images, self.initial_weights, share)
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


class WatchDigits(keras.callbacks.Callback):
    """A callback that predicts a few digits several times during a training, so that a page shows how the model learns them.

    Args:
        digits: The digits, shape (N, 28, 28), uint8.

    Attributes:
        predictions: The predicted digits after the newest prediction, N integers; () before the first one.

    Example:
        >>> WatchDigits(np.zeros((2, 28, 28), np.uint8)).predictions
        ()
    """

    def __init__(self, digits: np.ndarray):
        super().__init__()
        self.predictions: tuple[int, ...] = ()
        self._images = digits[..., None].astype(np.float32)
        self._predicted_at = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Predict the digits if the last prediction is old, or if this is the last batch of the epoch."""
        is_last = batch + 1 >= self.params["steps"]  # `HistoryCallback` reports the end of the epoch after this batch.
        if len(self._images) and (is_last or time.perf_counter() - self._predicted_at >= UPDATE_INTERVAL):
            probabilities = np.array(self.model(self._images, training=False))  # `predict` would trace another graph.
            self.predictions = tuple(probabilities.argmax(1).tolist())
            self._predicted_at = time.perf_counter()


class KeepWeights(keras.callbacks.Callback):
    """A callback that keeps the weights at the end of the last epoch, because Keras then replaces them by their average.

    Attributes:
        values: Values of the trainable variables.

    Example:
        >>> KeepWeights().values
        []
    """

    def __init__(self) -> None:
        super().__init__()
        self.values: list[np.ndarray] = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Keep the weights."""
        self.values = [np.array(variable) for variable in self.model.trainable_variables]
