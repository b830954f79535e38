"""Pictures whose border is not paper: frames, screenshots, and crops to the ink. The tests draw the pictures."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from digitcore.data import strokes, synthetic
from digitcore.data.glyphs import GLYPHS
from digitcore.images import digit_from_image, ink_from_image
from digitcore.images.surroundings import find_drawing

NAMES = ("0 oval", "1 flagged", "2 plain", "3 round", "4 closed", "5 plain", "6 plain", "7 plain", "8 plain", "9 plain")
GLYPH_OF = {int(name[0]): name for name in reversed(GLYPHS)} | {int(name[0]): name for name in NAMES if name in GLYPHS}


def drawing(label, side=280, brush=20):
    """Return a digit, white on black, (side, side) uint8."""
    lines = [synthetic.smooth(points, corners) for points, corners in synthetic.parse_glyph(GLYPHS[GLYPH_OF[label]])]
    ink = strokes.paint(synthetic.fit(lines, extent=170), brush=brush)
    return np.asarray(Image.fromarray(ink).resize((side, side), Image.Resampling.BOX))


def framed(picture, level, sides="tblr"):
    framed = picture.copy()
    for side, place in {"t": np.s_[0], "b": np.s_[-1], "l": np.s_[:, 0], "r": np.s_[:, -1]}.items():
        if side in sides:
            framed[place] = level
    return framed


def with_axes(picture):
    """Return a plot: the picture with an outline, ticks and numbers on a white page."""
    side = len(picture)
    page = Image.fromarray(np.pad(picture, 50, constant_values=255))
    pen = ImageDraw.Draw(page)
    pen.rectangle([49, 49, 50 + side, 50 + side], outline=0)
    for step in range(0, side, side // 5):
        pen.text((22, 50 + step), str(step), fill=0)
        pen.text((50 + step, 55 + side), str(step), fill=0)
        pen.line([45, 50 + step, 49, 50 + step], fill=0)
    return np.asarray(page)


def cropped(picture):
    rows, columns = (np.flatnonzero((picture > 60).any(axis)) for axis in (1, 0))
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def resized(picture, size, resample=Image.Resampling.BILINEAR):
    return np.asarray(Image.fromarray(picture).resize(size, resample))


SURROUNDED = {
    "frame of black": lambda x: framed(255 - x, 0),
    "frame of grey": lambda x: framed(255 - x, 118),
    "frame of white": lambda x: framed(x, 255),
    "frame within a margin": lambda x: np.pad(framed(255 - x, 0), 12, constant_values=255),
    "two lines as axes": lambda x: framed(x, 240, "bl"),
    "one line": lambda x: framed(255 - x, 0, "t"),
    "frame of a small digit": lambda x: framed(resized(255 - x, (28, 28), Image.Resampling.BOX), 0),
    "black canvas on a white page": lambda x: np.pad(x, 40, constant_values=255),
    "white canvas on a black page": lambda x: np.pad(255 - x, ((40, 5), (12, 40)), constant_values=0),
    "canvas on a grey page": lambda x: np.pad(x, 90, constant_values=128),
    "page at the right and at the bottom": lambda x: np.pad(x, ((0, 80), (0, 80)), constant_values=240),
    "page at the left of a white canvas": lambda x: np.pad(255 - x, ((0, 0), (90, 0)), constant_values=40),
    "page on three sides": lambda x: np.pad(x, ((50, 0), (60, 30)), constant_values=200),
    "small canvas on a large page": lambda x: np.pad(resized(x, (40, 40)), 120, constant_values=255),
    "plot": with_axes,
    "tight crop": cropped,
    "tight crop, black on white": lambda x: 255 - cropped(x),
    "tight crop of 12 px": lambda x: resized(cropped(x), (10, 12)),
    "tight crop of 12 px, black on white": lambda x: 255 - resized(cropped(x), (10, 12)),
    "tight crop, enlarged smoothly": lambda x: resized(resized(cropped(x), (15, 22)), (90, 132), Image.Resampling.BICUBIC),
}


@pytest.mark.parametrize("name", SURROUNDED)
def test_surroundings_do_not_change_the_prediction(name, predictor):
    digits = [digit_from_image(Image.fromarray(SURROUNDED[name](drawing(label)))) for label in range(10)]
    assert all(digit is not None for digit in digits)
    probabilities = predictor.probabilities(np.array(digits))
    assert (probabilities.argmax(1) == np.arange(10)).sum() >= (9 if "12 px" in name else 10)


@pytest.mark.parametrize("label", range(10))
def test_drawing_without_surroundings_is_the_whole_picture(label):
    for picture in (drawing(label), 255 - drawing(label, brush=50), cropped(drawing(label, brush=8))):
        assert find_drawing(picture) == (0, picture.shape[0], 0, picture.shape[1])


def test_picture_of_lines_only_is_kept_whole():
    blocks = np.zeros((60, 60), np.uint8)
    blocks[10:50, 20:40] = 255
    assert find_drawing(blocks) == (0, 60, 0, 60)
    assert find_drawing(np.zeros((60, 60), np.uint8)) == (0, 60, 0, 60)


def test_digits_near_the_border_of_a_sheet_are_found(predictor):
    rng = np.random.default_rng(0)
    sheet = np.full((400, 1000), 168.0) + np.linspace(-12, 12, 1000) + rng.normal(0, 2.5, (400, 1000))
    labels = [2, 5, 3, 7, 1, 6, 4, 9, 8, 0]
    for place, label in enumerate(labels):
        x, y = 8 + place % 5 * 220, 20 + place // 5 * 250
        sheet[y : y + 110, x : x + 110] *= 1 - 0.65 * drawing(label, 110, brush=14) / 255
    file = io.BytesIO()
    Image.fromarray(sheet.clip(0, 255).astype(np.uint8)).save(file, "JPEG")
    ink = ink_from_image(Image.open(file))
    found = ink.digits(every=True)
    assert ink.is_photograph
    assert predictor.probabilities(np.array([part.digit for part in found])).argmax(1).tolist() == labels
    assert [part.line for part in found] == [0] * 5 + [1] * 5


def test_digits_of_a_number_are_found_in_reading_order(predictor):
    number = np.concatenate([255 - drawing(label, 120, brush=brush) for label, brush in ((1, 14), (9, 24), (8, 24), (4, 18))], 1)
    found = ink_from_image(Image.fromarray(number)).digits(every=True)
    assert predictor.probabilities(np.array([part.digit for part in found])).argmax(1).tolist() == [1, 9, 8, 4]
    assert {part.line for part in found} == {0}
    (largest,) = ink_from_image(Image.fromarray(number)).digits()
    assert max(part.digit.tobytes() == largest.digit.tobytes() for part in found)
