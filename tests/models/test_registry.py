import errno
import shutil
from pathlib import Path

import pytest

from digitcore import models
from digitcore.errors import ModelError
from digitcore.models import registry


def test_genius_is_accurate_on_mnist(genius):
    assert genius.card.metrics["mnist_accuracy"] >= 0.995


@pytest.mark.parametrize("file", ["model.keras", "model.tflite", "card.json"])
def test_changed_or_missing_files_are_rejected(tmp_path, file):
    shutil.copytree(registry.SHIPPED_FOLDER / "untrained", tmp_path / "untrained")
    (tmp_path / "untrained" / file).write_bytes(b"something else")
    with pytest.raises(ModelError):
        models.load("untrained", tmp_path)
    (tmp_path / "untrained" / file).unlink()
    with pytest.raises(ModelError):
        models.load("untrained", tmp_path)


def test_unknown_name_lists_the_known_models():
    with pytest.raises(ModelError, match="genius"):
        models.load("../genius")


def test_saved_model_is_loaded(tmp_path, genius):
    models.save(genius, tmp_path / "genius")
    again = models.load("genius", tmp_path)
    assert again.card == genius.card
    assert again.hash == genius.hash


def test_a_failed_replacement_keeps_the_previous_model(tmp_path, genius, monkeypatch):
    registry.save(genius, tmp_path / "mine")

    def fail(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(ModelError, match="No space left"):
        registry.save(registry.load("mlp"), tmp_path / "mine")
    assert registry.load_folder(tmp_path / "mine").hash == genius.hash
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["card.json", "model.keras", "model.tflite"]
