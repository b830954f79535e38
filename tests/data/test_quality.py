import numpy as np
import pytest
from PIL import Image, ImageDraw

from digitcore.data import quality
from digitcore.images import digit_from_canvas, digit_from_ink, ink_strength


def canvas(*lines, width=20, side=280):
    image = Image.new("RGBA", (side, side), "black")
    pen = ImageDraw.Draw(image)
    for line in lines:
        pen.line(line, fill="white", width=width, joint="curve")
        for x, y in line:
            pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill="white")
    return np.asarray(image)


def issues_of(rgba):
    ink = ink_strength(rgba)
    return quality.find_issues(ink, digit_from_ink(ink))


def sentences(rgba):
    return " ".join(issue.sentence for issue in issues_of(rgba))


SEVEN = [(80, 70), (200, 66), (140, 230)]


def test_good_drawing_has_no_issues():
    assert issues_of(canvas(SEVEN)) == []


def test_four_in_two_parts_is_not_two_digits():
    assert "two digits" not in sentences(canvas([(80, 60), (70, 150), (190, 150)], [(180, 60), (180, 230)], width=16))


@pytest.mark.parametrize(
    ("rgba", "words"),
    [
        (canvas([(80, 60), (85, 230)], [(150, 60), (230, 60), (180, 230)]), "two digits side by side"),
        (canvas([(0, 70), (200, 66), (140, 230)]), "touches the edge"),
        (canvas([(130, 130), (160, 130), (145, 160)], width=6), "very small"),
        (canvas(SEVEN, [(20, 270), (21, 270)], width=8), "specks"),
        (canvas([(80, 40), (200, 40)], [(80, 120), (200, 120)], [(80, 200), (200, 200)]), "3 separate parts"),
        (canvas(SEVEN, width=3), "very thin"),
        (canvas(SEVEN, width=70), "very thick"),
    ],
    ids=["two", "edge", "small", "specks", "parts", "thin", "thick"],
)
def test_issue_describes_the_problem(rgba, words):
    assert words in sentences(rgba)


def test_fixed_drawings_are_digits():
    for rgba in (canvas(SEVEN, width=3), canvas(SEVEN, width=70), canvas(SEVEN, [(20, 270), (21, 270)], width=8)):
        for issue in issues_of(rgba):
            assert (issue.digit is None) == (issue.fix == "")
            if issue.digit is not None:
                assert issue.digit.shape == (28, 28)
                assert issue.digit.dtype == np.uint8
                assert issue.digit.any()


def test_stroke_width_increases_with_the_brush():
    widths = [quality.stroke_width(digit_from_canvas(canvas(SEVEN, width=width))) for width in (6, 20, 50)]
    assert widths == sorted(widths)
    assert widths[0] < widths[2]
    assert quality.stroke_width(np.zeros((28, 28), np.uint8)) == 0


def test_few_mnist_digits_are_too_thin_or_too_thick(data):
    widths = np.array([quality.stroke_width(digit) for digit in data.test_images[:1000]])
    assert ((widths < quality.MIN_STROKE_WIDTH) | (widths > quality.MAX_STROKE_WIDTH)).mean() < 0.03


def test_repr_of_an_issue_fits_on_one_line():
    [issue] = issues_of(canvas(SEVEN, width=3))
    assert issue.digit is not None
    assert "\n" not in repr(issue)
