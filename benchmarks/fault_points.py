"""Failure of every single step of an operation, and a check of the state that each failure leaves.

An operation is repeated, and each time another step fails: a statement, a commit, the response to a commit, a connection, a file
operation. A process is also killed at each of these steps. After each failure, two properties are checked:

- Nothing is lost: the state is the state before the operation, after it, or after one of its commits. If the operation has
  reported success, it is the state after it.
- Nothing is stuck: without faults, the same operation succeeds afterwards.

`fault_operations.py` is the table of the operations.
"""

import contextlib
import itertools
import os
import shutil
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from benchmarks import fail_files
from digitcore.errors import DigitLabError, LabError
from digitcore.storage import schema
from digitcore.storage.background_saver import BackgroundSaver, SaveState
from digitcore.storage.database import ENGINE_OPTIONS, LabStore, with_driver
from digitcore.storage.snapshot import LabSnapshot

NEVER = 1e9  # s between two automatic attempts to save; here, operations are repeated explicitly
LONG_AGO = 1e9  # s since 1970; labs that were used earlier are old
State = Any  # of a place, comparable by ==


class Kind(StrEnum):
    """The kind of a step that fails."""

    CONNECTION = "connections"
    STATEMENT = "statements"
    COMMIT = "commits"
    ANSWER = "responses to commits"
    FILE = "file operations"
    DISK_FULL = "writes to a full disk"
    KILL_BEFORE_COMMIT = "kill -9 before commits"
    KILL_AFTER_COMMIT = "kill -9 after commits"
    KILL_AT_FILE = "kill -9 at file operations"

    @property
    def is_deadly(self) -> bool:
        """Whether the step ends the process."""
        return self.name.startswith("KILL")

    @property
    def is_of_file(self) -> bool:
        """Whether the step is a file operation."""
        return self in (Kind.FILE, Kind.DISK_FULL, Kind.KILL_AT_FILE)


STATEMENTS_AND_COMMITS = (Kind.CONNECTION, Kind.STATEMENT, Kind.COMMIT, Kind.ANSWER)
KILLS = (Kind.KILL_BEFORE_COMMIT, Kind.KILL_AFTER_COMMIT)
FILES = (Kind.FILE, Kind.DISK_FULL, Kind.KILL_AT_FILE)


@dataclass(frozen=True)
class Point:
    """A step that fails: the kind, the number of the step, counted from 0, and whether everything after it fails as well."""

    kind: Kind
    number: int
    is_lasting: bool

    def __str__(self) -> str:
        return f"{self.kind}, number {self.number}{' and all later steps' if self.is_lasting else ''}"


