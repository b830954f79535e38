"""Fixtures that several test modules share. Everything is real: MNIST, the shipped models, the worker."""

import numpy as np
import pytest

from digitcore import mnist, models
from digitcore.jobs import JobService
from digitcore.samples import SampleSet


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
