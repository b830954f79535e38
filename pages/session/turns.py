"""Turns of the sessions: pages are drawn one after the other, and the answer to a stroke does not wait for them."""

import contextlib
import threading
from collections.abc import Iterator

MAX_WAIT = 0.3  # s, after which a page is drawn beside a page that takes longer
_turn = threading.Semaphore()


@contextlib.contextmanager
def turn(max_wait: float = MAX_WAIT) -> Iterator[None]:
    """Wait until no other session draws a page or polls, and let the others wait within the context.

    The threads of Python share one core. If the pages of several pupils of a class were drawn at the same time, each of them
    would slow the answer to a stroke, which takes no turn.

    Args:
        max_wait: Maximum time to wait, in seconds.
    """
    is_own = _turn.acquire(timeout=max_wait)
    try:
        yield
    finally:
        if is_own:
            _turn.release()
