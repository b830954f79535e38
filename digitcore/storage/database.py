"""Storage of labs in a database: SQLite by default, PostgreSQL for several servers.

A lab is identified by its token, which only its owner knows. The database contains the SHA-256 of the token. A second token, the
view token, is derived from the first token. Other people can read the lab with the view token.
"""

import base64
import contextlib
import hashlib
import importlib
import json
import logging
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import sqlalchemy as sql

from digitcore.config import load_config
from digitcore.errors import DigitLabError, LabDeletedError, LabError, StoreUnreachableError
from digitcore.images import SIDE
from digitcore.models.bundle import ModelBundle
from digitcore.samples import MAX_TEXT, FirstPrediction, SampleSet
from digitcore.storage import schema
from digitcore.storage.changes import LabChanges, PartIds, Uncertain
from digitcore.storage.snapshot import LabSnapshot, ModelFiles, RunRecord, SampleVersion, read_card, upload_id, version_id

T = TypeVar("T")
logger = logging.getLogger(__name__)

TOKEN_BYTES = 16  # number of random bytes
DAY = 86_400  # s
GRACE_DAYS = 7  # days between marking and deleting an unused lab, so that a wrong clock does not delete labs
MAX_TRIES = 5  # of a transaction whose lab or models another server has written at the same time
LOG_INTERVAL = 60  # s between two lines in the log about a database that does not answer
LOCK_TIMEOUT = 2000  # ms, maximum waiting time for the writes of other connections
# Options of libpq. A connection to a server that does not answer is closed after some seconds. `tcp_user_timeout` is in ms, and
# all other times are in s.
CONNECTION_LIMITS = {
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
}
PART_TABLES = (schema.samples, schema.runs, schema.uploads, schema.versions)  # in the order of `PartIds`
ENGINE_OPTIONS = {"pool_pre_ping": True}  # A connection is tested before its use, because the database may have been restarted.
SQLITE_PRAGMAS = {"foreign_keys": "ON", "busy_timeout": LOCK_TIMEOUT, "synchronous": "FULL", "journal_mode": "WAL"}
POSTGRES_SETTINGS = {"lock_timeout": LOCK_TIMEOUT, "statement_timeout": 20_000}  # ms
# After such an error, a connection of SQLite may stay read-only for good, for example if too many files were open.
SQLITE_RECONNECT_AFTER = ("SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_CORRUPT", "SQLITE_NOTADB")
URL_ERRORS = (sql.exc.ArgumentError, sql.exc.NoSuchModuleError, ModuleNotFoundError, ValueError)
BAD_URL = (
    "Cannot use the database in DIGITLAB_STORE, so labs are not saved. "
    "Set the variable to a URL that starts with sqlite:/// or postgresql://."
)
DELETED = "This lab was deleted, or its link was renewed, in another window. Export it to keep your changes."


_logged_at: float | None = None  # s


def new_token() -> str:
    """Return a random token for a new lab.

    Returns:
        22 characters that are valid in a URL.

    Example:
        >>> len(new_token())
        22
    """
    return secrets.token_urlsafe(TOKEN_BYTES)


def view_token(token: str) -> str:
    """Return the view token of a lab, with which other people can read the lab.

    The token of the lab cannot be computed from its view token.

    Args:
        token: Token of the lab.

    Returns:
        22 characters that are valid in a URL.

    Example:
        >>> view_token("token of a lab")
        'MENlFaXUy7WuELGun2L1QQ'
    """
    digest = hashlib.sha256(f"view:{token}".encode()).digest()
    return base64.urlsafe_b64encode(digest[:TOKEN_BYTES]).decode().rstrip("=")


def token_hash(token: str) -> str:
    """Return the hash of a token. The database contains this hash instead of the token.

    Args:
        token: Token of a lab, or its view token.

    Returns:
        64 hexadecimal digits.

    Example:
        >>> token_hash("token of a lab")[:8]
        '5ff27a95'
    """
    return hashlib.sha256(token.encode()).hexdigest()


