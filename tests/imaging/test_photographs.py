import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from digitcore.images import digit_from_file, ink_from_file
from digitcore.imaging.photographs import MAX_PARTS, extract_ink, find_regions
from tests.support.photographs import KINDS, photograph


@pytest.mark.parametrize("kind", KINDS)
def test_photographs_of_paper_are_read(kind, predictor):
    rng = np.random.default_rng(2)
    digits = [digit_from_file(photograph(kind, label, rng)) for label in range(10)]
    assert all(digit is not None for digit in digits)
    predicted = predictor.probabilities(np.array(digits)).argmax(1)
    assert (predicted == np.arange(10)).sum() >= 9  # benchmarks/photographs.py measures the share


@pytest.mark.parametrize("kind", KINDS)
def test_blank_paper_is_blank(kind):
    rng = np.random.default_rng(1)
    assert [digit_from_file(photograph(kind, None, rng)) for _ in range(3)] == [None] * 3


def test_several_digits_are_found_with_their_boxes(predictor):
    content = photograph("pencil", 3, np.random.default_rng(0), n_digits=3)
    ink = ink_from_file(content)
    found = ink.digits()
    assert ink.is_photograph and len(found) == 3
    assert predictor.probabilities(np.array([one.digit for one in found])).argmax(1).tolist() == [3, 3, 3]
    width, height = Image.open(io.BytesIO(content)).size
    boxes = sorted(one.box for one in found)
    assert all(left[2] < right[0] for left, right in pairwise(boxes))
    assert all(0 <= left < right <= width and 0 <= top < bottom <= height for left, top, right, bottom in boxes)
    assert np.array_equal(ink.digit(), found[0].digit)


def test_white_chalk_on_a_black_board(predictor):
    image = Image.open(io.BytesIO(photograph("pencil", 5, np.random.default_rng(3)))).convert("L")
    file = io.BytesIO()
    Image.fromarray(255 - np.asarray(image)).save(file, "PNG")
    assert predictor.probabilities(digit_from_file(file.getvalue())[None]).argmax() == 5


def test_of_thousands_of_parts_the_largest_count():
    squares = (np.indices((128, 128)) % 4 == 0).all(0)
    ink = np.kron(squares, np.ones((4, 4))).astype(np.uint8) * 255
    assert len(find_regions(ink, 100)) == MAX_PARTS


@pytest.mark.parametrize("shape", [(64, 64), (64, 700), (700, 64)])
def test_pictures_of_any_shape(shape):
    grey = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    assert extract_ink(grey).shape == shape
    assert find_regions(np.zeros(shape, np.uint8), 10) == []
