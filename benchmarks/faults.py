"""What may go wrong around a running dashboard: processes that die or stop, a locked table, a full disk. Used by `chaos.py`."""

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

OUTAGE = 8  # s that something stays away
DISK = 160  # MB of the database's disk
WORKER, SCHEDULER = "multiprocessing.spawn", "distributed.Scheduler"  # in their command lines


class Faults:
    """What goes wrong, and how each is undone.

    Attributes:
        server: the dashboard that runs at present.
        counts: how often each fault was injected.
    """

    def __init__(self, start_server: Callable[..., Server], postgres: PostgresServer, url: str, disk: Path | None):
        self.start_server, self.postgres, self.url, self.disk = start_server, postgres, url, disk
        self.server = start_server()
        self.counts: collections.Counter[str] = collections.Counter()

    def inject(self, chance: random.Random) -> None:
        """One fault of those that are possible, and its end."""
        possible = [self.worker_killed, self.worker_stopped, self.scheduler_killed, self.postgres_restarted]
        possible += [self.postgres_stopped, self.table_locked, self.server_killed] + [self.disk_full] * bool(self.disk)
        fault = chance.choice(possible)
        if fault():
            self.counts[fault.__name__] += 1

    def worker_killed(self) -> bool:
        """The process that trains dies; False where there is none."""
        return self._kill(WORKER)

    def worker_stopped(self) -> bool:
        """It neither answers nor ends; False where there is none."""
        worker = self._find(WORKER)
        return worker is not None and _suspend([worker])

    def scheduler_killed(self) -> bool:
        """Dask's scheduler dies; False where there is none."""
        return self._kill(SCHEDULER)

    def postgres_restarted(self) -> bool:
        """PostgreSQL crashes, stays away, and comes back."""
        self.postgres.stop()
        time.sleep(OUTAGE)
        self.postgres.start()
        return True

    def postgres_stopped(self) -> bool:
        """PostgreSQL keeps its connections and is silent."""
        return _suspend(self.postgres.processes())

    def table_locked(self) -> bool:
        """Somebody else's transaction holds the labs."""
        engine = sql.create_engine(with_driver(self.url))
        with engine.connect() as db:
            db.execute(sql.text("LOCK TABLE labs, samples IN ACCESS EXCLUSIVE MODE"))
            time.sleep(OUTAGE)
        engine.dispose()
        return True

    def server_killed(self) -> bool:
        """The dashboard crashes and is started again on its port."""
        self.server.kill()
        time.sleep(1)
        self.server = self.start_server(self.server.port)
        return True

    def disk_full(self) -> bool:
        """The database's disk is full for a while; PostgreSQL may give up, and is started again then."""
        filler = self.disk / "filler"
        with contextlib.suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(bytes(1_000_000))
                file.flush()
        time.sleep(OUTAGE)
        filler.unlink()
        with contextlib.suppress(subprocess.CalledProcessError):  # it runs still
            self.postgres.start()
        return True

    def _find(self, word: str) -> psutil.Process | None:
        """The first process below the server whose command line has this word."""
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
    """Stop processes for a while; those that end meanwhile are gone."""
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
    """A disk of a few megabytes on this folder; None where it cannot be mounted."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}m", "tmpfs", folder], capture_output=True)
    try:
        yield None if mounted.returncode else folder
    finally:
        if not mounted.returncode:
            subprocess.run(["umount", "--lazy", folder], check=True)