def default_url() -> str:
    """Return the URL of the SQLite database in the user's data folder, or in `DIGITLAB_CACHE`.

    Returns:
        The URL.

    Example:
        >>> default_url()
        'sqlite:///...labs.sqlite'
    """
    return f"sqlite:///{load_config().data_folder / 'labs.sqlite'}"


def with_driver(url: str) -> str:
    """Add the name of the PostgreSQL driver to a URL. Hosting services give URLs without a driver.

    Args:
        url: URL of a database.

    Returns:
        The URL with the driver. All other URLs are returned unchanged.

    Example:
        >>> with_driver("postgres://me@host/labs")
        'postgresql+psycopg://me@host/labs'
        >>> with_driver("sqlite:///labs.sqlite")
        'sqlite:///labs.sqlite'
    """
    for short in ("postgres://", "postgresql://"):
        if url.startswith(short):
            return "postgresql+psycopg://" + url.removeprefix(short)
    return url


class StoredLab(NamedTuple):
    """A lab that was read from the database.

    Attributes:
        snapshot: The readable parts of the lab.
        version: Number of writes of the lab.
        skipped: A message for each kind of damaged parts.
        damaged: Identifiers of the damaged parts.
        has_class: Whether the lab has a class or belongs to a class.

    Example:
        >>> StoredLab(LabSnapshot(), version=1, skipped=[]).version
        1
    """

    snapshot: LabSnapshot
    version: int
    skipped: list[str]
    damaged: PartIds = PartIds()
    has_class: bool = False


class StoredChanges(NamedTuple):
    """Changes of a lab by other sessions.

    Attributes:
        changes: The changes, without damaged parts.
        version: Number of writes of the lab.

    Example:
        >>> StoredChanges(LabChanges(), version=2).version
        2
    """

    changes: LabChanges
    version: int


