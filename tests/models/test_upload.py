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
from digitcore.models import adaptation, keras_io, upload
from tests.support import fuzz
from tests.support.clock import set_clock


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
    set_clock(monkeypatch, zipfile, time=lambda: 2_000_000_000.0)
    assert upload.check(genius.keras_bytes) == before


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
    "bomb": "contains a whole lab",
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


ADAPTED = ("as it is", "pixels from 0 to 1", "flat", "without channels")  # the same network with other inputs


def adapted_models():
    """Return models with pixels from 0 to 1, other input shapes, and logits."""
    inner = keras_io.open_model(models.load("mlp"))
    image = keras.Input((28, 28))
    return {
        "as it is": inner,
        "pixels from 0 to 1": keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Rescaling(255.0, name="up"), inner]),
        "flat": keras.Sequential([keras.Input((784,)), keras.layers.Reshape((28, 28, 1)), inner]),
        "without channels": keras.Model(image, inner(keras.layers.Reshape((28, 28, 1))(image))),
        "logits": keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]),
    }


def rejected_models():
    """Return models that classify no pictures of digits, need too much memory, and return no numbers."""
    pooled = keras.layers.GlobalAveragePooling2D
    own = keras.Input((28, 28, 1), name=adaptation.OWN_INPUT)  # Its inputs are not measured, which would take seconds.
    wide = [keras.layers.Conv2D(250, 1), pooled(), keras.layers.Dense(10, activation="softmax")]
    no_numbers = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(2, 1), pooled(), keras.layers.Dense(10)])
    no_numbers.set_weights([np.full_like(weight, np.nan) for weight in no_numbers.get_weights()])
    return {
        "something else": keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(10)]),
        "too large": keras.Sequential([own, *wide]),
        "no numbers": no_numbers,
    }


@pytest.fixture(scope="module")
def outcomes(hostile, tmp_path_factory):
    """Return the outcome of each file. One process opens all files, because its start takes seconds."""
    folder = tmp_path_factory.mktemp("models")
    files = {name: hostile[name] for name in ("activation by name", "weights of another kind")}
    files |= {name: saved(model, folder) for name, model in (adapted_models() | rejected_models()).items()}
    return dict(zip(files, upload.open_each([upload.check(file) for file in files.values()]), strict=True))


@pytest.mark.parametrize("name", REJECTED_BY_THE_SANDBOX)
def test_model_that_passes_the_check_is_rejected_by_the_sandbox(outcomes, name):
    assert isinstance(outcomes[name], ModelError)
    assert re.search(REJECTED_BY_THE_SANDBOX[name], str(outcomes[name]))


@pytest.mark.parametrize("name", ADAPTED)
def test_other_inputs_are_adapted(outcomes, data, name):
    digits, ours = data.test_images[:300], models.load("mlp")
    assert np.allclose(outcomes[name].predictor().probabilities(digits), ours.predictor().probabilities(digits), atol=1e-4)
    assert outcomes[name].card.parameters == ours.card.parameters


def test_logits_are_adapted(outcomes, data):
    assert np.allclose(outcomes["logits"].predictor().probabilities(data.test_images[:300]).sum(1), 1, atol=1e-4)


def test_opened_models_are_returned_and_a_rejected_model_is_raised_as_an_error(outcomes, monkeypatch):
    monkeypatch.setattr(upload, "open_each", lambda files, should_stop: [outcomes[name] for name in files])
    assert upload.open_checked(["flat", "logits"]) == [outcomes["flat"], outcomes["logits"]]
    with pytest.raises(ModelError, match=r"os\.system"):
        upload.open_checked(["flat", "activation by name"])


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
