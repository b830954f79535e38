"""Connected components and dilation of masks.

SciPy has the same functions. This module replaces them, because the import of SciPy would use 13 MB of the server's memory.
"""

import math

import numpy as np


def label_components(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Label the connected components of a mask. Pixels that touch at a corner are connected.

    Args:
        mask: (H, W) bool.

    Returns:
        A tuple of the labels, (H, W) int, 0 for the background and 1 to N for the components, and their sizes in px, (N,) int.

    Example:
        >>> labels, sizes = label_components(np.eye(3, 4, dtype=bool) | np.eye(3, 4, 3, dtype=bool))
        >>> labels.tolist(), sizes.tolist()
        ([[1, 0, 0, 2], [0, 1, 0, 0], [0, 0, 1, 0]], [3, 1])
    """
    width = mask.shape[1] + 2  # A column at each side separates the runs of two rows.
    edges = np.diff(np.pad(mask, 1).astype(np.int8).ravel())
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)  # of the runs of pixels in a row, in order
    first = np.searchsorted(ends, starts + width)  # The runs `first` to `last` of the next row touch a run.
    last = np.searchsorted(starts, ends + width, side="right")
    n_touching = np.maximum(last - first, 0)
    upper = np.repeat(np.arange(len(starts)), n_touching)
    lower = np.arange(len(upper)) - np.repeat(np.cumsum(n_touching) - n_touching - first, n_touching)
    component = np.arange(len(starts))
    while not np.array_equal(component[upper], component[lower]):
        least = np.minimum(component[upper], component[lower])
        np.minimum.at(component, component[upper], least)
        np.minimum.at(component, component[lower], least)
        component = component[component]
    _, component = np.unique(component, return_inverse=True)
    lengths = ends - starts
    labels = np.zeros(mask.shape, np.intp)
    labels[mask] = np.repeat(component + 1, lengths)
    return labels, np.bincount(component, lengths).astype(np.intp)


def dilate(mask: np.ndarray, radius: int) -> np.ndarray:
    """Dilate a mask by a disc.

    Args:
        mask: (H, W) bool.
        radius: Radius of the disc, in px.

    Returns:
        (H, W) bool, the pixels that are at most `radius` away from a pixel of the mask.

    Example:
        >>> dilate(np.array([[True, False, False], [False, False, False]]), 1).astype(int).tolist()
        [[1, 1, 0], [1, 0, 0]]
    """
    height, width = mask.shape
    counts = np.cumsum(np.pad(mask, ((radius, radius), (radius + 1, radius))), axis=1, dtype=np.int32)
    dilated = np.zeros(mask.shape, bool)
    for dy in range(2 * radius + 1):
        reach = math.isqrt(radius**2 - (dy - radius) ** 2)  # half the width of the disc in this row
        rows, left, right = counts[dy : dy + height], radius - reach, radius + reach + 1
        dilated |= rows[:, right : right + width] > rows[:, left : left + width]
    return dilated
