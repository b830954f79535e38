"""The folder of a running cluster: its keys, its scheduler's address, its workers' temporary files. Gone when it ends.

It imports nothing large: `preload` uses it in the scheduler and the nanny.
"""

import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "digitlab-run-"
FOLDER = "DIGITLAB_RUN_FOLDER"  # environment variable: of the processes of a cluster of ours
SCHEDULER_FILE, KEY_FILE, CERTIFICATE_FILE = "scheduler.json", "key.pem", "certificate.pem"


def create() -> Path:
    """A new folder that only this account may look into; those that killed processes have left behind are removed."""
    for old in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if not _is_running(old.name.removeprefix(PREFIX).partition("-")[0]):
            remove(old)
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it."""
    shutil.rmtree(folder, ignore_errors=True)


def _is_running(pid: str) -> bool:
    return pid.isdigit() and Path(f"/proc/{pid}").exists() if Path("/proc/self").exists() else True
