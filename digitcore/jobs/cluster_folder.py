"""The folder of a running cluster, with its keys, the address of its scheduler and temporary files of its workers.

The folder is removed when the cluster ends. This module imports only small modules, because the scheduler and the nanny use it.
"""

import os
import shutil
import tempfile
from pathlib import Path

from digitcore import processes

PREFIX = "digitlab-run-"
FOLDER = "DIGITLAB_CLUSTER_FOLDER"  # environment variable of the cluster's processes
SCHEDULER_FILE, KEY_FILE, CERTIFICATE_FILE = "scheduler.json", "key.pem", "certificate.pem"


def create() -> Path:
    """Create a folder that only this user can read, and remove the folders of processes that were killed.

    Returns:
        Path of the new folder.

    Example:
        >>> folder = create()
        >>> folder.is_dir()
        True
        >>> remove(folder)
    """
    for old in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if not _is_running(old.name.removeprefix(PREFIX).partition("-")[0]):
            remove(old)
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))


def remove(folder: Path) -> None:
    """Remove a folder and its contents. Errors are ignored.

    Args:
        folder: Path of the folder.

    Example:
        >>> folder = create()
        >>> remove(folder)
        >>> folder.exists()
        False
    """
    shutil.rmtree(folder, ignore_errors=True)


def end(folder: Path) -> None:
    """Kill the other processes of a cluster, and remove its folder.

    A process that is still starting would print a traceback if its keys were missing, so the processes are killed first.

    Args:
        folder: Path of the folder.

    Example:
        >>> folder = create()
        >>> end(folder)
        >>> folder.exists()
        False
    """
    processes.kill_by_environment(FOLDER, str(folder))
    remove(folder)


def _is_running(pid: str) -> bool:
    return pid.isdigit() and Path(f"/proc/{pid}").exists() if Path("/proc/self").exists() else True
