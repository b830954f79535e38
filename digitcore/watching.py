"""Watching a training: the points of its curves, and its end when somebody asks for it. A Keras callback."""

import json
import time
from pathlib import Path

import keras
import numpy as np

from digitcore import mnist
from digitcore.runs import Point

UPDATE = 0.25  # s between two points of the curves, and between two looks at the stop sign
TOGETHER = 500  # digits answered at once


class Watch(keras.callbacks.Callback):
    """Collects the points of the curves, tells about them, and ends the training when asked to."""

    def __init__(self, lesson, validation, on_progress, should_stop):
        super().__init__()
        self.lesson, self.validation = lesson, validation
        self.on_progress = on_progress or (lambda point: None)
        self.should_stop = should_stop or (lambda: False)
        self.points: list[Point] = []
        self.stopped = False
        self.record: Path | None = None  # where the points are kept beside the checkpoints
        self._epoch = self._batches = 0
        self._began = self._looked = time.perf_counter()
        self._sums = np.zeros(3)  # batches, loss, accuracy of this epoch up to the last point

    def seconds(self):
        return time.perf_counter() - self._began

    def go_on(self, run):
        """Stand where a stopped run ended."""
        self.points, self._began = list(run.history), self._began - run.seconds
        done = round(run.history[-1]["epoch"] * self.lesson.steps)
        self.lesson.epoch, self.lesson.skipped = divmod(done, self.lesson.steps)

    def on_epoch_begin(self, epoch, logs=None):
        if epoch > self.points[-1]["epoch"]:
            self._take_up(epoch)
        self.lesson.prepare(epoch)
        self._epoch, self._sums = epoch, np.zeros(3)

    def on_train_batch_end(self, batch, logs=None):
        # Keras names the last batch of an execution, which may lie beyond the epoch's end.
        self._batches, now = min(batch + 1, self.params["steps"]), time.perf_counter()
        if now - self._looked < UPDATE or self._batches == self.params["steps"]:
            return
        self._looked = now
        self._note_batches(logs)
        if self.should_stop():
            self.stopped = self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        self._note_batches(logs, **self._validated())
        if self.record:
            self.record.parent.mkdir(parents=True, exist_ok=True)
            self.record.write_text(json.dumps(self.points))
        if not self.stopped and epoch + 1 < self.lesson.settings.epochs and self.should_stop():
            self.stopped = self.model.stop_training = True

    def _take_up(self, epoch):
        """Stand where a killed training had kept its state last: BackupAndRestore says at which epoch."""
        if self.record and self.record.exists():
            self.points = [point for point in json.loads(self.record.read_text()) if point["epoch"] <= epoch]
            self._began = time.perf_counter() - self.points[-1]["seconds"]

    def _note_batches(self, logs, **more):
        """Keras reports the mean since the epoch began; a curve wants the mean since its last point."""
        total = np.array([self._batches, logs["loss"] * self._batches, logs["accuracy"] * self._batches])
        since, self._sums = total - self._sums, total
        if since[0]:
            more |= {"loss": float(since[1] / since[0]), "accuracy": float(np.clip(since[2] / since[0], 0, 1))}
        elif "loss" in self.points[-1]:  # nothing new since the last point: the end of the epoch takes its place
            more |= {name: self.points[-1][name] for name in ("loss", "accuracy")}
            self.points.pop()
        self._note(self._epoch + (self.lesson.skipped + self._batches) / self.lesson.steps, **more)

    def _note(self, epoch, **values):
        point = {"epoch": round(epoch, 4), "seen": round(epoch * self.lesson.seen), "seconds": round(self.seconds(), 3)}
        self.points.append(point | {name: round(value, 5) for name, value in values.items()})
        self.on_progress(self.points[-1])

    def begin(self, predictor):
        """The first point of the curves: what the model to start from reads, asked of its served file, which is quick."""
        self._note(0.0, **(self._scores(predictor.probabilities(self.validation[0])) if self.validation else {}))

    def _validated(self):
        return self._scores(answers_of(self.model, self.validation[0])) if self.validation else {}

    def _scores(self, probabilities):
        answers = self.validation[1]
        right = (probabilities * answers).sum(1)
        return {
            "val_loss": float(-np.log(np.clip(right, 1e-7, 1)).mean()),
            "val_accuracy": float((probabilities.argmax(1) == answers.argmax(1)).mean()),
        }


def answers_of(model, digits):
    """(N, 28, 28, 1) float32 → (N, 10) float32."""
    return np.concatenate([model.predict_on_batch(digits[i : i + TOGETHER]) for i in range(0, len(digits), TOGETHER)])


def validation_digits(settings):
    """Digits that are never learnt from: (N, 28, 28, 1) float32, (N, 10) float32."""
    if not mnist.is_here() and not settings.mnist_samples:
        return None
    digits, labels = mnist.load().validation
    count = settings.validation_samples
    return digits[:count, ..., None].astype(np.float32), keras.utils.to_categorical(labels[:count], 10)
