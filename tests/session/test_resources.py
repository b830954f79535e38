from dataclasses import replace

import numpy as np

from pages.session import resources
from pages.session.sweep_recorder import ActiveWork


def test_a_sweep_belongs_to_its_session(monkeypatch):
    class Runtime:
        def is_active_session(self, session):
            return session == "ann"

    monkeypatch.setattr(resources.runtime, "exists", lambda: True)
    monkeypatch.setattr(resources.runtime, "get_instance", Runtime)
    now = [0.0]
    monkeypatch.setattr(resources.time, "monotonic", lambda: now[0])
    assert resources.is_present("ann") and resources.is_present("ann/sweep")
    assert resources.is_present("bob/sweep"), "seen for the first time"
    now[0] += resources.RECONNECT_SECONDS + 1
    assert resources.is_present("ann/sweep") and not resources.is_present("bob/sweep")
    works = {"token": ActiveWork(None, object(), "bob", lambda: None)}
    assert resources.is_present("bob/sweep", works) and not resources.is_present("bob", works), "of a saved lab"


def test_without_a_server_everybody_is_present():
    assert resources.is_present("anybody")


def test_predictors_are_kept_by_their_memory(genius, data):
    models = [replace(genius, tflite_bytes=genius.tflite_bytes + bytes([i])) for i in range(40)]
    assert resources.predictor(models[0]) is resources.predictor(models[0])
    first = resources.predictor(models[0])
    kept = [resources.predictor(model) for model in models]
    assert sum(predictor.n_bytes for predictor in kept) > resources.MAX_PREDICTOR_BYTES, "not all fit"
    again = resources.predictor(models[0])
    assert again is not first and resources.predictor(models[-1]) is kept[-1]
    assert np.array_equal(again.probabilities(data.test_images[:3]), first.probabilities(data.test_images[:3]))
