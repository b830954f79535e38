from dataclasses import dataclass, replace

import numpy as np
import pytest

from digitcore.jobs.job import Job
from digitcore.jobs.tasks import TrainTask
from digitcore.jobs.tasks.api_train import ApiTrainTask
from digitcore.samples import SampleSet
from digitcore.sweeps.trial import TrialTask
from digitcore.training.settings import TrainSettings
from pages.session import resources
from pages.session.sweep_recorder import ActiveWork
from tests.support.clock import set_clock


@dataclass
class Runtime:
    """A server with one connected session."""

    def is_active_session(self, session):
        return session == "ann"


@pytest.fixture
def now(monkeypatch):
    """Return a clock that the test sets, for a server with one connected session."""
    monkeypatch.setattr(resources.runtime, "exists", lambda: True)
    monkeypatch.setattr(resources.runtime, "get_instance", Runtime)
    now = [0.0]
    set_clock(monkeypatch, resources, monotonic=lambda: now[0])
    return now


def test_a_session_that_was_connected_recently_is_present(now):
    assert resources.is_present("ann")
    assert resources.is_present("bob"), "it was seen for the first time"
    now[0] += resources.RECONNECT_SECONDS + 1
    assert resources.is_present("ann")
    assert not resources.is_present("bob")


def test_memory_of_connections_is_limited(now, monkeypatch):
    for number in range(resources.MAX_SEEN + 10):
        resources.is_present(f"visitor {number}")
    assert len(resources._last_seen) == resources.MAX_SEEN


def test_trials_of_a_stored_lab_continue_without_a_browser(now, genius):
    training = Job(TrainTask(genius, SampleSet(), TrainSettings()), owner="bob")
    trial = Job(TrialTask(genius, SampleSet(), TrainSettings()), owner="bob")
    resources.is_present("bob")
    now[0] += resources.RECONNECT_SECONDS + 1
    assert not resources.is_wanted(trial, {})
    works = {"bob": ActiveWork("token", (), object(), "bob", lambda: None)}
    assert resources.is_wanted(trial, works)
    assert not resources.is_wanted(training, works)
    assert resources.is_wanted(Job(ApiTrainTask(genius, SampleSet(), TrainSettings()), owner="api"), {}), "it has no browser"


def test_without_a_server_every_session_is_present():
    assert resources.is_present("anybody")


def test_the_cache_of_predictors_is_limited_by_their_memory(genius, data):
    models = [replace(genius, tflite_bytes=genius.tflite_bytes + bytes([i])) for i in range(40)]
    assert resources.predictor(models[0]) is resources.predictor(models[0])
    first = resources.predictor(models[0])
    kept = [resources.predictor(model) for model in models]
    assert sum(predictor.n_bytes for predictor in kept) > resources.MAX_PREDICTOR_BYTES, "not all fit"
    again = resources.predictor(models[0])
    assert again is not first
    assert resources.predictor(models[-1]) is kept[-1]
    assert np.array_equal(again.probabilities(data.test_images[:3]), first.probabilities(data.test_images[:3]))
