"""The IDX file format, in which MNIST is published.

A file contains two zero bytes, the type 8 (uint8), the number of axes, the length of each axis as a big-endian int32, and the
values.
Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", the file format.
"""

import math
import struct

import numpy as np

UINT8 = 8
MAX_AXES = 3


def encode(array: np.ndarray) -> bytes:
    """Encode an array as an IDX file.

    Args:
        array: uint8 array with up to 255 axes.

    Returns:
        Content of the file.

    Example:
        >>> encode(np.array([7, 9], np.uint8))
        b'\\x00\\x00\\x08\\x01\\x00\\x00\\x00\\x02\\x07\\t'
    """
    return struct.pack(f">HBB{array.ndim}I", 0, UINT8, array.ndim, *array.shape) + np.ascontiguousarray(array, np.uint8).tobytes()


def decode(content: bytes) -> np.ndarray:
    """Decode an IDX file.

    Args:
        content: content of the file.

    Returns:
        uint8 array with one to three axes.

    Raises:
        ValueError: If the content is not an IDX file of bytes, or its length does not match its header.

    Example:
        >>> decode(encode(np.array([7, 9], np.uint8)))
        array([7, 9], dtype=uint8)
    """
    if len(content) < 4:
        raise ValueError("This is not an IDX file: its header is missing.")
    zero, kind, n_axes = struct.unpack(">HBB", content[:4])
    start = 4 + 4 * n_axes
    if zero or kind != UINT8 or not 1 <= n_axes <= MAX_AXES or len(content) < start:
        raise ValueError("This is not an IDX file of bytes with one to three axes.")
    shape = struct.unpack(f">{n_axes}I", content[4:start])
    if len(content) - start != math.prod(shape):
        raise ValueError("The length of this IDX file does not match its header.")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
