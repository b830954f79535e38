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
        b"\0\0\x0a\x01\0\0\0\0",
        b"\0\0\x08\x01\0\0\0\x02a",
        b"\0\0\x08\x01\0\0\0\x01ab",
        b"\0\0\x08\x05" + bytes(20),
    ],
)
def test_content_that_is_not_idx_raises(content):
    with pytest.raises(ValueError, match="IDX"):
        idx.decode(content)


@pytest.mark.parametrize("kind", idx.TYPES.values())
def test_every_type_is_decoded(kind):
    values = np.array([[1, 2, 3], [4, 5, 6]], kind)
    kinds = {np.dtype(code): number for number, code in idx.TYPES.items()}
    content = bytes([0, 0, kinds[values.dtype], 2]) + np.array(values.shape, ">u4").tobytes() + values.tobytes()
    decoded = idx.decode(content)
    assert np.array_equal(decoded, values)
    assert decoded.dtype.isnative
    assert np.array_equal(idx.decode(content[:-1], max_items=1), values[:1])
