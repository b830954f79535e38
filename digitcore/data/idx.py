"""The IDX file format, in which MNIST is published.

A file is two zero bytes, the type 8 (uint8), the number of axes, each axis as a big-endian int32, and the values.
Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", the file format.
"""

import math
import struct

import numpy as np

UINT8 = 8
MAX_AXES = 3


def encode(array: np.ndarray) -> bytes:
    """An array of bytes as an IDX file."""
    return struct.pack(f">HBB{array.ndim}I", 0, UINT8, array.ndim, *array.shape) + np.ascontiguousarray(array, np.uint8).tobytes()


def decode(content: bytes) -> np.ndarray:
    """The uint8 array of an IDX file.

    Raises:
        ValueError: when it is no IDX file of bytes, or not as long as it says.
    """
    if len(content) < 4:
        raise ValueError("not an IDX file: the header is missing")
    zero, kind, n_axes = struct.unpack(">HBB", content[:4])
    start = 4 + 4 * n_axes
    if zero or kind != UINT8 or not 1 <= n_axes <= MAX_AXES or len(content) < start:
        raise ValueError("not an IDX file of bytes")
    shape = struct.unpack(f">{n_axes}I", content[4:start])
    if len(content) - start != math.prod(shape):
        raise ValueError("an IDX file of another length than it says")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
