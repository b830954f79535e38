"""The folder of a running cluster, with its keys, the address of its scheduler and temporary files of its workers.

The folder is removed when the cluster ends. This module imports nothing large, because the scheduler and the nanny use it.
"""

import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "digitlab-run-"
FOLDER = "DIGITLAB_RUN_FOLDER"  # environment variable of the cluster's processes
SCHEDULER_FILE, KEY_FILE, CERTIFICATE_FILE = "scheduler.json", "key.pem", "certificate.pem"


def create() -> Path:
    """Create a folder that only this user can read. Folders of processes that were killed are removed."""
    for old in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if not _is_running(old.name.removeprefix(PREFIX).partition("-")[0]):
            remove(old)
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))


def remove(folder: Path) -> None:
    """Remove a folder and its contents."""
    shutil.rmtree(folder, ignore_errors=True)


def _is_running(pid: str) -> bool:
    return pid.isdigit() and Path(f"/proc/{pid}").exists() if Path("/proc/self").exists() else True