class Faults:
    """Faults of one engine, and of the file operations of this process."""

    def __init__(self, engine: sql.Engine):
        self._engine, self._point, self._seen, self._has_struck = engine, None, 0, False
        self.on_commit: Callable[[], None] | None = None  # called after each commit
        for name in ("do_execute", "do_executemany", "do_execute_no_params"):
            sql.event.listen(engine, name, lambda cursor, *_: self._meet(Kind.STATEMENT, cursor.connection))
        sql.event.listen(engine, "do_connect", lambda *_: self._meet(Kind.CONNECTION))
        sql.event.listen(engine, "commit", self._meet_commit)

    def arm(self, point: Point) -> None:
        """Let a step fail, counted from now on."""
        if point.kind.is_of_file:
            options = {"is_disk_full": point.kind is Kind.DISK_FULL, "is_deadly": point.kind.is_deadly}
            fail_files.arm(point.number, is_lasting=point.is_lasting, **options)
        self._point, self._seen, self._has_struck = point, 0, False

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Let no step fail, and count no step, within the block."""
        point, self._point = self._point, None
        is_of_file = point is not None and point.kind.is_of_file
        if is_of_file:
            fail_files.pause(True)
        try:
            yield
        finally:
            self._point = point
            if is_of_file:
                fail_files.pause(False)

    def disarm(self) -> bool:
        """Let no more steps fail. Return whether a step has failed since `arm`."""
        point, self._point = self._point, None
        return fail_files.disarm() if point is not None and point.kind.is_of_file else self._has_struck

    def _strikes(self, kind: Kind) -> bool:
        point = self._point
        if point is None or point.kind.is_of_file:
            return False
        if kind is not point.kind:
            return self._has_struck and point.is_lasting and kind in STATEMENTS_AND_COMMITS
        self._seen += 1
        number = self._seen - 1
        strikes = number == point.number or (point.is_lasting and number > point.number)
        self._has_struck |= strikes
        return strikes

    def _meet(self, kind: Kind, connection: Any = None) -> None:
        if self._strikes(kind):
            raise self._error(connection)

    def _meet_commit(self, db: sql.Connection) -> None:
        connection = db.connection.dbapi_connection
        if self._strikes(Kind.KILL_BEFORE_COMMIT):
            os.kill(os.getpid(), signal.SIGKILL)
        if self._strikes(Kind.COMMIT):
            raise sql.exc.OperationalError("COMMIT", None, self._error(connection))
        has_no_answer, is_killed = self._strikes(Kind.ANSWER), self._strikes(Kind.KILL_AFTER_COMMIT)
        if has_no_answer or is_killed or self.on_commit:
            connection.commit()
        if is_killed:
            os.kill(os.getpid(), signal.SIGKILL)
        if has_no_answer:
            raise sql.exc.OperationalError("COMMIT", None, self._error(connection))
        if self.on_commit:
            self.on_commit()

    def _error(self, connection: Any) -> Exception:
        """Return an error of the driver. A lasting fault of PostgreSQL also closes the connection."""
        if connection is not None and self._point and self._point.is_lasting and not isinstance(connection, sqlite3.Connection):
            connection.close()
        return self._engine.dialect.loaded_dbapi.OperationalError("injected fault")


class SqliteDatabase:
    """A SQLite database in a folder."""

    name = "SQLite"

    def __init__(self, folder: Path):
        self.folder, self._file = folder, folder / "labs.sqlite"
        self.url = f"sqlite:///{self._file}"
        self._content: bytes | None = None

    def clear(self) -> None:
        """Delete the database."""
        for file in self.folder.glob("labs.sqlite*"):
            file.unlink()

    def remember(self) -> None:
        """Keep a copy of the database, which no program has opened."""
        self._content = self._file.read_bytes() if self._file.exists() else None

    def restore(self) -> None:
        """Replace the database by the copy."""
        self.clear()
        if self._content is not None:
            self._file.write_bytes(self._content)

    def state(self) -> State:
        """Return the columns and the rows of each table, without versions and writers."""
        if not self._file.exists():
            return {}
        with contextlib.closing(sqlite3.connect(self._file)) as db:
            return _read_state(db.execute, "SELECT name FROM sqlite_master WHERE type = 'table'")


class PostgresDatabase:
    """A database of a PostgreSQL server. All its tables are deleted."""

    name = "PostgreSQL"

    def __init__(self, url: str):
        self.url = url
        self._rows: dict[str, list[dict[str, Any]]] | None = None
        self._engine = sql.create_engine(with_driver(url), isolation_level="AUTOCOMMIT", connect_args={"prepare_threshold": None})
        # A connection of an earlier operation must hold no locks.
        sql.event.listen(self._engine, "connect", lambda db, _: db.execute("SET lock_timeout = 5000").close())  # ms

    def clear(self) -> None:
        """Delete all tables."""
        with self._engine.connect() as db:
            db.execute(sql.text("DROP SCHEMA public CASCADE"))
            db.execute(sql.text("CREATE SCHEMA public"))

    def remember(self) -> None:
        """Keep a copy of all rows."""
        self._remembered = self.state()
        with self._engine.connect() as db:
            tables = schema.metadata.sorted_tables if self._remembered else []
            self._rows = {table.name: [dict(row) for row in db.execute(sql.select(table)).mappings()] for table in tables}

    def restore(self) -> None:
        """Create the tables again if they were changed, and replace all rows by the copies."""
        columns = {name: columns for name, (columns, _) in self.state().items()}
        if columns != {name: columns for name, (columns, _) in self._remembered.items()}:
            self.clear()
        if self._remembered:
            with self._engine.connect() as db:
                schema.metadata.create_all(db)
                for table in reversed(schema.metadata.sorted_tables):
                    db.execute(sql.delete(table))
                for name, rows in self._rows.items():
                    if rows:
                        db.execute(sql.insert(schema.metadata.tables[name]), rows)

    def state(self) -> State:
        """Return the columns and the rows of each table, without versions and writers."""
        with self._engine.connect() as db:
            execute = db.connection.dbapi_connection.execute
            return _read_state(execute, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")


class Folder:
    """A folder of files. Its state is the content of some of its files.

    Args:
        folder: An empty folder.
        names: Paths of the files below the folder.
        read: Reads the state from the folder, instead of the contents of the files.
    """

    name, url = "files", "sqlite://"

    def __init__(self, folder: Path, names: tuple[str, ...] = (), read: Callable[[Path], State] | None = None):
        self.folder, self._names, self._read, self._contents = folder, names, read, {}

    def clear(self) -> None:
        """Delete all files."""
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def remember(self) -> None:
        """Keep a copy of all files."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        self._contents = {path.relative_to(self.folder): path.read_bytes() for path in files}

    def restore(self) -> None:
        """Replace all files by the copies."""
        self.clear()
        for path, content in self._contents.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_bytes(content)

    def state(self) -> State:
        """Return the contents of the files, `None` for a missing file; or the result of `read`."""
        if self._read:
            return self._read(self.folder)
        paths = [self.folder / name for name in self._names]
        return tuple(path.read_bytes() if path.exists() else None for path in paths)


