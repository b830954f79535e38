"""Attempts to leave the isolation of a process: each reads, writes, connects or starts something that it must not.

A test copies this file as `sitecustomize.py`, so that it runs in the real process that opens models.
"""

import ctypes
import json
import os
import runpy
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

HOME_FILE = Path("~/.intruder").expanduser()
PORT = int(os.environ.get("PYTHON_INTRUDER_PORT", "0"))  # The names of other variables do not reach the process.
PARENT = os.getppid()


def fork():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def exchange_files():
    HOME_FILE.write_text("x")
    HOME_FILE.unlink()


def link_to_a_file():
    """Make a link in the permitted folder. The server would read or write the file behind it."""
    link = Path(tempfile.gettempdir(), ".intruder-link")
    link.symlink_to("/etc/passwd")
    link.unlink()


def share_memory():
    libc = ctypes.CDLL(None, use_errno=True)
    number = libc.shmget(0, 1, 0o600)
    if number < 0:
        raise OSError(ctypes.get_errno(), "shmget")
    libc.shmctl(number, 0, None)  # It deletes the memory.


ATTEMPTS = {
    "read /etc/passwd": lambda: Path("/etc/passwd").read_bytes(),
    "read the project": lambda: (Path(os.environ["PYTHON_INTRUDER_ROOT"]) / "pyproject.toml").read_bytes(),
    "read the parent's environment": lambda: Path(f"/proc/{PARENT}/environ").read_bytes(),
    "list HOME": lambda: os.listdir(HOME_FILE.parent),
    "write in HOME": exchange_files,
    "write in /tmp": lambda: Path("/tmp/.intruder").write_text("x"),
    "make a link": link_to_a_file,
    "share memory": share_memory,
    "connect to 127.0.0.1": lambda: socket.create_connection(("127.0.0.1", PORT), 5).close(),
    "listen": lambda: socket.create_server(("127.0.0.1", 0)).close(),
    "use a Unix socket": lambda: socket.socket(socket.AF_UNIX).close(),
    "fork": fork,
    "run a program": lambda: subprocess.run(["true"], check=True),
    "spawn": lambda: os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0),
    "signal the parent": lambda: os.kill(PARENT, 0),
    "set the priority of the parent": lambda: os.setpriority(os.PRIO_PROCESS, PARENT, os.getpriority(os.PRIO_PROCESS, PARENT)),
    "set the processors of the parent": lambda: os.sched_setaffinity(PARENT, os.sched_getaffinity(PARENT)),
    "read a secret variable": lambda: os.environ["DIGITLAB_STORE"],
}


def succeeded():
    """Return the names of the attempts that were not rejected."""
    names = []
    for name, attempt in ATTEMPTS.items():
        try:
            attempt()
        except (OSError, KeyError) as error:
            if not isinstance(error, PermissionError | KeyError):
                names.append(f"{name}: {error}")
        else:
            names.append(name)
    thread = threading.Thread(target=lambda: None)
    thread.start()  # TensorFlow needs threads.
    thread.join()
    return names


def run_instead(module, **_options):
    """Write the names into the folder of the sandbox as the error message of its first file."""
    Path(sys.argv[1], "0.error").write_text(json.dumps(succeeded()))


if __name__ == "__main__":
    print(json.dumps(succeeded()))
else:
    runpy.run_module = run_instead
