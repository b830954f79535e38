"""The base of a session's parts: all of them change under one lock."""

import functools
import threading
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Locked(Protocol):
    """Something with a lock."""

    lock: Any


class SessionPart:
    """A part of a session.

    Streamlit may run two threads of one session at once. Every method that changes a part holds the session's lock, and calls
    no Streamlit function meanwhile: Streamlit ends a thread inside its own functions, which would leave half a change.

    Args:
        lock: the session's, reentrant.
    """

    def __init__(self, lock: Any = None):
        self.lock = lock or threading.RLock()


L = TypeVar("L", bound=Locked)


def synchronized(method: Callable[Concatenate[L, P], R]) -> Callable[Concatenate[L, P], R]:
    """Hold the session's lock during a method."""

    @functools.wraps(method)
    def wrapper(self: L, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            return method(self, *args, **kwargs)

    return wrapper  # type: ignore[return-value]  # `wraps` forgets that self may be passed by position