class LabStore:
    """A database of labs. Several threads can share it.

    Args:
        engine: Engine of the database. The tables are created in an empty database.

    Raises:
        StoreUnreachableError: If the database does not answer.
        LabError: If the database has other tables.

    Example:
        >>> store = LabStore.from_url("sqlite://")
        >>> token = new_token()
        >>> store.save(token, LabSnapshot(preferences={"epochs": 3}))
        1
        >>> store.load(token).snapshot.preferences
        {'epochs': 3}
    """

    def __init__(self, engine: sql.Engine):
        self._engine = engine
        self._file = _file_of(engine)
        try:
            if self._file:
                _create_file(self._file)
            if engine.dialect.name == "sqlite":
                sql.event.listen(engine, "connect", _set_up_sqlite)
                sql.event.listen(engine, "handle_error", _reconnect_after_error)
            else:
                sql.event.listen(engine, "do_connect", _limit_connecting)
                sql.event.listen(engine, "connect", _set_up_postgres)
            schema.create_tables(engine)
        except (sql.exc.SQLAlchemyError, OSError) as error:
            _log_reason(error)
            raise StoreUnreachableError from error
        self._file_id, self._is_open = _identify(self._file), True

    @classmethod
    def from_url(cls, url: str) -> "LabStore":
        """Open the database of a URL.

        Args:
            url: URL such as `sqlite:///labs.sqlite` or `postgresql://me@host/labs`.

        Returns:
            The store.

        Raises:
            StoreUnreachableError: If the database does not answer.
            LabError: If the URL is not the URL of a supported database, or the database has other tables.
        """
        try:
            engine = sql.create_engine(with_driver(url), **ENGINE_OPTIONS)
        except URL_ERRORS as error:
            raise LabError(BAD_URL) from error
        return cls(engine)

    def reopen_if_deleted(self) -> bool:
        """Create the database again if its file was deleted or replaced while it was open.

        Open connections would go on writing into the deleted file. Only one thread may call this method.

        Returns:
            Whether the file was deleted or replaced. The labs that were in it are not in the database any more.

        Raises:
            StoreUnreachableError: If the file cannot be created.
            LabError: If another file with other tables has replaced it.

        Example:
            >>> LabStore.from_url("sqlite://").reopen_if_deleted()
            False
        """
        if self._file is None or (self._is_open and _identify(self._file) == self._file_id):
            return False
        self._is_open = False  # After a failure, the next call tries again. The new file may have the number of the deleted file.
        self._engine.dispose()
        with _translate_errors():
            _create_file(self._file)
            schema.create_tables(self._engine)
        self._file_id, self._is_open = _identify(self._file), True
        logger.warning(
            "The database %s was deleted or replaced. It was opened again, and open labs are written to it.", self._file
        )
        return True

    def load(self, token: str) -> StoredLab | None:
        """Read a lab. The time of its last use is not changed.

        Args:
            token: Token of the lab.

        Returns:
            The lab, or `None` if no lab has this token.

        Raises:
            StoreUnreachableError: If the database does not answer.
        """
        return self._load(schema.labs.c.id == token_hash(token))

    def load_view(self, view_token: str) -> StoredLab | None:
        """Read a lab by its view token.

        Args:
            view_token: View token of the lab.

        Returns:
            The lab, or `None` if no lab has this view token.

        Raises:
            StoreUnreachableError: If the database does not answer.
        """
        return self._load(schema.labs.c.view_id == token_hash(view_token))

    def _load(self, is_wanted: sql.ColumnElement[bool]) -> StoredLab | None:
        with _translate_errors(), self._read() as db:
            row = db.execute(sql.select(schema.labs, _HAS_CLASS).where(is_wanted)).one_or_none()
            if row is None:
                return None
            reader = LabReader(db, row.id)
            snapshot = LabSnapshot(
                reader.read_samples(),
                reader.read_runs(),
                reader.read_uploads(),
                _parse_object(row.preferences) or {},
                _parse_object(row.sweep),
                reader.read_versions(),
            )
            return StoredLab(snapshot, row.version, reader.skipped, reader.damaged, bool(row.has_class))

    def changes(self, token: str, version: int, known: PartIds, own_version: int = 0) -> StoredChanges | None:
        """Read what other sessions have changed in a lab.

        Args:
            token: Token of the lab.
            version: Version up to which this session knows the lab.
            known: The parts that this session knows.
            own_version: A later version that this session has written, or 0.

        Returns:
            The changes, or `None` if the lab has this version.

        Raises:
            LabDeletedError: If no lab has this token.
            StoreUnreachableError: If the database does not answer.
        """
        lab = token_hash(token)
        with _translate_errors(), self._read() as db:
            present = db.scalar(sql.select(schema.labs.c.version).where(schema.labs.c.id == lab))
            if present is None:
                raise LabDeletedError(DELETED)
            if present == version:
                return None
            reader = LabReader(db, lab, lambda column: sql.and_(column > version, column != own_version))
            parts = reader.read_samples(), reader.read_runs(), reader.read_uploads(), reader.read_versions()
            return StoredChanges(LabChanges(*parts, removed=known.difference(reader.read_ids())), present)

    @contextlib.contextmanager
    def _read(self) -> Iterator[sql.Connection]:
        """Connect to the database. All statements of the connection see the same state of the database."""
        with self._engine.connect() as db:
            if db.dialect.name == "sqlite":
                db.exec_driver_sql("BEGIN")
            else:
                db = db.execution_options(isolation_level="REPEATABLE READ")
            yield db

    def mark_used(self, token: str) -> None:
        """Store the current time as the time of the last use of a lab. If there is no such lab, nothing happens.

        Args:
            token: Token of the lab.

        Raises:
            StoreUnreachableError: If the database does not answer or is read-only.
        """
        with _translate_errors(), self._engine.begin() as db:
            used = sql.update(schema.labs).where(schema.labs.c.id == token_hash(token))
            db.execute(used.values(last_used=time.time(), expired_since=None))

    def save(
        self, token: str, snapshot: LabSnapshot, saved: LabSnapshot | None = None, uncertain: Uncertain | None = None
    ) -> int:
        """Write the changes of a session in one transaction. Changes that other sessions have written are kept.

        A part that another session has removed stays removed, even if this session has changed it. If two sessions change a
        setting or the label of a sample, the last write counts.

        Args:
            token: Token of the lab.
            snapshot: State of the lab in this session.
            saved: Last state that this session has read or written, and that `snapshot` is compared with. With `None`, the lab
                is new, and all parts are written.
            uncertain: Parts of which the session does not know whether the database has them as in `saved`. They are written, or
                removed if `snapshot` does not have them.

        Returns:
            The new version.

        Raises:
            LabDeletedError: If the lab was deleted since the session has read or written `saved`.
            StoreUnreachableError: If the database does not answer or is read-only.
        """
        lab = token_hash(token)
        writer = _LabWriter(lab, snapshot, saved, uncertain or Uncertain())

        def write(db: sql.Connection) -> int:
            version = _bump_version(db, lab, view_token(token), snapshot, saved)
            writer.write(db, version)
            return version

        return self.transact(write)

    def renew_token(self, token: str, new: str) -> None:
        """Give a lab another token. The former token, and the view token that follows from it, open nothing any more.

        The call can be repeated with the same tokens if its response was lost.

        Args:
            token: Token of the lab.
            new: The new token.

        Raises:
            LabDeletedError: If no lab has one of these tokens.
            StoreUnreachableError: If the database does not answer or is read-only.
        """
        labs, former, renewed = schema.labs, token_hash(token), token_hash(new)

        def work(db: sql.Connection) -> None:
            # This write also lets other writers of the lab wait until the end of this transaction.
            if not db.execute(sql.update(labs).where(labs.c.id == former).values(version=labs.c.version + 1)).rowcount:
                if db.scalar(sql.select(labs.c.id).where(labs.c.id == renewed)) is None:
                    raise LabDeletedError(DELETED)
                return  # The response to an earlier call was lost.
            columns = [column for column in labs.c if column.name not in ("id", "view_id")]
            new_row = sql.select(sql.literal(renewed), sql.literal(token_hash(view_token(new))), *columns)
            db.execute(sql.insert(labs).from_select([labs.c.id, labs.c.view_id, *columns], new_row.where(labs.c.id == former)))
            for column in schema.lab_columns():
                db.execute(sql.update(column.table).where(column == former).values({column: renewed}))
            db.execute(sql.delete(labs).where(labs.c.id == former))

        self.transact(work)

    def delete(self, token: str) -> None:
        """Delete a lab, and the models that no other lab uses. If there is no such lab, nothing happens.

        Args:
            token: Token of the lab.

        Raises:
            StoreUnreachableError: If the database does not answer or is read-only.
        """

        def work(db: sql.Connection) -> None:
            db.execute(sql.delete(schema.labs).where(schema.labs.c.id == token_hash(token)))
            delete_unused_models(db)

        self.transact(work)

    def delete_expired(self, days: float) -> int:
        """Mark the labs that were not used for some days, and delete the labs that were marked `GRACE_DAYS` ago.

        Args:
            days: Days without use after which a lab is marked, or 0 to keep every lab.

        Returns:
            The number of deleted labs.

        Raises:
            StoreUnreachableError: If the database does not answer or is read-only.
        """
        labs, now = schema.labs.c, time.time()
        is_expired = (labs.last_used < now - days * DAY) if days else sql.false()

        def work(db: sql.Connection) -> int:
            db.execute(sql.update(schema.labs).where(~is_expired).values(expired_since=None))
            n = db.execute(sql.delete(schema.labs).where(labs.expired_since < now - GRACE_DAYS * DAY)).rowcount
            db.execute(sql.update(schema.labs).where(is_expired, labs.expired_since.is_(None)).values(expired_since=now))
            if n:
                delete_unused_models(db)
            return n

        return self.transact(work)

    def transact(self, work: Callable[[sql.Connection], T]) -> T:
        """Run a transaction. Repeat it if another server has written the same lab or model at the same time.

        Args:
            work: Function of the connection. It may be called again, with a new transaction.

        Returns:
            The result of `work`.

        Raises:
            StoreUnreachableError: If the database does not answer or is read-only.
        """
        with _translate_errors():
            for _ in range(MAX_TRIES - 1):
                with contextlib.suppress(sql.exc.IntegrityError), self._engine.begin() as db:
                    return work(db)
            with self._engine.begin() as db:
                return work(db)

    def size(self, token: str) -> int:
        """Return the size of a lab in the database. Models that other labs also use are included.

        Args:
            token: Token of the lab.

        Returns:
            Size in bytes, or 0 if no lab has this token.

        Raises:
            StoreUnreachableError: If the database does not answer.
        """
        lab, runs, uploads = token_hash(token), schema.runs, schema.uploads
        keys = sql.union(
            *(sql.select(column).where(runs.c.lab == lab) for column in (runs.c.model, runs.c.start)),
            sql.select(uploads.c.model).where(uploads.c.lab == lab),
        )
        parts: list[tuple[list[Any], Any]] = [
            ([schema.samples.c.digit, schema.samples.c.strokes], schema.samples.c.lab == lab),
            ([schema.versions.c.samples], schema.versions.c.lab == lab),
            ([runs.c.record, sql.func.coalesce(runs.c.resume_state, b"")], runs.c.lab == lab),
            ([schema.models.c.keras, schema.models.c.tflite], schema.models.c.key.in_(keys)),
        ]
        with _translate_errors(), self._engine.begin() as db:
            return sum(
                int(db.scalar(sql.select(sql.func.coalesce(sql.func.sum(sql.func.length(column)), 0)).where(where)) or 0)
                for columns, where in parts
                for column in columns
            )


