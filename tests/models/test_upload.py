"""Untrusted models: valid models are adapted, and hostile files are rejected before Keras opens them."""

import io
import json
import re
import zipfile
from pathlib import Path

import keras
import numpy as np
import psutil
import pytest

from digitcore import models
from digitcore.errors import CancelledError, ModelError
from digitcore.models import upload
from tests.support import fuzz


@pytest.fixture(autouse=True)
def no_payload_is_run():
    """Check after each test that no hostile file has run its code."""
    yield
    assert not Path("/tmp/digitlab-was-here").exists()


def saved(model, folder):
    """Return the content of a .keras file."""
    model.save(folder / "m.keras")
    return (folder / "m.keras").read_bytes()


@pytest.mark.parametrize("name", models.names())
def test_shipped_model_passes_the_check(name):
    checked = upload.check(models.load(name).keras_bytes)
    assert upload.check(checked) == checked


@pytest.mark.parametrize("name", models.names())
def test_shipped_model_is_found_by_its_file(name):
    assert upload.find_shipped(models.load(name).keras_bytes).name == name


def test_unknown_file_is_not_a_shipped_model():
    assert upload.find_shipped(b"unknown") is None


def test_checked_file_does_not_depend_on_the_time(genius, monkeypatch):
    before = upload.check(genius.keras_bytes)
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    assert upload.check(genius.keras_bytes) == before


def test_other_inputs_and_outputs_are_adapted(tmp_path, data):
    """The models have pixels from 0 to 1, other input shapes, and logits."""
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


REJECTED_BY_THE_CHECK = {
    "lambda": "“Lambda”, which is not allowed",
    "unknown layer": "not a Keras class",
    "registered": "not a Keras class",
    "a function": "function",
    "another module": "Popen",
    "deep": "keras",
    "member too many": "not a model saved by Keras",
    "assets": "not a model saved by Keras",
    "weights missing": "not a model saved by Keras",
    "bomb": "not a model saved by Keras",
    "pickle": "pickle file",
    "huge layer": "The model has [0-9,]+ weights",
}


@pytest.fixture(scope="module")
def hostile(genius):
    """Return hostile files by name."""
    return dict(fuzz.model_uploads(genius.keras_bytes, 0))


@pytest.mark.parametrize("name", REJECTED_BY_THE_CHECK)
def test_hostile_file_is_rejected_by_the_check(hostile, name):
    with pytest.raises(ModelError, match=REJECTED_BY_THE_CHECK[name]):
        upload.check(hostile[name])


def with_member(genius, name, content):
    """Return the file of genius with another content of a member."""
    return fuzz.make_zip(fuzz.read_zip(genius.keras_bytes) | {name: content})


def with_layers(genius, layers):
    """Return the file of genius with other layers in its configuration."""
    config = json.loads(fuzz.read_zip(genius.keras_bytes)["config.json"])
    config["config"]["layers"] = layers
    return with_member(genius, "config.json", json.dumps(config))


def test_too_large_file_is_rejected():
    with pytest.raises(ModelError, match="larger than 20 MB"):
        upload.check(bytes(upload.MAX_BYTES + 1))


def test_file_that_unpacks_to_too_much_is_rejected(genius):
    bomb = with_member(genius, "model.weights.h5", bytes(upload.MAX_UNPACKED))
    assert len(bomb) < 1_000_000
    with pytest.raises(ModelError, match="unpacked model is larger than 60 MB"):
        upload.check(bomb)


def test_too_long_configuration_is_rejected(genius):
    with pytest.raises(ModelError, match="configuration is too long"):
        upload.check(with_member(genius, "config.json", " " * (upload.MAX_CONFIG + 1)))


@pytest.mark.parametrize("config", ["", "{", "[]", "7", '{"config": []}', '{"config": 7}', "[" * 100_000, b"\xff\xfe"])
def test_malformed_configuration_is_rejected(genius, config):
    with pytest.raises(ModelError, match="not a model saved by Keras"):
        upload.check(with_member(genius, "config.json", config))


def test_too_many_layers_are_rejected(genius):
    layers = [{"class_name": "ReLU", "module": "keras.layers"}] * 300
    with pytest.raises(ModelError, match="The model has 301 layers"):
        upload.check(with_layers(genius, layers))


