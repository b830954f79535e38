"""File operations that fail, through a C library that is built from `fail_files.c` and loaded before all other libraries."""

import ctypes
import errno
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_suffix(".c")
NO_COMPILER = "There is no C compiler (gcc, cc or clang), so file operations cannot fail here. Install one, for example gcc."


def build(folder: Path) -> Path:
    """Build the library in a folder, and return its file.

    Raises:
        SystemExit: If there is no C compiler.
    """
    compiler = next(filter(None, map(shutil.which, ("gcc", "cc", "clang"))), None)
    if compiler is None:
        raise SystemExit(NO_COMPILER)
    library = folder / "fail_files.so"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"], check=True)
    return library


def environment(library: Path) -> dict[str, str]:
    """Return the environment variables of a process that loads the library."""
    return {**os.environ, "LD_PRELOAD": str(library)}


def is_loaded() -> bool:
    """Return whether this process has loaded the library. The processes that it starts do not load it."""
    os.environ.pop("LD_PRELOAD", None)
    return hasattr(ctypes.CDLL(None), "fail_files_arm")


def _library() -> Any:
    return ctypes.CDLL(None)


def watch(folder: Path) -> None:
    """Select the folder whose files and subfolders the faults concern."""
    _library().fail_files_watch(os.fsencode(folder))


def arm(number: int, *, is_lasting: bool, is_disk_full: bool, is_deadly: bool) -> None:
    """Let a file operation fail.

    Args:
        number: Number of the operation, counted from 0 from now on.
        is_lasting: Whether all operations after it fail as well.
        is_disk_full: Whether only writes fail and are counted, because the disk is full. Otherwise, the error is an I/O error.
        is_deadly: Whether the operation ends this process by `SIGKILL` instead.
    """
    error = errno.ENOSPC if is_disk_full else errno.EIO
    _library().fail_files_arm(ctypes.c_long(number), int(is_lasting), error, int(is_disk_full), int(is_deadly))


def pause(is_paused: bool) -> None:
    """Let operations neither fail nor count for a while."""
    _library().fail_files_pause(int(is_paused))


def disarm() -> bool:
    """Let no more operations fail. Return whether an operation has failed since `arm`."""
    return bool(_library().fail_files_disarm())
