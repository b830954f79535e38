import shutil

import numpy as np
import pytest

from digitcore import models
from digitcore.errors import ModelError
from digitcore.models import keras_io, reader, registry
from digitcore.models.bundle import DEFAULT_CONFIDENCE_THRESHOLD

SHIPPED = registry.SHIPPED_FOLDER


def test_a_name_is_preferred_to_a_folder(tmp_path, monkeypatch):
    shutil.copytree(SHIPPED / "fast", tmp_path / "mlp")
    monkeypatch.chdir(tmp_path)
    assert models.load("mlp").card.network == "mlp"
    assert models.load("./mlp").card.network == models.load(tmp_path / "mlp").card.network == "fast"


def test_a_tflite_file_predicts_but_is_not_trained(data):
    model = models.load(SHIPPED / "genius" / "model.tflite")
    digits = data.test_images[:20]
    assert np.array_equal(model.predictor().probabilities(digits), models.load("genius").predictor().probabilities(digits))
    assert model.card.parameters > 180_000
    for use in (reader.check_trainable, keras_io.open_model):
        with pytest.raises(ModelError, match=r"is a \.tflite file, which cannot be trained"):
            use(model)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.tflite", b"nothing", "not a LiteRT model"),
        ("a.keras", b"nothing", "text file, not a model"),
        ("a.txt", b"nothing", "text file, not a model"),
    ],
)
def test_a_wrong_file_gives_a_message(tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=sentence):
        models.load(tmp_path / name)


def test_a_changed_or_incomplete_folder_gives_a_message(tmp_path):
    shutil.copytree(SHIPPED / "fast", tmp_path / "mine")
    (tmp_path / "mine" / "model.tflite").write_bytes(b"other")
    with pytest.raises(ModelError, match=r"do not match its card\. Train or export"):
        models.load(tmp_path / "mine")
    (tmp_path / "mine" / "model.keras").unlink()
    with pytest.raises(ModelError, match=r"has no file model\.keras"):
        models.load(tmp_path / "mine")


def test_the_server_reads_only_models_by_name(tmp_path):
    shutil.copytree(SHIPPED / "fast", tmp_path / "mine")
    with pytest.raises(ModelError, match="There is no model called"):
        registry.load(str(tmp_path / "mine"))


@pytest.mark.parametrize("name", ["model.tflite", "model.keras"])
def test_a_file_of_a_folder_has_the_threshold_of_its_folder(tmp_path, name):
    folder = tmp_path / "mine"
    shutil.copytree(SHIPPED / "mlp", folder)
    expected = models.load(folder).card.confidence_threshold
    assert expected != DEFAULT_CONFIDENCE_THRESHOLD
    assert models.load(folder / name).card.confidence_threshold == expected
    if name == "model.tflite":
        shutil.copy(SHIPPED / "fast" / name, folder / name)
        assert "confidence_threshold" not in models.load(folder / name).card.metrics, "the card describes another file"
