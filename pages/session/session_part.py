"""The base class of a session's parts, which all change under one lock."""

import functools
import threading
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Locked(Protocol):
    """An object with a lock."""

    lock: Any


class SessionPart:
    """A part of a session.

    Streamlit may run two threads of one session simultaneously, and other threads of the server read and write a session too.
    Every method that changes a part holds the session's lock. Such a method calls no Streamlit function, because Streamlit ends
    a thread inside its own functions, which would leave the change incomplete. The documentation of a field says if only the
    page's script writes the field.

    Args:
        lock: The session's reentrant lock; `None` creates one.
    """

    def __init__(self, lock: Any = None):
        self.lock = lock or threading.RLock()


L = TypeVar("L", bound=Locked)


def synchronized(method: Callable[Concatenate[L, P], R]) -> Callable[Concatenate[L, P], R]:
    """Return a method that holds the lock of the instance while it runs."""

    @functools.wraps(method)
    def wrapper(self: L, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            return method(self, *args, **kwargs)

    return wrapper  # type: ignore[return-value]  # `wraps` forgets that self may be passed by position.
