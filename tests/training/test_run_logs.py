"""Logs of completed runs for TensorBoard and MLflow."""

import io
import sys
import types
import zipfile
from dataclasses import replace

import pytest
from tensorboardX.proto import event_pb2
from tensorboardX.record_writer import masked_crc32c

from digitcore import models
from digitcore.errors import TrainingError
from digitcore.evaluation.score import Score
from digitcore.training import mlflow_log, run_logs
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings

POINTS = [
    {"epoch": 0.0, "samples_seen": 0.0, "seconds": 0.0, "val_loss": 2.5, "val_accuracy": 0.1},
    {"epoch": 0.5, "samples_seen": 250.0, "seconds": 1.0, "loss": 1.5, "accuracy": 0.5},
    {"epoch": 1.0, "samples_seen": 500.0, "seconds": 2.0, "loss": 0.5, "accuracy": 0.75, "val_loss": 0.25, "val_accuracy": 0.875},
]


@pytest.fixture
def run():
    """Return a run with curves and scores."""
    mlp = models.load("mlp").rename("run 1")
    card = replace(mlp.card, settings={}, date="2026-07-01", versions={"digitlab": "0.1.0"}, sample_hashes=["a" * 16])
    scores = {"mnist_after": Score.from_counts(9, 10), "personal_after": Score.from_counts(3, 4)}
    settings = TrainSettings(epochs=1, optimizer="sgd")
    return Run(mlp.with_card(card), POINTS, settings, "genius", 2.0, personal_is_held_out=True, **scores)


def read_events(content):
    """Return the events of a log file, and check the checksum of each."""
    events = []
    while content:
        size = int.from_bytes(content[:8], "little")
        body = content[12 : 12 + size]
        assert int.from_bytes(content[12 + size : 16 + size], "little") == masked_crc32c(body)
        events.append(event_pb2.Event.FromString(body))
        content = content[16 + size :]
    return events


def test_logs_contain_curves_scores_and_settings(run):
    with zipfile.ZipFile(io.BytesIO(run_logs.to_zip([run, replace(run, model=run.model.rename("run 2"))]))) as archive:
        assert archive.namelist() == [f"run {number}/{run_logs.LOG_FILE}" for number in (1, 2)]
        events = read_events(archive.read(archive.namelist()[0]))
    values = {}
    for event in events:
        for value in event.summary.value:
            values.setdefault(value.tag, []).append((event.step, value.simple_value))
    assert values["loss/validation"] == [(0, 2.5), (1, 0.25)]
    assert values["accuracy/training"] == [(1, 0.75)]
    assert values["by_samples/accuracy/training"] == [(250, 0.5), (500, 0.75)]
    assert values["accuracy/mnist_test"][0][1] == pytest.approx(0.9)
    assert values["accuracy/held_out_drawings"] == [(1, 0.75)]
    content = b"".join(event.SerializeToString() for event in events)
    assert all(text in content for text in (b"learning_rate", b"sgd", b"genius"))
    days = {event.wall_time // 86_400 for event in events if event.summary.value and event.summary.value[0].tag in values}
    assert 20_635 in days, "the points have the date of the training"


class FakeMlflow(types.ModuleType):
    """A module with the functions of MLflow that are used. It records their arguments."""

    class exceptions:
        class MlflowException(Exception):
            pass

    def __init__(self):
        super().__init__("mlflow")
        self.calls, self.files = [], {}

    def start_run(self, run_name):
        self.calls.append(("start_run", run_name))
        return self

    info = types.SimpleNamespace(run_id="1234")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def log_params(self, values):
        self.params = values

    def log_metrics(self, values, step=None):
        self.calls.append((step, values))

    def set_tags(self, values):
        self.tags = values

    def log_artifacts(self, folder):
        from pathlib import Path

        self.files = {str(file.relative_to(folder)): file.read_bytes() for file in Path(folder).rglob("*") if file.is_file()}


def test_a_run_is_logged_to_mlflow(run, monkeypatch):
    fake = FakeMlflow()
    monkeypatch.setitem(sys.modules, "mlflow", fake)
    assert mlflow_log.log(run, {"report.html": b"<html>"}) == "1234"
    assert fake.params["optimizer"] == "sgd"
    assert fake.params["start"] == "genius"
    assert (250, {"loss/training": 1.5, "accuracy/training": 0.5}) in fake.calls
    assert any(step is None and values["accuracy/mnist_test"] == 0.9 for step, values in fake.calls[1:])
    assert fake.tags["digitlab.code"] == "0.1.0"
    assert set(fake.files) == {"model/model.keras", "model/model.tflite", "model/card.json", "report.html"}
    assert fake.files["model/model.keras"] == run.model.keras_bytes


def test_errors_of_mlflow_say_what_to_do(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(TrainingError, match=r"pip install digitlab\[mlflow\]"):
        mlflow_log.log(run)
    fake = FakeMlflow()
    monkeypatch.setitem(sys.modules, "mlflow", fake)

    def fail(values):
        raise fake.exceptions.MlflowException("no answer")

    monkeypatch.setattr(fake, "log_params", fail)
    with pytest.raises(TrainingError, match=r"no answer. Check MLFLOW_TRACKING_URI"):
        mlflow_log.log(run)
