"""The pen drawings: their writers, their painting, and their licence."""

import numpy as np
import pytest

from digitcore.data import pens
from digitcore.errors import DatasetNotFoundError


def test_validation_writers_are_not_training_writers():
    drawings = pens.load()
    training, validation = drawings.training, drawings.validation
    assert not set(training.writers) & set(validation.writers)
    assert len(training) + len(validation) == len(drawings) == 7490
    assert len(set(validation.writers)) == 6


def test_genius_reads_painted_drawings(predictor):
    validation = pens.load().validation
    indices = np.arange(0, len(validation), 10)
    digits = validation.paint(np.random.default_rng(0), indices)
    accuracy = (predictor.probabilities(digits).argmax(1) == validation.labels[indices]).mean()
    assert accuracy > 0.93


def test_painting_depends_on_the_generator_only():
    drawings = pens.load()
    first, second, other = (drawings.paint(np.random.default_rng(seed), np.arange(5)) for seed in (0, 0, 1))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_the_file_names_its_source_and_licence():
    with np.load(pens.FILE) as file:
        assert "CC BY 4.0" in str(file["source"])


def test_a_missing_file_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(pens, "FILE", tmp_path / "pen_digits.npz")
    pens.load.cache_clear()
    with pytest.raises(DatasetNotFoundError, match=r"Copy pen_digits\.npz"):
        pens.load()
