"""Fixtures that several test modules share. Everything is real: MNIST, the shipped models, the worker."""

import os
import tempfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import settings

from digitcore import mnist, models
from digitcore.jobs import JobService
from digitcore.labs import LabRecord, Trained
from digitcore.runs import Run, Score, TrainSettings
from digitcore.samples import SampleSet
from tests.postgres import PROGRAMS, PostgresServer

settings.register_profile("here", deadline=None, derandomize=True)  # a busy machine is no failure, and every run is the same
settings.load_profile("here")
os.environ.setdefault("DIGITLAB_POLITE", "0")  # two tests run at once: a worker that gives way to all would not end
os.environ["DIGITLAB_STORE"] = f"sqlite:///{tempfile.mkdtemp()}/labs.sqlite"  # never the developer's own labs


LONGEST_FIRST = ("test_browser", "test_pages", "test_keeping", "test_training", "test_jobs", "test_main", "test_incoming")


def pytest_collection_modifyitems(items):
    """The longest files begin, so that two processes end together."""
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


@pytest.fixture(scope="session")
def data():
    return mnist.load()


@pytest.fixture(scope="session")
def genius():
    return models.load("genius")


@pytest.fixture(scope="session")
def stupid():
    return models.load("stupid")


@pytest.fixture(scope="session")
def blank():
    """Random weights in the network that trains quickest, for tests of what goes on around a training."""
    from digitcore import training

    return training.fresh("mlp", name="blank")


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
def postgres(tmp_path_factory):
    """The URL of a PostgreSQL server, started for these tests."""
    if PROGRAMS is None:
        if os.environ.get("DIGITLAB_POSTGRES") == "required":
            pytest.fail("PostgreSQL is required here and is not installed", pytrace=False)
        pytest.skip("PostgreSQL is not installed")
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture
def lab(few, genius, stupid):
    """A lab with samples, two runs in a row and a model of the user's."""
    score = Score(9, 10, (0.6, 0.98))
    point = {"epoch": 0.0, "seen": 0.0, "seconds": 0.0, "val_loss": 2.3}
    first = Run(genius.renamed("run 1"), [point], TrainSettings(epochs=3), "stupid", 1.5, before=score, yours_after=score)
    second = replace(first, model=genius.renamed("run 2"), parent="run 1", stopped=True, state=b"state")
    runs = (Trained(first, stupid), Trained(second, first.model))
    samples = few.add(few.digits[0], 3, '{"strokes": []}', "2026-11-21T12:00:00+00:00")
    return LabRecord(samples, runs, (genius.renamed("mine"),), {"used": "run 1", "made": 2})


def equal(one, other):
    for name in ("digits", "labels", "held_out"):
        assert np.array_equal(getattr(one.samples, name), getattr(other.samples, name))
    assert (one.samples.strokes, one.samples.dates) == (other.samples.strokes, other.samples.dates)
    assert [run.about() for run in one.runs] == [run.about() for run in other.runs]
    assert [run.run.state for run in one.runs] == [run.run.state for run in other.runs]
    assert [model.card for model in one.uploads] == [model.card for model in other.uploads]
    assert one.bundles().keys() == other.bundles().keys() and one.choices == other.choices
    return True