@contextlib.contextmanager
def _translate_errors() -> Iterator[None]:
    """Turn the errors of SQLAlchemy into errors of the library."""
    try:
        yield
    except (sql.exc.SQLAlchemyError, OSError) as error:
        _log_reason(error)
        raise StoreUnreachableError from error  # A write is tried again later.


def _log_reason(error: Exception) -> None:
    """Write to the log why the database cannot be used, at most once a minute."""
    global _logged_at
    now = time.monotonic()
    if _logged_at is None or now - _logged_at >= LOG_INTERVAL:
        _logged_at = now
        logger.warning("The database of labs cannot be used: %s", getattr(error, "orig", None) or error)


def _file_of(engine: sql.Engine) -> Path | None:
    """Return the file of a SQLite database; `None` for a database in memory, a URI, or another kind of database."""
    name = engine.url.database if engine.dialect.name == "sqlite" else None
    return Path(name) if name and name != ":memory:" and not name.startswith("file:") else None


def _identify(file: Path | None) -> tuple[int, int] | None:
    """Return the device and the inode of a file; `None` if there is no file."""
    with contextlib.suppress(OSError):
        if file:
            found = file.stat()
            return found.st_dev, found.st_ino
    return None


def _create_file(file: Path) -> None:
    """Create the file of a database that only its owner can read. SQLite gives the same mode to its other files."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _set_up_sqlite(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for name, value in SQLITE_PRAGMAS.items():
        with contextlib.suppress(sqlite3.OperationalError):  # The journal mode of a read-only database cannot be set.
            cursor.execute(f"PRAGMA {name} = {value}")
    cursor.close()


def _reconnect_after_error(context: sql.engine.ExceptionContext) -> None:
    """Let SQLAlchemy replace the connection after an error that may concern all later statements of the connection."""
    name = getattr(context.original_exception, "sqlite_errorname", "")
    if name.startswith(SQLITE_RECONNECT_AFTER) and context.connection is not None:
        # SQLAlchemy closes the connection only. SQLite keeps its files open and locked until statement and transaction end.
        with contextlib.suppress(sqlite3.Error, sql.exc.SQLAlchemyError):
            if context.execution_context is not None:
                context.execution_context.cursor.close()
            context.connection.connection.rollback()
        context.is_disconnect = True


def _limit_connecting(dialect: object, record: object, arguments: object, parameters: dict[str, Any]) -> None:
    for name, value in CONNECTION_LIMITS.items():
        parameters.setdefault(name, value)


def _set_up_postgres(connection: Any, _: object) -> None:
    with connection.cursor() as cursor:
        for name, value in POSTGRES_SETTINGS.items():
            cursor.execute(f"SET {name} = {value}")
    connection.commit()


def _bump_version(db: sql.Connection, lab: str, view: str, snapshot: LabSnapshot, saved: LabSnapshot | None) -> int:
    """Write the row of a lab, and return its new version. Other writers of the lab wait until the end of this transaction."""
    labs = schema.labs
    values: dict[str, Any] = {"last_used": time.time(), "expired_since": None}
    if saved is None or snapshot.preferences != saved.preferences:
        values["preferences"] = json.dumps(snapshot.preferences)
    if saved is None or snapshot.sweep != saved.sweep:
        values["sweep"] = json.dumps(snapshot.sweep) if snapshot.sweep else None
    bumped = sql.update(labs).where(labs.c.id == lab).values(**values, version=labs.c.version + 1).returning(labs.c.version)
    version = db.scalar(bumped)
    if version is not None:
        return int(version)
    if saved is not None:
        raise LabDeletedError(DELETED)
    db.execute(sql.insert(labs).values(**values, id=lab, version=1, view_id=token_hash(view)))
    return 1


class _LabWriter:
    """A writer of the changes of one session.

    Args:
        lab: Hash of the lab's token.
        snapshot, saved, uncertain: As in `LabStore.save`.
    """

    def __init__(self, lab: str, snapshot: LabSnapshot, saved: LabSnapshot | None, uncertain: Uncertain):
        before = saved or LabSnapshot()
        changes, present = LabChanges.between(before, snapshot), PartIds.of(snapshot)
        self._lab = lab
        self._changes = changes.then(LabChanges.between(LabSnapshot(), snapshot).only(uncertain.parts))
        self._removed = changes.removed.union(uncertain.parts).difference(present)
        self._updated = PartIds.of(before).difference(uncertain.removed)  # They stay removed if another session has removed them.

    def write(self, db: sql.Connection, version: int) -> None:
        """Write the rows of a version."""
        changes, removed = self._changes, self._removed
        self._save_models(db)
        found: tuple[list[dict[str, Any]], ...] = (
            _sample_rows(changes.samples),
            list(map(_run_row, changes.runs)),
            list(map(_upload_row, changes.uploads)),
            list(map(_version_row, changes.versions)),
        )
        for table, rows, updated, gone in zip(PART_TABLES, found, self._updated, removed, strict=True):
            rows = [{**row, "lab": self._lab, "version": version} for row in rows]
            rows = [{**row, "position": i} for i, row in enumerate(rows)] if "position" in table.c else rows
            _insert_rows(db, table, [row for row in rows if row["id"] not in updated])
            _update_rows(db, table, [row for row in rows if row["id"] in updated])
            if gone:
                is_gone = sql.and_(table.c.lab == self._lab, table.c.id == sql.bindparam("gone"))
                db.execute(sql.delete(table).where(is_gone), [{"gone": one} for one in sorted(gone)])
        if removed.runs or removed.uploads:
            delete_unused_models(db)

    def _save_models(self, db: sql.Connection) -> None:
        """Insert the files of the models of the changed runs and imported models, unless the database has them."""
        bundles = LabSnapshot(runs=self._changes.runs, uploads=self._changes.uploads).bundles()
        if not bundles:
            return
        keys = schema.models.c.key
        present = set(db.scalars(sql.select(keys).where(keys.in_(bundles))))
        insert_models(db, [bundle for key, bundle in bundles.items() if key not in present])


def _insert_rows(db: sql.Connection, table: sql.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows. A row with the same key is replaced."""
    if rows:
        insert = importlib.import_module(f"sqlalchemy.dialects.{db.dialect.name}").insert(table)
        keys = list(table.primary_key)
        others = {column.name: insert.excluded[column.name] for column in table.c if column not in keys}
        db.execute(insert.on_conflict_do_update(index_elements=keys, set_=others), rows)


