"""A real PostgreSQL server for tests, from the packages of the system."""

import os
import shutil
import subprocess
from pathlib import Path

import psutil

from tests.support.browser import free_port

PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


class PostgresServer:
    """A PostgreSQL server with its data in a folder.

    PostgreSQL refuses to run as root. If the tests run as root, the server runs as the user postgres.

    Args:
        folder: Empty folder.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.port = free_port()

    def __enter__(self) -> str:
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
        self._run("initdb", "--auth=trust", "--username=lab", "--no-sync")
        self.start()
        return f"postgresql://lab@127.0.0.1:{self.port}/postgres"

    def __exit__(self, *_):
        self.stop()

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._run("pg_ctl", "start", "--wait", "-l", str(self.folder / "log"), "-o", options)

    def stop(self) -> None:
        """Stop the server without a clean shutdown, like a crash."""
        self._run("pg_ctl", "stop", "--mode=immediate")

    def processes(self) -> list[psutil.Process]:
        """Return the main process of the server and the processes of its connections."""
        main = psutil.Process(int((self.folder / "data" / "postmaster.pid").read_text().split()[0]))
        return [main, *main.children(recursive=True)]

    def _run(self, program, *arguments):
        line = [str(PROGRAMS / program), *arguments, "-D", str(self.folder / "data")]
        user = "postgres" if os.getuid() == 0 else None
        subprocess.run(line, check=True, capture_output=True, cwd=self.folder, user=user, group=user)
