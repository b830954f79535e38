"""What may go wrong around a running dashboard: processes that die or stop, a locked table, a full disk. Used by `chaos.py`."""

import collections
import contextlib
import random
import signal
import subprocess
import time
from pathlib import Path

import psutil
import sqlalchemy as sql

from digitcore.storage.database import with_driver
from tests.support.browser import Server
from tests.support.postgres import PostgresServer

OUTAGE = 8  # s that something stays away
DISK = 160  # MB of the database's disk


class Faults:
    """What goes wrong, and how each is undone."""

    def __init__(self, server: Server, restart, postgres: PostgresServer, url: str, disk: Path | None):
        self.server, self.restart, self.postgres, self.url, self.disk = server, restart, postgres, url, disk
        self.counts: collections.Counter[str] = collections.Counter()

    def inflict(self, chance: random.Random) -> None:
        """One fault of those that are possible, and its end."""
        possible = [self.worker_killed, self.worker_stopped, self.scheduler_killed, self.postgres_restarted]
        possible += [self.postgres_stopped, self.table_locked, self.server_killed] + [self.disk_full] * bool(self.disk)
        fault = chance.choice(possible)
        if fault() is not False:
            self.counts[fault.__name__] += 1

    def worker_killed(self):
        """The largest process below the server."""
        return self._signal(self._worker(), signal.SIGKILL)

    def worker_stopped(self):
        """It neither answers nor ends."""
        worker = self._worker()
        if self._signal(worker, signal.SIGSTOP) is False:
            return False
        time.sleep(OUTAGE)
        self._signal(worker, signal.SIGCONT)
        return True

    def scheduler_killed(self):
        """Dask's scheduler."""
        found = [process for process in self._children() if "distributed.Scheduler" in " ".join(self._line(process))]
        return self._signal(found[0] if found else None, signal.SIGKILL)

    def postgres_restarted(self):
        """PostgreSQL crashes, stays away, and comes back."""
        self.postgres.stop()
        time.sleep(OUTAGE)
        self.postgres.start()

    def postgres_stopped(self):
        """PostgreSQL keeps its connections and is silent."""
        processes = self.postgres.processes()
        for process in processes:
            self._signal(process, signal.SIGSTOP)
        time.sleep(OUTAGE)
        for process in processes:
            self._signal(process, signal.SIGCONT)

    def table_locked(self):
        """Somebody else's transaction holds the labs."""
        engine = sql.create_engine(with_driver(self.url))
        with engine.connect() as db:
            db.execute(sql.text("LOCK TABLE labs, samples IN ACCESS EXCLUSIVE MODE"))
            time.sleep(OUTAGE)
        engine.dispose()

    def server_killed(self):
        """The dashboard crashes and is started again on its port."""
        self.server.kill()
        time.sleep(1)
        self.server = self.restart(self.server.port)

    def disk_full(self):
        """The database's disk is full for a while; PostgreSQL may give up, and is started again then."""
        rubbish = self.disk / "rubbish"
        with contextlib.suppress(OSError), rubbish.open("wb") as file:
            while True:
                file.write(bytes(1_000_000))
                file.flush()
        time.sleep(OUTAGE)
        rubbish.unlink()
        with contextlib.suppress(subprocess.CalledProcessError):  # it runs still
            self.postgres.start()

    def _children(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            return psutil.Process(self.server.process.pid).children(recursive=True)
        return []

    def _worker(self) -> psutil.Process | None:
        with contextlib.suppress(psutil.Error):
            return max(self._children(), key=lambda process: process.memory_info().rss, default=None)
        return None

    @staticmethod
    def _line(process: psutil.Process) -> list[str]:
        with contextlib.suppress(psutil.Error):
            return process.cmdline()
        return []

    @staticmethod
    def _signal(process: psutil.Process | None, number: int) -> bool:
        if process is None:
            return False
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)
            return True
        return False


@contextlib.contextmanager
def small_disk(folder: Path):
    """A disk of a few megabytes on this folder; None where it cannot be mounted."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}m", "tmpfs", folder], capture_output=True)
    try:
        yield None if mounted.returncode else folder
    finally:
        if not mounted.returncode:
            subprocess.run(["umount", "--lazy", folder], check=True)