Place = SqliteDatabase | PostgresDatabase | Folder


class World:
    """What an operation works with: a store with faults, as a server has it, or a folder.

    Args:
        engine: Engine of the database.
        faults: The faults of the engine.
        folder: Folder of the files, if the place has one.

    Attributes:
        states: The saving states of the opened labs, by their tokens.
    """

    def __init__(self, engine: sql.Engine, faults: Faults, folder: Path):
        self.engine, self.faults, self.folder = engine, faults, folder
        self.states: dict[str, SaveState] = {}
        self.targets: dict[str, LabSnapshot] = {}

    @cached_property
    def store(self) -> LabStore:
        """The store. It is opened when an operation uses it first."""
        return LabStore(self.engine)

    @cached_property
    def saver(self) -> BackgroundSaver:
        """The thread that saves labs."""
        return BackgroundSaver(self.store, keep_days=0, retry_interval=NEVER)

    def open(self, token: str) -> None:
        """Open a lab as a session does."""
        found = self.store.load(token)
        snapshot = found.snapshot if found else None
        self.states[token] = SaveState(token, found.version if found else 0, snapshot, snapshot)
        self.saver.wait()

    def save(self, token: str, change: Callable[[LabSnapshot], LabSnapshot]) -> None:
        """Change a lab that was opened, and save it as a session does.

        Raises:
            LabError: If the session reports that the lab is not saved.
        """
        state = self.states.setdefault(token, SaveState(token))
        target = self.targets.setdefault(token, change(state.saved or LabSnapshot()))
        self.saver.save(state, target)
        self.saver.wait()
        if state.error or state.is_behind:
            raise LabError(state.error)

    def retry(self) -> None:
        """Save again what could not be saved, as the server does from time to time."""
        if "saver" in vars(self):
            self.saver.retry()

    def close(self) -> None:
        """End the threads, and close all connections."""
        if "saver" in vars(self):
            self.saver.close()
        self.engine.dispose()


def nothing(world: World) -> None:
    """Prepare nothing."""


@dataclass(frozen=True)
class Operation:
    """An operation whose steps fail.

    Attributes:
        name: Name that the report shows.
        work: The operation. It returns if it reports success, and raises one of `errors` if it reports a failure.
        labs: Labs of the database before the operation, by their tokens; `None` for a database without tables.
        prepare: Called before the operation, without faults.
        begin: Called on a new place once. It writes what the operation finds.
        files: Paths of the files that are the state, for an operation on files.
        read: Reads the state from the folder, for an operation on files whose contents are not the state.
        errors: Types of the errors with a sentence.
    """

    name: str
    work: Callable[[World], object]
    labs: dict[str, LabSnapshot] | None = field(default_factory=dict)
    prepare: Callable[[World], object] = nothing
    begin: Callable[[World], object] = nothing
    files: tuple[str, ...] = ()
    read: Callable[[Path], State] | None = None
    errors: tuple[type[Exception], ...] = (DigitLabError,)


@dataclass
class Report:
    """The outcome of the points that were tried.

    Attributes:
        n_points: Number of points.
        failures: A line for each point that did not hold, by "lost", "stuck" and "unclear" (an error without a sentence).
        by_kind: Number of points of each kind.
    """

    n_points: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    by_kind: Counter[str] = field(default_factory=Counter)

    def add(self, point: Point, name: str, found: list[tuple[str, str]]) -> None:
        """Count a point."""
        self.n_points += 1
        self.by_kind[point.kind] += 1
        self.failures += [(kind, f"{name}, {point}: {reason}") for kind, reason in found]

    def __iadd__(self, other: "Report") -> "Report":
        self.n_points += other.n_points
        self.failures += other.failures
        self.by_kind += other.by_kind
        return self

    def __str__(self) -> str:
        counts = Counter(kind for kind, _ in self.failures)
        n_held = self.n_points - len({line.rpartition(": ")[0] for _, line in self.failures})
        unclear = f", {counts['unclear']} without a sentence" if counts["unclear"] else ""
        return f"{n_held:,} of {self.n_points:,} points, {counts['lost']} lost, {counts['stuck']} stuck{unclear}"


