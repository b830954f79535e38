"""Fixtures that several test modules share. Everything is real: MNIST, the shipped models, the worker."""

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from digitcore import mnist, models
from digitcore.evaluation.score import Score
from digitcore.jobs.service import JobService
from digitcore.samples import SampleSet
from digitcore.storage.snapshot import LabSnapshot, RunRecord
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings
from tests.support.postgres import PROGRAMS, PostgresServer

settings.register_profile("tests", deadline=None, derandomize=True)  # a busy machine is no failure, and every run is the same
settings.load_profile("tests")
os.environ.setdefault("DIGITLAB_LOW_PRIORITY", "0")  # two tests run at once: a worker that gives way to all would not end
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")  # for the same reason: threads of two trainings would wait for each other
os.environ["DIGITLAB_STORE"] = f"sqlite:///{tempfile.mkdtemp()}/labs.sqlite"  # never the developer's own labs

# Longest first, so that two processes end together.
LONGEST_FIRST = (
    "browser",
    "app",
    "test_cluster",
    "test_service",
    "test_trainer",
    "test_sweep",
    "test_cli",
    "test_upload",
    "test_benchmark",
)
MARKED_BY_FOLDER = {"browser": "browser", "app": "slow"}
SLOW_MODULES = {
    "test_cluster",
    "test_service",
    "test_trainer",
    "test_sweep",
    "test_upload",
    "test_server",
    "test_api",
    "test_benchmark",
}


def pytest_collection_modifyitems(items):
    """Mark and sort the tests by their place."""

    def rank(item):
        names = (item.path.parent.name, item.path.stem)
        return next((i for i, name in enumerate(LONGEST_FIRST) if name in names), len(LONGEST_FIRST))

    for item in items:
        folder = item.path.parent.name
        if folder in MARKED_BY_FOLDER:
            item.add_marker(MARKED_BY_FOLDER[folder])
        elif item.path.stem in SLOW_MODULES:
            item.add_marker("slow")
    items.sort(key=rank)


@pytest.fixture(scope="session")
def data():
    return mnist.load()


@pytest.fixture(scope="session")
def genius():
    return models.load("genius")


@pytest.fixture(scope="session")
def untrained():
    return models.load("untrained")


@pytest.fixture(scope="session")
def random_mlp():
    """Random weights in the network that trains quickest, for tests of what goes on around a training."""
    from digitcore.models import keras_io

    return keras_io.random_model("mlp", name="untrained")


@pytest.fixture(scope="session")
def predictor(genius):
    return genius.predictor()


@pytest.fixture(scope="session")
def few(data):
    """Twenty samples, two of each digit, from digits that no model was trained on."""
    digits, labels = data.validation
    chosen = np.concatenate([np.flatnonzero(labels == digit)[:2] for digit in range(10)])
    return SampleSet.from_arrays(digits[chosen], labels[chosen])


@pytest.fixture(scope="session")
def service():
    running = JobService()
    yield running
    running.close()


@pytest.fixture(scope="session")
def postgres():
    """The URL of a PostgreSQL server, started for these tests."""
    if PROGRAMS is None:
        if os.environ.get("DIGITLAB_POSTGRES") == "required":
            pytest.fail("PostgreSQL is required here and is not installed", pytrace=False)
        pytest.skip("PostgreSQL is not installed")
    with tempfile.TemporaryDirectory(prefix="digitlab-postgres-") as folder, PostgresServer(Path(folder)) as url:
        yield url


@pytest.fixture
def lab(few, genius, untrained):
    """A lab with samples, two runs in a row and an imported model."""
    score = Score(9, 10, (0.6, 0.98))
    point = {"epoch": 0.0, "samples_seen": 0.0, "seconds": 0.0, "val_loss": 2.3}
    settings = TrainSettings(epochs=3)
    first = Run(genius.rename("run 1"), [point], settings, "untrained", 1.5, mnist_before=score, personal_after=score)
    second = replace(first, model=genius.rename("run 2"), parent="run 1", stopped=True, resume_state=b"state")
    runs = (RunRecord(first, untrained), RunRecord(second, first.model))
    samples = few.add(few.digits[0], 3, '{"strokes": []}', "2026-11-21T12:00:00+00:00")
    return LabSnapshot(samples, runs, (genius.rename("mine"),), {"active_model": "run 1", "run_counter": 2})