def test_deeply_nested_configuration_is_rejected(genius):
    layers = []
    for _ in range(upload.MAX_NESTING):
        layers = [layers]
    with pytest.raises(ModelError, match="nested too deeply"):
        upload.check(with_layers(genius, layers))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_member_that_occurs_twice_is_rejected(genius):
    file = io.BytesIO(genius.keras_bytes)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(ModelError, match="not a model saved by Keras"):
        upload.check(file.getvalue())


def test_damaged_member_is_rejected(genius):
    content = bytearray(genius.keras_bytes)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        weights = archive.getinfo("model.weights.h5")
    content[weights.header_offset + 1000] ^= 0xFF
    with pytest.raises(ModelError, match="not a model saved by Keras"):
        upload.check(bytes(content))


REJECTED_BY_THE_SANDBOX = {
    "activation by name": "Keras cannot open the model: .*os.system",
    "weights of another kind": "the file is damaged",
    "something else": "shape 32 × 32 × 3. Choose a model for images of 28 × 28 pixels",
    "too large": r"needs \d+ MB for 100 digits\. The limit is 64 MB",
    "no numbers": "not numbers",
}


@pytest.fixture(scope="module")
def outcomes(hostile, tmp_path_factory):
    """Return the outcome of each file. One process opens all files, because its start takes seconds."""
    folder = tmp_path_factory.mktemp("models")
    other = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(10)])
    no_numbers = convolutions(2, 1)
    no_numbers.set_weights([np.full_like(weight, np.nan) for weight in no_numbers.get_weights()])
    files = hostile | {
        "something else": saved(other, folder),
        "too large": saved(convolutions(160, 2), folder),
        "no numbers": saved(no_numbers, folder),
    }
    opened = upload.open_each([upload.check(files[name]) for name in REJECTED_BY_THE_SANDBOX])
    return dict(zip(REJECTED_BY_THE_SANDBOX, opened, strict=True))


@pytest.mark.parametrize("name", REJECTED_BY_THE_SANDBOX)
def test_model_that_passes_the_check_is_rejected_by_the_sandbox(outcomes, name):
    assert isinstance(outcomes[name], ModelError)
    assert re.search(REJECTED_BY_THE_SANDBOX[name], str(outcomes[name]))


def test_rejected_model_is_raised_as_an_error(hostile):
    with pytest.raises(ModelError):
        upload.open_checked([upload.check(hostile["activation by name"])])


def test_no_files_give_no_models():
    assert upload.open_each([]) == []


def test_error_message_of_a_killed_sandbox_names_neither_memory_nor_time(genius):
    before = psutil.Process().children()

    def kill():
        for process in set(psutil.Process().children()) - set(before):
            process.kill()
        return False

    (outcome,) = upload.open_each([upload.check(genius.keras_bytes)], kill)
    assert isinstance(outcome, ModelError)
    assert "ended by SIGKILL" in str(outcome)


def convolutions(filters, n_layers):
    """Return a model of plain layers: a small file with large outputs."""
    layers = [keras.layers.Conv2D(filters, 1) for _ in range(n_layers)]
    return keras.Sequential([keras.Input((28, 28, 1)), *layers, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10)])


@pytest.mark.parametrize("name", [[], {}, None, 7])
def test_class_without_a_name_is_rejected(genius, name):
    parts = fuzz.read_zip(genius.keras_bytes)
    config = json.loads(parts["config.json"]) | {"class_name": name}
    with pytest.raises(ModelError):
        upload.check(fuzz.make_zip(parts | {"config.json": json.dumps(config)}))


def test_stopped_import_leaves_no_process(genius):
    children, calls = psutil.Process().children(recursive=True), iter([False, False, True])
    with pytest.raises(CancelledError):
        upload.open_checked([upload.check(genius.keras_bytes)], lambda: next(calls))
    assert [process for process in psutil.Process().children(recursive=True) if process not in children] == []


def test_import_ends_after_the_timeout(monkeypatch, genius):
    monkeypatch.setattr(upload, "STARTUP_TIMEOUT", 0)
    monkeypatch.setattr(upload, "TIMEOUT_PER_MODEL", 0.2)
    with pytest.raises(ModelError, match="took longer than 0 s"):
        upload.open_checked([upload.check(genius.keras_bytes)])
