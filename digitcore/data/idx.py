"""The IDX file format, in which MNIST is published.

A file contains two zero bytes, the type of the values, the number of axes, the length of each axis as a big-endian int32, and
the values. MNIST has the type 8 (uint8). All other types are also decoded.
Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", the file format.
"""

import math
import struct

import numpy as np

UINT8 = 8
TYPES = {UINT8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
MAX_AXES = 4


def is_idx(content: bytes) -> bool:
    """Check whether bytes start with the header of an IDX file.

    Args:
        content: at least the first four bytes of the file.

    Returns:
        Whether the first bytes are two zeros, a known type, and a valid number of axes.

    Example:
        >>> is_idx(encode(np.array([7, 9], np.uint8)))
        True
    """
    return len(content) >= 4 and content[:2] == b"\0\0" and content[2] in TYPES and 1 <= content[3] <= MAX_AXES


def shape_of(content: bytes) -> tuple[int, ...]:
    """Return the shape that the header of an IDX file announces.

    Args:
        content: at least the header of the file.

    Returns:
        The length of each axis.

    Raises:
        ValueError: If the content is not an IDX file.

    Example:
        >>> shape_of(encode(np.zeros((5, 28, 28), np.uint8)))
        (5, 28, 28)
    """
    if len(content) < 4:
        raise ValueError("This is not an IDX file: its header is missing.")
    if not is_idx(content) or len(content) < 4 + 4 * content[3]:
        raise ValueError(f"This is not an IDX file of numbers with one to {MAX_AXES} axes.")
    return struct.unpack(f">{content[3]}I", content[4 : 4 + 4 * content[3]])


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


def decode(content: bytes, max_items: int | None = None) -> np.ndarray:
    """Decode an IDX file.

    Args:
        content: content of the file, or its beginning if `max_items` is given.
        max_items: number of items to decode. By default, all items are decoded, and the length of the file must match its header.

    Returns:
        Array with one to four axes, uint8 or another type in the byte order of the machine.

    Raises:
        ValueError: If the content is not an IDX file, or its length does not match its header.

    Example:
        >>> decode(encode(np.array([7, 9], np.uint8)))
        array([7, 9], dtype=uint8)
    """
    shape = shape_of(content)
    kind, start = np.dtype(TYPES[content[2]]), 4 + 4 * len(shape)
    wanted = shape if max_items is None else (min(shape[0], max_items), *shape[1:])
    n_bytes = math.prod(wanted) * kind.itemsize
    if len(content) - start < n_bytes or (wanted == shape and len(content) - start != n_bytes):
        raise ValueError("The length of this IDX file does not match its header.")
    values = np.frombuffer(content, kind, count=math.prod(wanted), offset=start).reshape(wanted)
    return values.astype(kind.newbyteorder("="), copy=False)
