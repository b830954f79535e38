import numpy as np
import pytest

from digitcore.data import mnist_c
from digitcore.errors import SettingsError

DETERMINISTIC = {"scale", "brightness", "stripe", "canny edges"}


@pytest.mark.parametrize("kind", mnist_c.KINDS)
def test_corruption_is_repeatable_and_keeps_the_shape(kind, data):
    digits = data.validation[0][:20]
    first, again, other = (mnist_c.corrupt(digits, kind, seed) for seed in (1, 1, 2))
    assert (first.shape, first.dtype) == (digits.shape, np.uint8)
    assert np.array_equal(first, again)
    assert np.array_equal(first, other) == (kind in DETERMINISTIC)
    assert (first != digits).any((1, 2)).all()


@pytest.mark.parametrize("kind", mnist_c.KINDS)
def test_no_digits_give_no_digits(kind):
    assert mnist_c.corrupt(np.zeros((0, 28, 28), np.uint8), kind).shape == (0, 28, 28)


def test_unknown_corruption_is_refused_with_the_list_of_all():
    with pytest.raises(SettingsError, match="zigzag"):
        mnist_c.corrupt(np.zeros((1, 28, 28), np.uint8), "rain")


def test_symmetric_square_keeps_its_middle_when_it_is_rotated_and_scaled():
    square = np.zeros((1, 28, 28), np.uint8)
    square[:, 7:21, 7:21] = 255
    for kind in ("rotate", "scale", "shear"):
        ink = mnist_c.corrupt(square, kind).astype(float)[0]
        assert np.average(np.indices(ink.shape)[0], weights=ink) == pytest.approx(13.5, abs=0.1)
        assert np.average(np.indices(ink.shape)[1], weights=ink) == pytest.approx(13.5, abs=0.1)
    assert (mnist_c.corrupt(square, "scale") > 127).sum() == pytest.approx(0.7**2 * 14**2, rel=0.1)


def test_motion_blur_and_glass_blur_keep_the_amount_of_ink():
    dot = np.zeros((50, 28, 28), np.uint8)
    dot[:, 12:16, 12:16] = 255
    for kind in ("motion blur", "glass blur"):
        assert mnist_c.corrupt(dot, kind).sum((1, 2)) == pytest.approx(16 * 255, rel=0.05)


def test_edges_of_a_square_are_its_outline():
    square = np.zeros((1, 28, 28), np.uint8)
    square[:, 7:21, 7:21] = 255
    edges = mnist_c.corrupt(square, "canny edges")[0] > 0
    assert edges[6:8, 8:20].any(0).all()
    assert not edges[10:18, 10:18].any()
    assert not edges[:5].any()


def test_lines_of_the_zigzag_and_the_dotted_line_cross_an_empty_image():
    blank = np.zeros((20, 28, 28), np.uint8)
    assert (mnist_c.corrupt(blank, "zigzag").max(1)[:, 4:22] > 0).mean() > 0.9
    dotted = mnist_c.corrupt(blank, "dotted line").max(1) > 0
    assert dotted[:, 2:4].any()
    assert not dotted[:, 4:6].any()
