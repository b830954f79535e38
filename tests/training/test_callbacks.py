"""Recording of curves without a training. `test_trainer` tests it within a training."""

import numpy as np
import pytest

from digitcore.samples import SampleSet
from digitcore.training.callbacks import HistoryCallback
from digitcore.training.checkpoint import Checkpoint
from digitcore.training.dataset import TrainingDataset, validation_data
from digitcore.training.settings import TrainSettings

SETTINGS = TrainSettings(mnist_samples=100, epochs=4, batch_size=10, validation_samples=100).resolved(is_trained=True)


@pytest.fixture
def dataset():
    return TrainingDataset(SampleSet(), SETTINGS)


def test_first_point_validates_the_initial_model(dataset, genius):
    reported = []
    recorder = HistoryCallback(dataset, validation_data(SETTINGS), reported.append, None)
    recorder.begin(genius.predictor())
    (point,) = recorder.points
    assert reported == [point]
    assert point["epoch"] == 0
    assert point["val_accuracy"] > 0.95
    assert "loss" not in point


def test_first_point_has_no_metrics_without_validation(dataset, genius):
    recorder = HistoryCallback(dataset, None, None, None)
    recorder.begin(genius.predictor())
    assert set(recorder.points[0]) == {"epoch", "samples_seen", "seconds"}


def test_resumed_run_skips_the_batches_that_it_was_trained_on(dataset):
    history = [{"epoch": 2.3, "samples_seen": 230, "seconds": 7.0}]
    recorder = HistoryCallback(dataset, None, None, None)
    recorder.resume(Checkpoint(23, history, [], []))
    assert (dataset.initial_epoch, dataset.skipped_batches) == (2, 3)
    assert recorder.points == history
    assert recorder.points is not history
    assert recorder.seconds() >= 7


def test_point_is_the_mean_since_the_last_point(dataset):
    recorder = HistoryCallback(dataset, None, None, None)
    recorder.points = [{"epoch": 0.0, "samples_seen": 0, "seconds": 0.0}]
    recorder.set_params({"steps": 10})
    recorder.on_epoch_begin(0)
    for batch, mean in ((4, 1.0), (9, 0.75)):
        recorder.on_train_batch_end(batch, {"loss": mean, "accuracy": mean})
    recorder.on_epoch_end(0, {"loss": 0.75, "accuracy": 0.75})
    assert [point.get("loss") for point in recorder.points] == [None, 1.0, 0.5]


def test_reports_between_two_points_do_not_change_the_points(dataset):
    reported = []
    recorder = HistoryCallback(dataset, None, reported.append, None)
    recorder.points = [{"epoch": 0.0, "samples_seen": 0, "seconds": 0.0}]
    dataset.steps_per_epoch = 40
    recorder.set_params({"steps": 40})
    recorder.on_epoch_begin(0)
    for batch in range(40):
        recorder._updated = -np.inf  # The update interval has passed.
        recorder.on_train_batch_end(batch, {"loss": 1.0, "accuracy": 0.5})
    recorder.on_epoch_end(0, {"loss": 1.0, "accuracy": 0.5})
    assert [point["epoch"] for point in recorder.points] == pytest.approx([0, *np.arange(1, 11) / 10])
    assert len(reported) == 40
    assert all(point["loss"] == 1.0 for point in reported)
