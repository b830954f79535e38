"""Termination of child processes whose parent has ended."""

import contextlib
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

PARENT_INTERVAL = 1.0  # s between two checks
RESOURCE_TRACKER = "multiprocessing.resource_tracker"
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
        # Python's resource tracker ends when all processes that use it have ended, and then removes what they left.
        children = [child for child in psutil.Process().children(recursive=True) if not _is_resource_tracker(child)]
    for child in children:
        child.kill()
    psutil.wait_procs(children, timeout=CHILD_TIMEOUT)
    before_exit()
    os._exit(exit_status)


def kill_by_environment(name: str, value: str) -> None:
    """Kill the other processes of this user that were started with a value of an environment variable.

    Args:
        name: name of the variable.
        value: value of the variable.

    Example:
        >>> kill_by_environment("DIGITLAB_EXAMPLE", "no process has this value")
    """
    import psutil

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            is_wanted = process.pid != os.getpid() and process.environ().get(name) == value
            if is_wanted and not _is_resource_tracker(process):
                process.kill()


def _is_resource_tracker(process: "psutil.Process") -> bool:
    import psutil

    with contextlib.suppress(psutil.Error):
        return any(RESOURCE_TRACKER in part for part in process.cmdline())
    return False
