"""Models from strangers: good ones of several shapes are taken, fuzz ones are refused before Keras sees them."""

import json
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


def test_what_people_bring_is_made_like_ours(tmp_path, genius, data):
    """Pixels from 0 to 1, flat inputs and logits are adapted; our own file comes back as it is."""
    digits = data.test_images[:300]
    inner = keras.saving.load_model(_file(tmp_path, genius.keras_bytes), compile=False)
    unit = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Rescaling(255.0, name="up"), inner])
    flat = keras.Sequential([keras.Input((784,)), keras.layers.Reshape((28, 28, 1)), inner])
    image = keras.Input((28, 28))
    functional = keras.Model(image, inner(keras.layers.Reshape((28, 28, 1))(image)))
    logits = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    files = [upload.check(saved(model, tmp_path)) for model in (inner, unit, flat, functional, logits)]
    same, *others, linear = upload.open_checked(files)
    expected = genius.predictor().probabilities(digits)
    for bundle in (same, *others):
        assert np.allclose(bundle.predictor().probabilities(digits), expected, atol=1e-4)
        assert bundle.card.parameters == genius.card.parameters
    assert np.allclose(linear.predictor().probabilities(digits).sum(1), 1, atol=1e-4)


def _file(folder, data):
    (folder / "in.keras").write_bytes(data)
    return folder / "in.keras"


REFUSED_UNOPENED = {
    "lambda": "__lambda__",
    "unknown layer": "not Keras's own",
    "registered": "not Keras's own",
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


def test_what_only_keras_can_refuse_ends_as_a_sentence(genius):
    files = dict(fuzz.model_uploads(genius.keras_bytes, 0))
    for name in ("activation by name", "huge layer", "weights of another kind"):
        with pytest.raises(ModelError):
            upload.open_checked([upload.check(files[name])])


def test_a_model_of_something_else_is_refused(tmp_path):
    model = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(10)])
    with pytest.raises(ModelError, match="28 × 28"):
        upload.open_checked([upload.check(saved(model, tmp_path))])


def convolutions(filters, n_layers):
    """A model of plain layers: a small file that costs much."""
    layers = [keras.layers.Conv2D(filters, 3, padding="same") for _ in range(n_layers)]
    return keras.Sequential([keras.Input((28, 28, 1)), *layers, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10)])


def test_what_needs_too_much_memory_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"needs \d+ MB for 100 digits; 64 is the most"):
        upload.open_checked([upload.check(saved(convolutions(160, 2), tmp_path))])


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    model = convolutions(2, 1)
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    with pytest.raises(ModelError, match="not numbers"):
        upload.open_checked([upload.check(saved(model, tmp_path))])


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
