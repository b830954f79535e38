"""Faults for `chaos.py`: processes of a running dashboard that die or stop, a locked table, a full disk."""

import collections
import contextlib
import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import sqlalchemy as sql

from digitcore.storage.database import with_driver
from tests.support.browser import Server
from tests.support.postgres import PostgresServer

OUTAGE = 8  # s that a fault lasts
DISK = 160  # MB, size of the database's disk
WORKER, SCHEDULER = "multiprocessing.spawn", "distributed.Scheduler"  # part of their command lines


class Faults:
    """Faults that can be injected into a running dashboard, and undone.

    Attributes:
        server: the running dashboard.
        counts: how often each fault was injected, by its name.
    """

    def __init__(self, start_server: Callable[..., Server], postgres: PostgresServer, url: str, disk: Path | None):
        self.start_server, self.postgres, self.url, self.disk = start_server, postgres, url, disk
        self.server = start_server()
        self.counts: collections.Counter[str] = collections.Counter()

    def inject(self, chance: random.Random) -> None:
        """Inject a random fault, and undo it."""
        possible = [self.worker_killed, self.worker_stopped, self.scheduler_killed, self.postgres_restarted]
        possible += [self.postgres_stopped, self.table_locked, self.server_killed] + [self.disk_full] * bool(self.disk)
        fault = chance.choice(possible)
        if fault():
            self.counts[fault.__name__] += 1

    def worker_killed(self) -> bool:
        """Kill the worker. Return False if there is none."""
        return self._kill(WORKER)

    def worker_stopped(self) -> bool:
        """Suspend the worker, so that it does not respond. Return False if there is none."""
        worker = self._find(WORKER)
        return worker is not None and _suspend([worker])

    def scheduler_killed(self) -> bool:
        """Kill Dask's scheduler. Return False if there is none."""
        return self._kill(SCHEDULER)

    def postgres_restarted(self) -> bool:
        """Stop PostgreSQL, and start it again after a while."""
        self.postgres.stop()
        time.sleep(OUTAGE)
        self.postgres.start()
        return True

    def postgres_stopped(self) -> bool:
        """Suspend PostgreSQL, so that it keeps its connections and does not respond."""
        return _suspend(self.postgres.processes())

    def table_locked(self) -> bool:
        """Lock the tables of the labs in another transaction."""
        engine = sql.create_engine(with_driver(self.url))
        with engine.connect() as db:
            db.execute(sql.text("LOCK TABLE labs, samples IN ACCESS EXCLUSIVE MODE"))
            time.sleep(OUTAGE)
        engine.dispose()
        return True

    def server_killed(self) -> bool:
        """Kill the dashboard, and start it again on the same port."""
        self.server.kill()
        time.sleep(1)
        self.server = self.start_server(self.server.port)
        return True

    def disk_full(self) -> bool:
        """Fill the database's disk for a while, and start PostgreSQL again if it has stopped."""
        filler = self.disk / "filler"
        with contextlib.suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(bytes(1_000_000))
                file.flush()
        time.sleep(OUTAGE)
        filler.unlink()
        with contextlib.suppress(subprocess.CalledProcessError):  # PostgreSQL is still running
            self.postgres.start()
        return True

    def _find(self, word: str) -> psutil.Process | None:
        """Return the first child process of the server whose command line contains a word."""
        with contextlib.suppress(psutil.Error):
            for process in psutil.Process(self.server.process.pid).children(recursive=True):
                if word in " ".join(process.cmdline()):
                    return process
        return None

    def _kill(self, word: str) -> bool:
        process = self._find(word)
        if process:
            process.kill()
        return process is not None


def _suspend(processes: list[psutil.Process]) -> bool:
    """Suspend processes for a while, and resume the processes that still exist."""
    _each(processes, psutil.Process.suspend)
    time.sleep(OUTAGE)
    _each(processes, psutil.Process.resume)
    return True


def _each(processes: list[psutil.Process], action: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            action(process)


@contextlib.contextmanager
def small_disk(folder: Path):
    """Mount a small disk on a folder. Yields the folder, or None if mounting is not permitted."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}m", "tmpfs", folder], capture_output=True)
    try:
        yield None if mounted.returncode else folder
    finally:
        if not mounted.returncode:
            subprocess.run(["umount", "--lazy", folder], check=True)
