import itertools

import numpy as np
import pytest

from digitcore.data import corruptions
from digitcore.data.corruptions import SEVERITIES, corrupt
from digitcore.errors import SettingsError


@pytest.mark.parametrize("name", corruptions.names())
def test_higher_severity_changes_digits_more(name, data):
    digits = data.validation[0][:200]
    away = [np.abs(corrupt(digits, name, severity).astype(int) - digits).mean() for severity in SEVERITIES]
    assert away[0] > 0
    assert all(more > less for less, more in itertools.pairwise(away))


@pytest.mark.parametrize("name", corruptions.names())
def test_same_seed_gives_the_same_corruption(name, data):
    digits = data.validation[0][:20]
    first, second, other = (corrupt(digits, name, 3, seed) for seed in (1, 1, 2))
    assert first.shape == digits.shape
    assert first.dtype == np.uint8
    assert np.array_equal(first, second)
    if name not in ("gaussian blur", "scale", "erosion", "dilation"):
        assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", corruptions.names())
def test_no_digits_give_no_digits(name):
    assert corrupt(np.zeros((0, 28, 28), np.uint8), name, 1).shape == (0, 28, 28)


def test_unknown_name_or_severity_raises():
    with pytest.raises(SettingsError, match="impulse noise"):
        corrupt(np.zeros((1, 28, 28), np.uint8), "rain", 1)
    with pytest.raises(SettingsError, match="1 to 5"):
        corrupt(np.zeros((1, 28, 28), np.uint8), "gaussian blur", 6)


def test_given_share_of_digits_is_corrupted(data):
    digits = data.validation[0][:1000]
    corrupted = corruptions.corrupt_share(digits, 0.4, np.random.default_rng(0))
    changed = (corrupted != digits).any((1, 2))
    assert corrupted.dtype == np.uint8
    assert 0.35 < changed.mean() < 0.42
    assert np.array_equal(corruptions.corrupt_share(digits, 0, np.random.default_rng(0)), digits)


@pytest.mark.parametrize("function", corruptions.TRAINING_CORRUPTIONS)
def test_higher_severity_of_training_corruptions_changes_digits_more(function, data):
    digits, rng = data.validation[0][:200], np.random.default_rng(0)
    away = [np.abs(function(digits, severity, rng).astype(int) - digits).mean() for severity in corruptions.TRAINING_SEVERITIES]
    assert away[0] > 0
    assert all(more > less for less, more in itertools.pairwise(away))
