"""A real PostgreSQL, from the system's packages, for as long as a test needs it."""

import os
import shutil
import subprocess
from pathlib import Path

import psutil

from tests.support.browser import free_port

PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


class PostgresServer:
    """A server of one's own in a folder; it does not run as root, so root starts it as the user postgres."""

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
        """Start it, and wait until it answers."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._run("pg_ctl", "start", "--wait", "-l", str(self.folder / "log"), "-o", options)

    def stop(self) -> None:
        """Stop it as a crash would."""
        self._run("pg_ctl", "stop", "--mode=immediate")

    def processes(self) -> list[psutil.Process]:
        """Its own and those of its connections."""
        main = psutil.Process(int((self.folder / "data" / "postmaster.pid").read_text().split()[0]))
        return [main, *main.children(recursive=True)]

    def _run(self, program, *arguments):
        line = [str(PROGRAMS / program), *arguments, "-D", str(self.folder / "data")]
        user = "postgres" if os.getuid() == 0 else None
        subprocess.run(line, check=True, capture_output=True, cwd=self.folder, user=user, group=user)
