import errno
import itertools
import os
import shutil

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


def fail_step(monkeypatch, number):
    """Let the step with this number, counted from 0, and all later steps of writing files fail. Return the steps so far."""
    steps = []

    def step(name, function):
        def work(*arguments, **options):
            steps.append(name)
            if len(steps) > number:
                raise OSError(errno.ENOSPC, "No space left on device")
            return function(*arguments, **options)

        return work

    for name in ("mkdir", "fsync", "rename", "replace", "rmdir"):
        monkeypatch.setattr(os, name, step(name, getattr(os, name)))
    return steps


@pytest.mark.parametrize("had_model", [True, False])
def test_each_failed_step_of_a_replacement_leaves_the_previous_or_the_new_model(tmp_path, genius, monkeypatch, had_model):
    mlp, previous = registry.load("mlp"), [genius.key] if had_model else []
    found = []
    for number in itertools.count():
        folder = tmp_path / str(number)
        if had_model:
            registry.save(genius, folder)
        with monkeypatch.context() as patched:
            steps = fail_step(patched, number)
            try:
                registry.save(mlp, folder)
            except ModelError as error:
                assert "No space left" in str(error)
        left = [registry.load(folder.name, tmp_path)] if folder.name in registry.names(tmp_path) else []
        assert [model.key for model in left] in (previous, [mlp.key])
        assert all(model.card in (genius.card, mlp.card) for model in left)
        found.append([model.key for model in left])
        if len(steps) <= number:
            break
        registry.save(mlp, folder)
        assert registry.load_folder(folder).key == mlp.key
    assert steps.count("replace") == 3
    assert found[-1] == [mlp.key]
    assert sorted(found, key=lambda keys: keys == [mlp.key]) == found, "the model is replaced once"


def test_a_failed_replacement_leaves_no_other_file(tmp_path, genius, monkeypatch):
    registry.save(genius, tmp_path / "mine")

    def fail(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ModelError, match="No space left"):
        registry.save(registry.load("mlp"), tmp_path / "mine")
    assert registry.load_folder(tmp_path / "mine").hash == genius.hash
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["card.json", "model.keras", "model.tflite"]
