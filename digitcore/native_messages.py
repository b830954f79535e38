"""Suppression of messages that libraries write directly to the standard error output."""

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import logging
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator

# Libraries of LiteRT and TensorFlow write these lines. Messages about errors have another level and are kept.
UNIMPORTANT = re.compile(rb"^(INFO|WARNING|[IW]\d{4}|\d{4}-\d\d-\d\d [\d:.]+: [IW]|WARNING: All log messages before absl)[: ]")
VARIABLES = {
    "TF_CPP_MIN_LOG_LEVEL": "3",  # TensorFlow, with oneDNN and absl
    "DASK_LOGGING__DISTRIBUTED": "critical",
    "DASK_LOGGING__TORNADO": "critical",
}
_lock = threading.Lock()


def set_environment() -> None:
    """Make the native libraries, TensorFlow and Dask quiet. Environment variables that the user has set are kept.

    TensorFlow warns of each fifth model that a process builds, although each model needs a graph. Call this function before
    the libraries are imported, because they read the variables during the import.

    Example:
        >>> set_environment()
        >>> "TF_CPP_MIN_LOG_LEVEL" in os.environ
        True
    """
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if not any(isinstance(finder, _QuietTensorFlow) for finder in sys.meta_path):
        sys.meta_path.insert(0, _QuietTensorFlow())


class _QuietTensorFlow(importlib.abc.MetaPathFinder):
    """A finder that drops the messages of TensorFlow's import. On some processors, no variable suppresses all of them."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if fullname != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec and spec.loader:
            spec.loader.exec_module = dropped()(spec.loader.exec_module)  # type: ignore[method-assign]
        return spec


@contextlib.contextmanager
def dropped() -> Iterator[None]:
    """Drop the lines of level INFO and WARNING that native code writes to file descriptor 2 within the context.

    All other lines are written when the context ends, so that no error of this or another thread is lost.

    Example:
        >>> with dropped():
        ...     _ = os.write(2, b"INFO: A message.")
    """
    with _lock, tempfile.TemporaryFile() as file:
        try:
            before = os.dup(2)
        except OSError:  # The process has no standard error output.
            yield
            return
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)
            os.close(before)
            file.seek(0)
            kept = [line for line in file if line.strip() and not UNIMPORTANT.match(line)]
            if kept:
                os.write(2, b"".join(kept))
