"""Termination of child processes whose parent has ended."""

import contextlib
import os
import threading
import time
from collections.abc import Callable

PARENT_INTERVAL = 1.0  # s between two checks
CHILD_TIMEOUT = 5.0  # s to wait for the end of killed child processes


def end_with_parent(parent: int, *, exit_status: int = 0, before_exit: Callable[[], None] = lambda: None) -> None:
    """Start a thread that ends this process and its child processes after the parent process has ended.

    Args:
        parent: process id of the parent.
        exit_status: exit status of this process.
        before_exit: called after the child processes have ended, for example to remove files.

    Example:
        >>> end_with_parent(os.getppid())  # doctest: +SKIP
    """
    threading.Thread(target=_wait_for_parent, args=(parent, exit_status, before_exit), daemon=True).start()


def _wait_for_parent(parent: int, exit_status: int, before_exit: Callable[[], None]) -> None:
    import psutil  # Imported here because it is slow and most processes do not need it.

    while os.getppid() == parent:
        time.sleep(PARENT_INTERVAL)
    children = []
    with contextlib.suppress(OSError, psutil.Error):  # An isolated process cannot list processes, and has no children.
        children = psutil.Process().children(recursive=True)
    for child in children:
        child.kill()
    psutil.wait_procs(children, timeout=CHILD_TIMEOUT)
    before_exit()
    os._exit(exit_status)
