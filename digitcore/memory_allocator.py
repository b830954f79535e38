"""Settings of the C library's memory allocator for trainings.

Each step of a training allocates and frees large arrays. By default, glibc returns freed memory to the operating system, which
clears each page again at its next use. This took a third of the processor time of a training. Dask makes it worse: it tells
glibc to return all free memory above 64 kB.
"""

import ctypes
import functools

MMAP_THRESHOLD = -3, 32 * 2**20  # Parameters of mallopt with their values in bytes. 32 MB is the largest valid threshold.
TRIM_THRESHOLD = -1, 2**30
TOP_PAD = -2, 64 * 2**20


@functools.cache
def keep_freed_memory() -> bool:
    """Let this process keep freed memory for its next allocations, up to 64 MB for each thread that allocates.

    Returns:
        Whether the C library is glibc and accepts the settings. Other C libraries stay as they are.

    Example:
        >>> keep_freed_memory() in (True, False)
        True
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS and musl have no mallopt, and Windows has no main library.
        return False
    return all(mallopt(parameter, value) for parameter, value in (MMAP_THRESHOLD, TRIM_THRESHOLD, TOP_PAD))