def _update_rows(db: sql.Connection, table: sql.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Update rows of a lab. A row that does not exist any more is not created."""
    if rows:
        names = [column.name for column in table.c if not column.primary_key]
        is_row = sql.and_(table.c.lab == sql.bindparam("row_lab"), table.c.id == sql.bindparam("row_id"))
        updated = sql.update(table).where(is_row).values({name: sql.bindparam(f"new_{name}") for name in names})
        values = [{f"new_{name}": row[name] for name in names} | {"row_lab": row["lab"], "row_id": row["id"]} for row in rows]
        db.execute(updated, values)


def insert_models(db: sql.Connection, bundles: Sequence[ModelBundle]) -> None:
    """Insert the files of models. Files that are in the database are kept.

    Args:
        db: A connection with a transaction.
        bundles: The models.

    Example:
        >>> from digitcore import models
        >>> engine = sql.create_engine("sqlite://")
        >>> schema.create_tables(engine)
        >>> with engine.begin() as db:
        ...     insert_models(db, [models.load("mlp")])
    """
    if bundles:
        rows = [{"key": bundle.key, "keras": bundle.keras_bytes, "tflite": bundle.tflite_bytes} for bundle in bundles]
        dialect = importlib.import_module(f"sqlalchemy.dialects.{db.dialect.name}")
        db.execute(dialect.insert(schema.models).on_conflict_do_nothing(), rows)


def delete_unused_models(db: sql.Connection) -> None:
    """Delete the files of the models that no lab and no class uses.

    Args:
        db: A connection with a transaction.

    Example:
        >>> engine = sql.create_engine("sqlite://")
        >>> schema.create_tables(engine)
        >>> with engine.begin() as db:
        ...     delete_unused_models(db)
    """
    published = sql.select(schema.classes.c.model).where(schema.classes.c.model.is_not(None))
    used = sql.union(
        *map(sql.select, (schema.runs.c.model, schema.runs.c.start, schema.uploads.c.model)),
        published,
    )
    db.execute(sql.delete(schema.models).where(schema.models.c.key.not_in(used)))


def _sample_rows(samples: SampleSet) -> list[dict[str, Any]]:
    firsts = [prediction or (None, None, None) for prediction in samples.first_predictions]
    return [
        {
            "id": samples.ids[i],
            "digit": samples.digits[i].tobytes(),
            "label": int(samples.labels[i]),
            "held_out": bool(samples.held_out[i]),
            "strokes": samples.strokes[i],
            "date": samples.dates[i],
            "is_example": bool(samples.is_example[i]),
            **dict(zip(("first_model", "first_digit", "first_confidence"), firsts[i], strict=True)),
        }
        for i in range(len(samples))
    ]


def _run_row(record: RunRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "record": json.dumps(record.to_dict()),
        "model": record.model.key,
        "start": record.start.key,
        "resume_state": record.run.resume_state,
    }


def _upload_row(bundle: ModelBundle) -> dict[str, Any]:
    return {"id": upload_id(bundle), "card": bundle.card.to_json(), "model": bundle.key}


def _version_row(version: SampleVersion) -> dict[str, Any]:
    return {"id": version_id(version), "name": version.name, "date": version.date, "samples": version.samples.to_npz()}


def _parse_object(text: str | None) -> dict[str, Any] | None:
    """Parse a JSON object. Return `None` if the text is malformed or is not an object."""
    try:
        value = json.loads(text or "null")
    except (ValueError, TypeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _is_sound(sample: Any) -> bool:
    """Check the values of a sample's row, because SQLite stores values of any type in any column."""
    are_texts_sound = all(
        isinstance(text, str) and len(text) <= MAX_TEXT and text.isprintable() for text in (sample.strokes, sample.date)
    )
    is_digit_sound = isinstance(sample.digit, bytes | memoryview) and len(sample.digit) == SIDE * SIDE
    return (
        isinstance(sample.id, str)
        and are_texts_sound
        and is_digit_sound
        and isinstance(sample.label, int)
        and 0 <= sample.label <= 9
    )


_HAS_CLASS = sql.or_(schema.labs.c["class"].is_not(None), sql.exists().where(schema.classes.c.id == schema.labs.c.id)).label(
    "has_class"
)


class LabReader:
    """A reader of the parts of a lab. It skips damaged parts.

    Args:
        db: Connection to the database.
        lab: Hash of the lab's token.
        is_wanted: Condition for the version in which a part was written. By default, all parts are read.

    Attributes:
        skipped: A message for each kind of damaged parts.
        damaged: Identifiers of the damaged parts.

    Example:
        >>> engine = sql.create_engine("sqlite://")
        >>> schema.create_tables(engine)
        >>> with engine.begin() as db:
        ...     LabReader(db, token_hash("token of a lab")).read_samples()
        SampleSet(0 samples, 0 held out)
    """

    def __init__(
        self, db: sql.Connection, lab: str, is_wanted: Callable[[sql.Column[int]], sql.ColumnElement[bool]] = lambda _: sql.true()
    ):
        self._db, self._lab, self._is_wanted = db, lab, is_wanted
        self.skipped: list[str] = []
        self.damaged = PartIds()

    def read_samples(self) -> SampleSet:
        """Return the samples of the lab."""
        rows = self._select(schema.samples)
        sound = [row for row in rows if _is_sound(row)]
        if len(sound) < len(rows):
            self.skipped.append(f"Damaged drawings were skipped: {len(rows) - len(sound):,}.")
            self.damaged = self.damaged._replace(samples=frozenset(str(row.id) for row in rows) - {row.id for row in sound})
        if not sound:
            return SampleSet()
        return SampleSet.from_arrays(
            np.stack([np.frombuffer(row.digit, np.uint8).reshape(SIDE, SIDE) for row in sound]),
            np.array([row.label for row in sound]),
            np.array([row.held_out for row in sound], bool),
            [row.strokes for row in sound],
            [row.date for row in sound],
            np.array([row.is_example for row in sound], bool),
            [FirstPrediction.from_untrusted(row.first_model, row.first_digit, row.first_confidence) for row in sound],
            [row.id for row in sound],
        )

    def read_runs(self) -> tuple[RunRecord, ...]:
        """Return the runs of the lab, oldest first."""
        rows = self._select(schema.runs)
        files = self.files({row.model for row in rows} | {row.start for row in rows})

        def read(row: Any) -> RunRecord:
            return RunRecord.from_dict(json.loads(row.record), files[row.model], files[row.start], row.resume_state, row.id)

        found, damaged = self._read_each(rows, read, "Run")
        self.damaged = self.damaged._replace(runs=damaged)
        return found

    def read_uploads(self) -> tuple[ModelBundle, ...]:
        """Return the imported models of the lab, oldest first."""
        rows = self._select(schema.uploads)
        files = self.files({row.model for row in rows})
        found, damaged = self._read_each(
            rows, lambda row: ModelBundle(read_card(json.loads(row.card)), *files[row.model]), "Model"
        )
        self.damaged = self.damaged._replace(uploads=damaged)
        return found

    def read_ids(self) -> PartIds:
        """Return the identifiers of all parts of the lab."""
        return PartIds(*(frozenset(self._db.scalars(sql.select(one.c.id).where(one.c.lab == self._lab))) for one in PART_TABLES))

    def read_versions(self) -> tuple[SampleVersion, ...]:
        """Return the named versions of the samples, oldest first."""

        def read(row: Any) -> SampleVersion:
            return SampleVersion(str(row.name), str(row.date), SampleSet.from_npz(bytes(row.samples)))

        found, damaged = self._read_each(self._select(schema.versions), read, "Version")
        self.damaged = self.damaged._replace(versions=damaged)
        return found

    def _select(self, table: sql.Table) -> Sequence[Any]:
        order = (table.c.version, table.c.position) if "position" in table.c else (table.c.id,)
        is_wanted = sql.and_(table.c.lab == self._lab, self._is_wanted(table.c.version))
        return self._db.execute(sql.select(table).where(is_wanted).order_by(*order)).all()

    def files(self, keys: set[str]) -> dict[str, ModelFiles]:
        """Return the files of the models with these keys."""
        if not keys:
            return {}
        rows = self._db.execute(sql.select(schema.models).where(schema.models.c.key.in_(keys))).all()
        return {row.key: (bytes(row.keras), bytes(row.tflite)) for row in rows}

    def _read_each(self, rows: Sequence[Any], read: Callable[[Any], T], kind: str) -> tuple[tuple[T, ...], frozenset[str]]:
        """Return the parts that can be read, and the identifiers of the damaged parts."""
        found, damaged = [], set()
        for number, row in enumerate(rows, start=1):
            try:
                found.append(read(row))
            except (DigitLabError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
                self.skipped.append(f"{kind} {number} was skipped: it is damaged.")
                damaged.add(str(row.id))
        return tuple(found), frozenset(damaged)
