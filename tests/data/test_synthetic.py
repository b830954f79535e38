import numpy as np
import pytest

from digitcore.data import synthetic
from digitcore.data.glyphs import GLYPHS


@pytest.fixture(scope="module")
def drawn():
    return synthetic.generate(305, seed=3)


def test_digits_have_the_shape_and_range_of_mnist(drawn):
    digits, labels = drawn
    assert digits.shape == (305, 28, 28)
    assert digits.dtype == np.uint8
    assert labels.shape == (305,)
    assert labels.dtype == np.uint8
    assert (digits.max((1, 2)) == 255).all()


def test_all_classes_have_the_same_size(drawn):
    counts = np.bincount(drawn[1], minlength=10)
    assert counts.sum() == 305
    assert counts.max() - counts.min() <= 1


def test_same_seed_gives_the_same_digits(drawn):
    digits, labels = synthetic.generate(305, seed=3)
    assert (digits == drawn[0]).all()
    assert (labels == drawn[1]).all()
    assert (synthetic.generate(305, seed=4)[0] != drawn[0]).any()


def test_zero_digits_give_an_empty_array():
    digits, labels = synthetic.generate(0, seed=0)
    assert digits.shape == (0, 28, 28)
    assert labels.shape == (0,)


def test_two_digits_of_a_glyph_differ():
    rng = np.random.default_rng(0)
    first, second = (synthetic.render_handwritten(GLYPHS["7 crossed"], rng) for _ in range(2))
    assert (first != second).any()


@pytest.mark.parametrize("name", GLYPHS)
def test_glyph_starts_with_its_digit_and_can_be_drawn(name):
    assert name[0].isdigit()
    assert name[1] == " "
    for points, corners in synthetic.parse_glyph(GLYPHS[name]):
        assert len(points) >= 2
        assert len(points) == len(corners)
        assert points.min() >= -1
        assert points.max() <= 11, "a glyph is about ten units high"
    digit = synthetic.render_glyph(name)
    assert digit.shape == (28, 28)
    assert 0.02 < (digit > 127).mean() < 0.5


def test_every_digit_has_several_glyphs():
    names = synthetic.glyph_names()
    assert len(set(names)) == len(names)
    assert all(sum(name.startswith(str(digit)) for name in names) >= 5 for digit in range(10))


def test_smooth_line_contains_every_point():
    points, corners = synthetic.parse_glyph("1,0 4,0 7,0! 5,5 4,10")[0]
    line = synthetic.smooth(points, corners)
    assert np.isfinite(line).all()
    assert all(np.hypot(*(line - point).T).min() < 1e-9 for point in points)


def test_only_corners_stay_sharp():
    def sharpest(glyph):
        steps = np.diff(synthetic.smooth(*synthetic.parse_glyph(glyph)[0]), axis=0)
        steps = steps[np.hypot(*steps.T) > 1e-9]
        along = steps / np.hypot(*steps.T)[:, None]
        return (along[:-1] * along[1:]).sum(1).min()  # The result is the cosine of the sharpest turn.

    assert sharpest("0,0 5,0! 5,5") < 0.1
    assert sharpest("0,0 5,0 5,5") > 0.7


def test_contact_sheet_has_room_for_every_glyph():
    sheet = synthetic.contact_sheet(n_samples=1, zoom=1)
    assert sheet.mode == "L"
    assert sheet.height >= 28 * len(GLYPHS) // 3
