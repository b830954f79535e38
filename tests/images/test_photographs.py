import functools
import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageFilter, ImageOps

from benchmarks.photographs import milliseconds
from digitcore.images import digit_from_file, digit_from_image, ink_from_file, ink_from_image
from digitcore.images.photographs import MAX_PARTS, extract_ink, find_regions
from tests.support.photographs import KINDS, photograph


@functools.cache
def ten_digits(kind):
    """Return a photograph of each digit, which the tests share, because drawing them takes most of the time."""
    rng = np.random.default_rng(2)
    return [photograph(kind, label, rng) for label in range(10)]


def grey(content):
    return Image.open(io.BytesIO(content)).convert("L")


@pytest.mark.parametrize("kind", KINDS)
def test_digits_in_photographs_of_paper_are_predicted(kind, predictor):
    digits = [digit_from_file(content) for content in ten_digits(kind)]
    assert all(digit is not None for digit in digits)
    predicted = predictor.probabilities(np.array(digits)).argmax(1)
    assert (predicted == np.arange(10)).sum() >= 9  # The benchmark benchmarks/photographs.py measures the share.


@pytest.mark.parametrize("kind", KINDS)
def test_blank_paper_gives_no_digit(kind):
    rng = np.random.default_rng(1)
    assert [digit_from_file(photograph(kind, None, rng)) for _ in range(3)] == [None] * 3


def test_several_digits_are_found_with_their_boxes(predictor):
    content = photograph("pencil", 3, np.random.default_rng(0), n_digits=3)
    ink = ink_from_file(content)
    found = ink.digits(every=True)
    assert ink.is_photograph
    assert [digit.n_found for digit in found] == [3, 3, 3]
    assert predictor.probabilities(np.array([digit.digit for digit in found])).argmax(1).tolist() == [3, 3, 3]
    width, height = Image.open(io.BytesIO(content)).size
    boxes = [digit.box for digit in found]
    assert [digit.line for digit in found] == [0, 0, 0]
    assert all(left[2] < right[0] for left, right in pairwise(boxes))
    assert all(0 <= left < right <= width and 0 <= top < bottom <= height for left, top, right, bottom in boxes)
    (largest,) = ink.digits()
    assert any(np.array_equal(largest.digit, digit.digit) for digit in found)
    assert largest.n_found == 3


@pytest.mark.parametrize("orientation", [1, 6])
def test_boxes_are_in_pixels_of_the_upright_image(orientation):
    image, file, exif = Image.new("L", (2999, 1201), 255), io.BytesIO(), Image.Exif()
    image.paste(0, (2000, 600, 2999, 1201))
    exif[ExifTags.Base.Orientation] = orientation
    image.save(file, "PNG", exif=exif)
    [found] = ink_from_file(file.getvalue()).digits(every=True)
    left, top, right, bottom = found.box
    expected = (2000, 600, 2999, 1201) if orientation == 1 else (0, 2000, 601, 2999)
    assert np.abs(np.array([left, top, right, bottom]) - expected).max() <= 3
    assert right <= (2999 if orientation == 1 else 1201)
    assert bottom <= (1201 if orientation == 1 else 2999)


def test_digit_close_to_the_border_is_found():
    file, rng = io.BytesIO(), np.random.default_rng(0)
    page = rng.normal(220, 3, (600, 600))
    page[520:580, 300:310] = 60
    Image.fromarray(page.clip(0, 255).astype(np.uint8)).save(file, "PNG")
    ink = ink_from_file(file.getvalue())
    [found] = ink.digits(every=True)
    assert ink.is_photograph
    assert np.abs(np.array(found.box) - (300, 520, 310, 580)).max() <= 4


@pytest.mark.parametrize("kind", ["pencil", "small", "marker"])
def test_bright_ink_on_dark_paper_is_predicted(kind, predictor):
    digits = [digit_from_image(Image.fromarray(255 - np.asarray(grey(content)))) for content in ten_digits(kind)]
    assert (predictor.probabilities(np.array(digits)).argmax(1) == np.arange(10)).sum() >= 9


def test_only_the_largest_parts_are_used():
    squares = (np.indices((128, 128)) % 4 == 0).all(0)
    ink = np.kron(squares, np.ones((4, 4))).astype(np.uint8) * 255
    ink[496:502, 496:502] = 255  # This part is larger than all other parts.
    regions = find_regions(ink, 100)
    assert len(regions) == MAX_PARTS
    assert (regions[0].left, regions[0].top, regions[0].right, regions[0].bottom) == (496, 496, 502, 502)


@pytest.mark.parametrize("shape", [(64, 64), (64, 700), (700, 64)])
def test_images_of_any_shape_are_processed(shape):
    grey = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    assert extract_ink(grey).shape == shape
    assert find_regions(np.zeros(shape, np.uint8), 10) == []


def test_two_digits_side_by_side_in_line_art_are_two_digits(data, predictor):
    """A drawing program or a scanner saves such images."""
    page = np.full((300, 500), 255, np.uint8)
    for left, i in ((60, 0), (290, 1)):
        page[80:220, left : left + 140] -= np.asarray(Image.fromarray(data.test_images[i]).resize((140, 140)))
    file = io.BytesIO()
    Image.fromarray(page).save(file, "PNG")
    [found] = ink_from_file(file.getvalue()).digits()
    assert found.n_found == 2
    assert len(ink_from_file(file.getvalue()).digits(every=True)) == 2
    assert predictor.probabilities(found.digit[None]).argmax() in data.test_labels[:2]


def test_no_mnist_digit_is_split_into_several_digits(data):
    assert not [i for i in range(1000) if ink_from_image(Image.fromarray(data.test_images[i])).digits()[0].n_found > 1]


def test_benchmark_measures_the_time_of_a_photograph():
    assert milliseconds(1) > 0


def test_photographs_without_grain_are_photographs():
    """Phones remove the grain. A shadow covers several sides like the ink of a crop."""
    image = grey(photograph("shadow", 5, np.random.default_rng(0)))
    blurred = image.filter(ImageFilter.GaussianBlur(5))
    denoised = image.filter(ImageFilter.MedianFilter(5))
    for smooth in (blurred, denoised, blurred.resize((200, 200)), ImageOps.autocontrast(blurred)):
        assert ink_from_image(smooth).is_photograph


def test_photographs_with_clipped_contrast_are_photographs():
    """A program for scans makes one percent of the pixels black, and one percent white."""
    contents = [ten_digits(kind)[label] for kind in ("shadow", "ruled", "squared") for label in (0, 1, 3, 5, 7)]
    assert all(ink_from_image(ImageOps.autocontrast(grey(content), cutoff=1)).is_photograph for content in contents)
