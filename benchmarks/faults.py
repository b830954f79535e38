"""Faults of a dashboard: random faults for `chaos.py`, and every single fault of what stores labs and files.

    python benchmarks/faults.py --exhaustive [--only WORDS]

With --exhaustive, each operation of the table in `fault_operations.py` is repeated, and each time another statement, commit,
response to a commit, connection or file operation fails, alone and together with all later steps. At each commit and file
operation, a process is also killed. The changes of `fault_pages.py` are tried through the pages. This needs a C compiler and the
programs of PostgreSQL. --only selects operations by a part of their place and name, for example “files,”.

`Faults` contains the random faults: processes of a running dashboard that die or stop, a locked table, a full disk.
"""

import argparse
import collections
import contextlib
import logging
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import sqlalchemy as sql

from benchmarks import fail_files
from benchmarks.fault_points import (
    FILES,
    KILLS,
    STATEMENTS_AND_COMMITS,
    Folder,
    Kind,
    Operation,
    Place,
    PostgresDatabase,
    Report,
    SqliteDatabase,
    try_points,
)
from digitcore.storage.database import with_driver
from pages.session import resources
from tests.support.app import quick_sessions
from tests.support.browser import Server
from tests.support.postgres import PROGRAMS, PostgresServer

MEMORY = Path("/dev/shm")  # Files in memory need no disk, so that thousands of commits are quick.
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


PAGE_KINDS = (Kind.STATEMENT, Kind.COMMIT, Kind.ANSWER)
Plan = tuple[Operation, Place, tuple[Kind, ...]]


def plan(folder: Path, postgres: str) -> Iterator[Plan]:
    """Yield each operation with its place and the kinds of its steps.

    Args:
        folder: An empty folder, whose file operations can fail.
        postgres: URL of a PostgreSQL database, all tables of which are deleted; "" without PostgreSQL.
    """
    from benchmarks.fault_operations import FILE_OPERATIONS, SQLITE_OPERATIONS, STORE_OPERATIONS  # They open models.

    for operation in STORE_OPERATIONS:
        yield operation, SqliteDatabase(folder), (*STATEMENTS_AND_COMMITS, *KILLS, *FILES)
    for operation in SQLITE_OPERATIONS:  # After the deletion of the file, only the process has the lab, so it is not killed.
        yield operation, SqliteDatabase(folder), (*STATEMENTS_AND_COMMITS, Kind.FILE, Kind.DISK_FULL)
    for operation in FILE_OPERATIONS:
        yield operation, Folder(folder, operation.files, operation.read), FILES
    for operation in STORE_OPERATIONS if postgres else ():
        yield operation, PostgresDatabase(postgres), (*STATEMENTS_AND_COMMITS, *KILLS)


def try_pages(name: str, url: str, kinds: tuple[Kind, ...], words: str) -> Iterator[tuple[str, str, Report]]:
    """Yield the name of the place, of each change on a page, and the outcome of its points."""
    from benchmarks import fault_pages  # It imports Streamlit.

    fault_pages.use_store(url)
    with quick_sessions():
        at, faults = fault_pages.open_session(3)
        for action in fault_pages.ACTIONS:
            if words in f"pages with {name}, {action}":
                yield f"pages with {name}", action, fault_pages.try_page_points(at, faults, action, kinds)
    resources.saver().close()


def try_operations(folder: Path, postgres: str, words: str) -> Iterator[tuple[str, str, Report]]:
    """Yield the name of the place, of the operation, and the outcome of its points."""
    for operation, place, kinds in plan(folder, postgres):
        if words in f"{place.name}, {operation.name}":
            yield place.name, operation.name, try_points(operation, place, kinds)
        place.clear()
    yield from try_pages("SQLite", SqliteDatabase(folder).url, (*PAGE_KINDS, Kind.FILE), words)
    if postgres:
        yield from try_pages("PostgreSQL", postgres, PAGE_KINDS, words)


def try_all(postgres: str, words: str) -> bool:
    """Try the points of all operations, and print the outcome. Return whether all points held."""
    logging.disable()  # The reason of each fault would be in the log.
    reports: dict[str, Report] = collections.defaultdict(Report)
    with tempfile.TemporaryDirectory(prefix="digitlab-faults-", dir=MEMORY if MEMORY.exists() else None) as name:
        fail_files.watch(Path(name))
        begin = time.monotonic()
        for place, operation, report in try_operations(Path(name), postgres, words):
            print(f"{place}, {operation}: {report} ({time.monotonic() - begin:.0f} s)", flush=True)
            for kind, line in report.failures:
                print(f"  {kind}: {line}", flush=True)
            reports[place] += report
            begin = time.monotonic()
    if not postgres:
        print("PostgreSQL is not installed, so its points were not tried.")
    for name, report in reports.items():
        print(f"{name}: " + ", ".join(f"{n:,} {kind}" for kind, n in report.by_kind.items()))
    for name, report in reports.items():
        print(f"{name}: {report}")
    return all(report.n_points and not report.failures for report in reports.values())


def main() -> None:
    """Try the points in a process that has loaded the library of `fail_files`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exhaustive", action="store_true", required=True, help="let every step of every operation fail")
    parser.add_argument("--only", default="", metavar="WORDS", help="part of the place and name of the operations")
    options = parser.parse_args()
    if not fail_files.is_loaded():
        with tempfile.TemporaryDirectory() as name:
            environment = fail_files.environment(fail_files.build(Path(name)))
            sys.exit(subprocess.run([sys.executable, *sys.argv], env=environment).returncode)
    with contextlib.ExitStack() as stack:
        postgres = ""
        if PROGRAMS is not None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="digitlab-postgres-"))
            postgres = stack.enter_context(PostgresServer(Path(folder)))
        has_held = try_all(postgres, options.only)
    sys.exit(not has_held)


if __name__ == "__main__":
    main()
