import numpy as np
import pytest

from digitcore.errors import SampleError
from digitcore.samples import SampleSet


def test_empty():
    empty = SampleSet()
    assert len(empty) == 0 and empty.digits.shape == (0, 28, 28) and empty.counts() == [0] * 10


def test_add_and_take_back():
    digit = np.full((28, 28), 7, np.uint8)
    one = SampleSet().add(digit, 3)
    two = one.add(digit, 9)
    assert (len(one), len(two), len(two.without_last())) == (1, 2, 1)
    assert two.labels.tolist() == [3, 9] and two.counts()[9] == 1
    assert np.array_equal(two.take([1]).digits[0], digit)


@pytest.mark.parametrize(
    ("digits", "labels"),
    [
        (np.zeros((2, 28, 28), np.uint8), [1]),
        (np.zeros((1, 27, 28), np.uint8), [1]),
        (np.zeros((1, 28, 28), np.uint8), [10]),
        (np.zeros((1, 28, 28), np.uint8), [-1]),
        (np.zeros((1, 28, 28), np.uint8), [1.5]),
        (np.full((1, 28, 28), 256), [1]),
        (np.zeros((1, 28, 28)), [1]),
        (np.zeros((1, 28, 28), np.uint8), ["a"]),
    ],
)
def test_wrong_arrays_are_refused(digits, labels):
    with pytest.raises(SampleError):
        SampleSet.from_arrays(digits, labels)