def try_points(operation: Operation, place: Place, kinds: tuple[Kind, ...]) -> Report:
    """Let every step of an operation fail, alone and together with all later steps.

    Args:
        operation: The operation.
        place: Database or folder.
        kinds: Kinds of steps.

    Returns:
        The outcome.
    """
    report, check = Report(), _Check(operation, place)
    for kind in kinds:
        for is_lasting in (False,) if kind.is_deadly else (True,) if kind is Kind.DISK_FULL else (False, True):
            for number in itertools.count():
                point = Point(kind, number, is_lasting)
                found = check.kill(point) if kind.is_deadly else check.fail(point)
                if found is None:
                    break
                report.add(point, f"{place.name}, {operation.name}", found)
    return report


class _Check:
    """The states before and after an operation, with which the state after each fault is compared."""

    def __init__(self, operation: Operation, place: Place):
        self._operation, self._place = operation, place
        self._engine = sql.create_engine(with_driver(place.url), **ENGINE_OPTIONS)
        self._faults = Faults(self._engine)
        place.clear()
        with self._world() as world:
            if operation.labs is not None:
                for token, lab in operation.labs.items():
                    world.store.save(token, lab)
                if isinstance(place, SqliteDatabase | PostgresDatabase):
                    assert world.store
            operation.begin(world)
        place.remember()
        self._states = [place.state()]
        place.restore()
        with self._world() as world:
            operation.prepare(world)
            self._states.append(place.state())  # Another device may have changed the lab.
            world.faults.on_commit = lambda: self._states.append(place.state())
            operation.work(world)
        self._after = place.state()
        self._states.append(self._after)

    @contextlib.contextmanager
    def _world(self) -> Iterator[World]:
        world = World(self._engine, self._faults, getattr(self._place, "folder", Path()))
        try:
            yield world
        finally:
            self._faults.on_commit = None
            world.close()

    def fail(self, point: Point) -> list[tuple[str, str]] | None:
        """Try a point in this process. Return what did not hold; `None` if the operation has no such step."""
        operation, found = self._operation, []
        self._place.restore()
        with self._world() as world:
            operation.prepare(world)
            world.engine.dispose()  # The operation connects, so that this can fail too.
            world.faults.arm(point)
            reports_success = False
            try:
                operation.work(world)
                reports_success = True
            except operation.errors as error:
                found += [] if str(error) else [("unclear", f"{type(error).__name__} without a sentence")]
            except Exception as error:  # noqa: BLE001  # It is reported.
                found.append(("unclear", repr(error)))
            if not world.faults.disarm():
                assert reports_success, f"{operation.name} fails without a fault: {found}"
                return None
            state = self._place.state()
            if state not in self._states or (reports_success and state != self._after):
                found.append(("lost", "the operation reported success" if reports_success else "the state is unexpected"))
            world.retry()
            found += self._repeat(world)
        return found

    def kill(self, point: Point) -> list[tuple[str, str]] | None:
        """Try a point in a process that the fault kills. Return what did not hold; `None` if the operation has no such step."""
        self._place.restore()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                with self._world() as world:
                    self._operation.prepare(world)
                    world.faults.arm(point)
                    self._operation.work(world)
                status = 0
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0, f"{self._operation.name} fails without a fault"
            return None
        state, found = self._place.state(), []
        if state not in self._states:
            found.append(("lost", "the state is unexpected"))
        if state == self._after:
            return found
        with self._world() as world:
            with contextlib.suppress(*self._operation.errors):
                self._operation.prepare(world)
            return found + self._repeat(world)

    def _repeat(self, world: World) -> list[tuple[str, str]]:
        """Repeat the operation without faults. Return the reason if it does not succeed."""
        try:
            self._operation.work(world)
        except Exception as error:  # noqa: BLE001  # It is reported.
            return [("stuck", repr(error))]
        return [] if self._place.state() == self._after else [("stuck", "the repeated operation leaves another state")]


def _read_state(execute: Callable[[str], Any], query: str) -> State:
    """Return the columns and the rows of each table, without versions and random values. Times are only recent or not recent."""
    state = {}
    for (name,) in execute(query).fetchall():
        rows = execute(f"SELECT * FROM {name}")
        columns = tuple(column[0] for column in rows.description)
        state[name] = columns, sorted(repr(_without_times(dict(zip(columns, row, strict=True)))) for row in rows.fetchall())
    return state


def _without_times(row: dict[str, Any]) -> dict[str, Any]:
    values = {name: value for name, value in row.items() if name not in ("version", "writer", "code")}
    if "last_used" in values:
        values["last_used"] = values["last_used"] > LONG_AGO
        values["expired_since"] = values["expired_since"] is not None
    if "closes_at" in values:
        values["closes_at"] = values["closes_at"] > LONG_AGO
    return values
