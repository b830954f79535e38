"""A clock that a test sets for one module."""

import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import pytest


def set_clock(monkeypatch: pytest.MonkeyPatch, module: ModuleType, **functions: Callable[..., object]) -> None:
    """Replace functions of `time` for one module that imports `time`.

    A test must not change the module `time` itself. Dask's client runs in a thread of the same process. If it sends a message
    while the clock is set back, its timer waits for the difference, and the jobs of later tests hang.
    """
    monkeypatch.setattr(module, "time", SimpleNamespace(**vars(time) | functions))
