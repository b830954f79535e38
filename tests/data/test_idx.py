import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digitcore.data import idx


@given(st.lists(st.integers(0, 5), min_size=1, max_size=3))
def test_encoded_array_is_decoded_unchanged(shape):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    assert np.array_equal(idx.decode(idx.encode(array)), array)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0",
        b"\0\0\x08\x03",
        b"\0\0\x09\x01\0\0\0\0",
        b"\0\0\x08\x01\0\0\0\x02a",
        b"\0\0\x08\x01\0\0\0\x01ab",
        b"\0\0\x08\x04",
    ],
)
def test_content_that_is_not_idx_raises(content):
    with pytest.raises(ValueError, match="IDX"):
        idx.decode(content)
