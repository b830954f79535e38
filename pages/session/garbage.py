"""Python's garbage collector in the process of the server."""

import functools
import gc
import threading

SETTLING_SECONDS = 10.0  # after which the first page has imported its modules


@functools.cache
def freeze_soon(seconds: float = SETTLING_SECONDS) -> threading.Timer:
    """Let the garbage collector ignore all objects that exist some time after the first call. Most of them belong to modules.

    A full collection stops all sessions. With these objects it took 0.2 to 0.4 s, and in a class it ran every eight seconds.
    Sessions that exist at this moment are ignored too, so this is done only once, when hardly anybody has come.

    Args:
        seconds: The time.

    Returns:
        The started timer.
    """
    timer = threading.Timer(seconds, _freeze)
    timer.daemon = True
    timer.start()
    return timer


def _freeze() -> None:
    gc.collect()
    gc.freeze()
