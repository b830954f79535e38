"""Attempts to leave the isolation of a process: each reads, writes, connects or starts something that it must not.

A test copies this file as `sitecustomize.py`, so that it runs in the real process that opens models.
"""

import json
import os
import runpy
import socket
import subprocess
import sys
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


ATTEMPTS = {
    "read /etc/passwd": lambda: Path("/etc/passwd").read_bytes(),
    "read the project": lambda: (Path(os.environ["PYTHON_INTRUDER_ROOT"]) / "pyproject.toml").read_bytes(),
    "read the parent's environment": lambda: Path(f"/proc/{PARENT}/environ").read_bytes(),
    "list HOME": lambda: os.listdir(HOME_FILE.parent),
    "write in HOME": exchange_files,
    "write in /tmp": lambda: Path("/tmp/.intruder").write_text("x"),
    "connect to 127.0.0.1": lambda: socket.create_connection(("127.0.0.1", PORT), 5).close(),
    "listen": lambda: socket.create_server(("127.0.0.1", 0)).close(),
    "use a Unix socket": lambda: socket.socket(socket.AF_UNIX).close(),
    "fork": fork,
    "run a program": lambda: subprocess.run(["true"], check=True),
    "spawn": lambda: os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0),
    "signal the parent": lambda: os.kill(PARENT, 0),
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
