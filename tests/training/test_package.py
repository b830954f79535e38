"""The names that `digitcore.training` and `digitcore` offer."""

import pydoc

import pytest

import digitcore
from digitcore import training

NAMES = ["Point", "Run", "TrainSettings", "train"]


def test_dir_lists_the_public_names():
    assert set(NAMES) <= set(dir(training))
    assert sorted(training.__all__) == NAMES


def test_help_lists_the_public_names():
    text = pydoc.plain(pydoc.render_doc(training))
    assert [name for name in NAMES if name not in text] == []
    assert "Train a model on the user's samples" in text


def test_version_is_the_version_of_the_installed_package(monkeypatch):
    monkeypatch.setattr("importlib.metadata.version", lambda name: {"digitlab": "1.2.3"}[name])
    assert digitcore.__version__ == "1.2.3"


def test_unknown_attribute_is_an_error():
    with pytest.raises(AttributeError, match="nothing"):
        getattr(digitcore, "nothing")  # noqa: B009
