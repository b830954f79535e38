"""Models from strangers: good ones of several shapes are taken, fuzz ones are refused before Keras sees them."""

import json
import re
import time
from pathlib import Path

import keras
import numpy as np
import psutil
import pytest

from digitcore import models
from digitcore.errors import CancelledError, ModelError
from digitcore.models import sandbox, upload
from tests.support import fuzz


def saved(model, folder):
    model.save(folder / "m.keras")
    return (folder / "m.keras").read_bytes()


@pytest.mark.parametrize("name", models.names())
def test_every_shipped_model_passes_and_is_known(name):
    data = models.load(name).keras_bytes
    assert upload.check(data) and upload.find_shipped(data).name == name
    again = upload.check(upload.check(data))
    assert again == upload.check(data), "checking is done once"
    assert upload.find_shipped(again) is None or b"compile_config" not in data


def test_a_checked_file_is_the_same_at_any_time(genius, monkeypatch):
    before = upload.check(genius.keras_bytes)
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    assert upload.check(genius.keras_bytes) == before


def test_what_people_bring_is_made_like_ours(tmp_path, data):
    """Pixels from 0 to 1, flat inputs and logits are adapted; our own file comes back as it is."""
    digits = data.test_images[:300]
    ours = models.load("fast")
    inner = keras.saving.load_model(_file(tmp_path, ours.keras_bytes), compile=False)
    unit = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Rescaling(255.0, name="up"), inner])
    flat = keras.Sequential([keras.Input((784,)), keras.layers.Reshape((28, 28, 1)), inner])
    image = keras.Input((28, 28))
    functional = keras.Model(image, inner(keras.layers.Reshape((28, 28, 1))(image)))
    logits = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    files = [upload.check(saved(model, tmp_path)) for model in (inner, unit, flat, functional, logits)]
    same, *others, linear = upload.open_checked(files)
    expected = ours.predictor().probabilities(digits)
    for bundle in (same, *others):
        assert np.allclose(bundle.predictor().probabilities(digits), expected, atol=1e-4)
        assert bundle.card.parameters == ours.card.parameters
    assert np.allclose(linear.predictor().probabilities(digits).sum(1), 1, atol=1e-4)


def _file(folder, data):
    (folder / "in.keras").write_bytes(data)
    return folder / "in.keras"


REFUSED_UNOPENED = {
    "lambda": "__lambda__",
    "unknown layer": "not a Keras class",
    "registered": "not a Keras class",
    "a function": "function",
    "another module": "Popen",
    "deep": "keras",
    "member too many": ".keras file",
    "assets": ".keras file",
    "weights missing": ".keras file",
    "bomb": ".keras file",
    "pickle": ".keras file",
}


def test_fuzz_files_are_refused_unopened(genius):
    files = dict(fuzz.model_uploads(genius.keras_bytes, 0))
    for name, words in REFUSED_UNOPENED.items():
        with pytest.raises(ModelError, match=words):
            upload.check(files[name])


@pytest.mark.parametrize(("name", "data"), fuzz.hostile_weights(), ids=lambda one: one if isinstance(one, str) else "")
def test_tricks_of_hdf5_are_refused(tmp_path, genius, name, data):
    parts = fuzz.read_zip(genius.keras_bytes) | {"model.weights.h5": data}
    file = tmp_path / "0.in"
    file.write_bytes(fuzz.make_zip(parts))
    with pytest.raises(ModelError):
        sandbox.check_weights(file)


REFUSED_OPENED = {
    "activation by name": "",
    "huge layer": "",
    "weights of another kind": "",
    "something else": "28 × 28",
    "too large": r"needs \d+ MB for 100 digits\. The limit is 64 MB",
    "no numbers": "not numbers",
}


@pytest.fixture(scope="module")
def refused(genius, tmp_path_factory):
    """What becomes of each of these files: opened in one process, which takes seconds to start."""
    folder = tmp_path_factory.mktemp("models")
    other = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(10)])
    no_numbers = convolutions(2, 1)
    no_numbers.set_weights([np.full_like(weight, np.nan) for weight in no_numbers.get_weights()])
    files = dict(fuzz.model_uploads(genius.keras_bytes, 0)) | {
        "something else": saved(other, folder),
        "too large": saved(convolutions(160, 2), folder),
        "no numbers": saved(no_numbers, folder),
    }
    outcomes = upload.open_each([upload.check(files[name]) for name in REFUSED_OPENED])
    return dict(zip(REFUSED_OPENED, outcomes, strict=True))


@pytest.mark.parametrize("name", REFUSED_OPENED)
def test_what_only_keras_can_refuse_ends_as_a_sentence(refused, name):
    assert isinstance(refused[name], ModelError) and re.search(REFUSED_OPENED[name], str(refused[name]))


def test_a_refused_file_is_an_error(genius):
    files = dict(fuzz.model_uploads(genius.keras_bytes, 0))
    with pytest.raises(ModelError):
        upload.open_checked([upload.check(files["huge layer"])])


def convolutions(filters, n_layers):
    """A model of plain layers: a small file that costs much."""
    layers = [keras.layers.Conv2D(filters, 3, padding="same") for _ in range(n_layers)]
    return keras.Sequential([keras.Input((28, 28, 1)), *layers, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10)])


@pytest.mark.parametrize("name", [[], {}, None, 7])
def test_a_class_without_a_name_is_refused(genius, name):
    parts = fuzz.read_zip(genius.keras_bytes)
    config = json.loads(parts["config.json"]) | {"class_name": name}
    with pytest.raises(ModelError):
        upload.check(fuzz.make_zip(parts | {"config.json": json.dumps(config)}))


def test_opening_is_stopped(genius):
    begin, children = time.monotonic(), psutil.Process().children(recursive=True)
    with pytest.raises(CancelledError):
        upload.open_checked([upload.check(genius.keras_bytes)], lambda: time.monotonic() > begin + 1)
    assert [process for process in psutil.Process().children(recursive=True) if process not in children] == []


def test_opening_gives_up_in_time(monkeypatch, genius):
    monkeypatch.setattr(upload, "STARTUP_TIMEOUT", 0)
    monkeypatch.setattr(upload, "TIMEOUT_PER_MODEL", 0.2)
    with pytest.raises(ModelError, match="too long"):
        upload.open_checked([upload.check(genius.keras_bytes)])


def test_nothing_was_run():
    assert not Path("/tmp/digitlab-was-here").exists()
