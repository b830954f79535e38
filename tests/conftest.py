"""Fixtures that several test modules share: MNIST, the shipped models, and a real worker."""

import gc
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sql
from hypothesis import settings

from digitcore import mnist, models
from digitcore.evaluation.score import Score
from digitcore.jobs.service import JobService
from digitcore.samples import FirstPrediction, SampleSet
from digitcore.storage import database
from digitcore.storage.snapshot import LabSnapshot, RunRecord, SampleVersion
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings
from tests.support.postgres import PROGRAMS, PostgresServer

# Without a deadline, no test fails on a busy machine. All runs use the same examples.
settings.register_profile("tests", deadline=None, derandomize=True)
settings.load_profile("tests")
os.environ.setdefault("DIGITLAB_LOW_PRIORITY", "0")  # Several tests run in parallel, which would slow a worker of low priority.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")  # Threads of two trainings would wait for each other.
os.environ["DIGITLAB_STORE"] = f"sqlite:///{tempfile.mkdtemp()}/labs.sqlite"  # Tests never touch the developer's labs.

# The longest modules run first, so that the processes end at the same time.
LONGEST_FIRST = (
    "test_drawing",
    "test_experiments",
    "test_persistence",
    "browser",
    "test_cluster",
    "test_service",
    "test_trainer",
    "app",
    "test_cli",
    "test_upload",
    "test_benchmark",
)
SLOW_FOLDERS = {"app", "browser"}
SLOW_FIXTURES = {"service", "postgres_server", "random_mlp"}  # They start a worker or a server, or train.
SLOW_MODULES = {  # They start processes, train, process all digits of MNIST, or repeat many operations.
    "test_api",
    "test_architecture",
    "test_benchmark",
    "test_checks",
    "test_cli",
    "test_cluster",
    "test_fault_points",
    "test_feature_map",
    "test_hostile_input",
    "test_hub",
    "test_label_issues",
    "test_mnist",
    "test_neighbors",
    "test_packaging",
    "test_photographs",
    "test_report",
    "test_reproduce",
    "test_sandbox",
    "test_server",
    "test_service",
    "test_statistics",
    "test_trainer",
    "test_upload",
}


def pytest_collection_modifyitems(items):
    """Mark the tests by their folder, module and fixtures, and sort them so that the longest run first."""
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker("browser")
        is_slow = item.path.parent.name in SLOW_FOLDERS or item.path.stem in SLOW_MODULES or "postgres" in item.name
        if is_slow or SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("slow")
    items.sort(key=_rank)


def pytest_collection_finish():
    """Take the objects of all imported modules out of the garbage collection, which would visit them again and again."""
    gc.collect()
    gc.freeze()


def _rank(item: pytest.Item) -> int:
    names = (item.path.stem, item.path.parent.name)
    return next((rank for rank, name in enumerate(LONGEST_FIRST) if name in names), len(LONGEST_FIRST))


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
    """Return the network that trains fastest, with random weights."""
    from digitcore.models import keras_io

    return keras_io.random_model("mlp", name="untrained")


@pytest.fixture(scope="session")
def predictor(genius):
    return genius.predictor()


@pytest.fixture(scope="session")
def few(data):
    """Return twenty samples from the validation set, two of each digit."""
    digits, labels = data.validation
    chosen = np.concatenate([np.flatnonzero(labels == digit)[:2] for digit in range(10)])
    return SampleSet.from_arrays(digits[chosen], labels[chosen])


@pytest.fixture(scope="session")
def service():
    """Return the job service that the tests of one process share. No test may kill its processes."""
    running = JobService()
    yield running
    running.close()


@pytest.fixture(scope="session")
def postgres_server():
    """Start a PostgreSQL server for the tests, and return its URL."""
    if PROGRAMS is None:
        if os.environ.get("DIGITLAB_POSTGRES") == "required":
            pytest.fail("PostgreSQL is required here and is not installed", pytrace=False)
        pytest.skip("PostgreSQL is not installed")
    with tempfile.TemporaryDirectory(prefix="digitlab-postgres-") as folder, PostgresServer(Path(folder)) as url:
        yield url


@pytest.fixture
def postgres(postgres_server):
    """Return the URL of the shared PostgreSQL server, after all tables were deleted."""
    with sql.create_engine(database.with_driver(postgres_server)).begin() as db:
        db.execute(sql.text("DROP SCHEMA public CASCADE"))
        db.execute(sql.text("CREATE SCHEMA public"))
    return postgres_server


@pytest.fixture
def lab(few, genius, untrained):
    """Return a lab with samples, two runs and an imported model."""
    score = Score(9, 10, (0.6, 0.98))
    point = {"epoch": 0.0, "samples_seen": 0.0, "seconds": 0.0, "val_loss": 2.3}
    settings = TrainSettings(epochs=3)
    scores = {"mnist_before": score, "personal_after": score}
    learnt = frozenset(few.digit_hashes)
    first = Run(genius.rename("run 1"), [point], settings, "untrained", 1.5, **scores, sample_hashes=learnt)
    second = replace(first, model=genius.rename("run 2"), parent="run 1", stopped=True, resume_state=b"state")
    runs = (RunRecord(first, untrained), RunRecord(second, first.model, number=2, note="slow", tags=("baseline",)))
    prediction = FirstPrediction(genius.hash, 7, 0.75)
    samples = few.add(few.digits[0], 3, '{"strokes": []}', "2026-11-21T12:00:00+00:00", first_prediction=prediction)
    samples = samples.add(few.digits[1], 1, is_example=True)
    versions = (SampleVersion("first ten", "2026-07-01T10:00:00+00:00", samples.take(range(10))),)
    return LabSnapshot(samples, runs, (genius.rename("mine"),), {"active_model": "run 1", "run_counter": 2}, versions=versions)
