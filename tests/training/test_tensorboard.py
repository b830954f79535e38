"""Logs for TensorBoard, read with TensorFlow's reader of event files."""

import pytest
import tensorflow as tf
from tensorflow.core.util import event_pb2

from digitcore.samples import SampleSet
from digitcore.training.settings import TrainSettings
from digitcore.training.tensorboard import TensorBoardLogger
from digitcore.training.trainer import train


def test_logs_contain_the_curves_and_the_settings(random_mlp, tmp_path):
    settings = TrainSettings(mnist_samples=100, epochs=2, validation_samples=100, optimizer="sgd")
    logger = TensorBoardLogger(tmp_path / "logs", settings.resolved(is_trained=False))
    run = train(random_mlp, SampleSet(), settings, callbacks=[logger])
    (file,) = (tmp_path / "logs").iterdir()
    assert file.name.startswith("events.out.tfevents")
    events = [event_pb2.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(file))]
    values = [(value.tag, event.step, value.simple_value) for event in events for value in event.summary.value]
    losses = [value for tag, _, value in values if tag == "loss/validation" and value]
    assert losses == pytest.approx([point["val_loss"] for point in run.history if "val_loss" in point][1:], abs=1e-4)
    assert [step for tag, step, _ in values if tag == "accuracy/training"] == [1, 2]
    assert any(b"sgd" in event.SerializeToString() and b"learning_rate" in event.SerializeToString() for event in events)
