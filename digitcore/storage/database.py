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
from digitcore.errors import DigitLabError, LabDeletedError, LabError, StoreUnreachableError, VersionConflictError
from digitcore.images import SIDE
from digitcore.models.bundle import ModelBundle
from digitcore.samples import MAX_TEXT, FirstPrediction, SampleSet
from digitcore.storage import schema
from digitcore.storage.snapshot import LabSnapshot, ModelFiles, RunRecord, SampleVersion, common_prefix_length, read_card

T = TypeVar("T")
logger = logging.getLogger(__name__)

TOKEN_BYTES = 16  # number of random bytes
DAY = 86_400  # s
GRACE_DAYS = 7  # days between marking and deleting an unused lab, so that a wrong clock does not delete labs
MAX_TRIES = 5  # of a transaction whose models another server has deleted or used at the same time
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
DELETED = "This lab was deleted in another window. Export it to keep your changes."
CONFLICT = "This lab is open in two places. This window now edits a copy."


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
        skipped: A message for each damaged part.

    Example:
        >>> StoredLab(LabSnapshot(), version=1, skipped=[]).version
        1
    """

    snapshot: LabSnapshot
    version: int
    skipped: list[str]


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
        self._file_id = _identify(self._file)

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
        if self._file is None or _identify(self._file) == self._file_id:
            return False
        self._engine.dispose()
        with _translate_errors():
            _create_file(self._file)
            schema.create_tables(self._engine)
        self._file_id = _identify(self._file)
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
        with _translate_errors(), self._engine.connect() as db:
            row = db.execute(sql.select(schema.labs).where(is_wanted)).one_or_none()
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
            return StoredLab(snapshot, row.version, reader.skipped)

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
        self, token: str, snapshot: LabSnapshot, saved: LabSnapshot | None = None, version: int = 0, writer: str = ""
    ) -> int:
        """Write the changes of a lab in one transaction.

        Args:
            token: Token of the lab.
            snapshot: Current state of the lab.
            saved: Last state that this session has read or written. With `None`, all parts are written.
            version: Version from `load` or from the last `save`, or 0 for a new lab.
            writer: Name of the session, at most 32 characters. The session recognizes its write by this name if the response of
                the database was lost.

        Returns:
            The new version.

        Raises:
            VersionConflictError: If another session has changed the lab since `version`.
            LabDeletedError: If another session has deleted the lab since `version`.
            StoreUnreachableError: If the database does not answer or is read-only.
        """
        lab = token_hash(token)

        def write(db: sql.Connection) -> int:
            present = _bump_version(db, lab, token_hash(view_token(token)), snapshot, version, writer)
            known = saved or LabSnapshot()
            if present and (saved is None or present != version):
                _delete_parts(db, lab)
                known = LabSnapshot()
            _save_models(db, snapshot, known)
            _save_samples(db, lab, snapshot.samples, known.samples)
            _save_items(db, schema.runs, lab, snapshot.runs, known.runs, _run_row)
            _save_items(db, schema.uploads, lab, snapshot.uploads, known.uploads, _upload_row)
            _save_items(db, schema.versions, lab, snapshot.versions, known.versions, _version_row)
            if set(known.bundles()) - set(snapshot.bundles()):
                delete_unused_models(db)
            return present + 1

        return self.transact(write)

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
        """Run a transaction. Repeat it if another server has deleted or used a model of the transaction at the same time.

        Args:
            work: Function of the connection. It may be called again, with a new transaction.

        Returns:
            The result of `work`.

        Raises:
            StoreUnreachableError: If the database does not answer or is read-only.
        """
        with _translate_errors():
            for _ in range(MAX_TRIES - 1):
                try:
                    with self._engine.begin() as db:
                        return work(db)
                except sql.exc.IntegrityError as error:
                    if not _is_foreign_key_error(error):
                        raise
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
    except sql.exc.IntegrityError as error:
        if _is_foreign_key_error(error):
            raise StoreUnreachableError from error  # The write is tried again later.
        raise VersionConflictError(CONFLICT) from error
    except (sql.exc.SQLAlchemyError, OSError) as error:
        _log_reason(error)
        raise StoreUnreachableError from error


def _is_foreign_key_error(error: sql.exc.IntegrityError) -> bool:
    """Return whether a row refers to a missing row, or a row that is deleted is in use."""
    names = getattr(error.orig, "sqlite_errorname", ""), getattr(error.orig, "sqlstate", "")
    return names[0] == "SQLITE_CONSTRAINT_FOREIGNKEY" or names[1] == "23503"


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


def _bump_version(db: sql.Connection, lab: str, view_id: str, snapshot: LabSnapshot, version: int, writer: str) -> int:
    """Write the row of a lab, and return its previous version.

    The result differs from `version` if the response to the writer's last write was lost.
    """
    labs = schema.labs
    present = db.execute(sql.select(labs.c.version, labs.c.writer).where(labs.c.id == lab)).one_or_none()
    if present is None and version:
        raise LabDeletedError(DELETED)
    if present is not None and present.version != version and writer and present.writer == writer:
        version = present.version
    values: dict[str, Any] = {
        "version": version + 1,
        "writer": writer,
        "last_used": time.time(),
        "expired_since": None,
        "view_id": view_id,
        "preferences": json.dumps(snapshot.preferences),
        "sweep": json.dumps(snapshot.sweep) if snapshot.sweep else None,
    }
    if version == 0:
        db.execute(sql.insert(labs).values(id=lab, **values))
    elif not db.execute(sql.update(labs).where(labs.c.id == lab, labs.c.version == version).values(**values)).rowcount:
        raise VersionConflictError(CONFLICT)
    return version


def _save_models(db: sql.Connection, snapshot: LabSnapshot, saved: LabSnapshot) -> None:
    """Insert the files of the models that are not in `saved`."""
    known = saved.bundles()
    insert_models(db, [bundle for key, bundle in snapshot.bundles().items() if key not in known])


def insert_models(db: sql.Connection, bundles: Sequence[ModelBundle]) -> None:
    """Insert the files of models. Files that are in the database are kept.

    Args:
        db: A connection with a transaction.
        bundles: The models.
    """
    if bundles:
        rows = [{"key": bundle.key, "keras": bundle.keras_bytes, "tflite": bundle.tflite_bytes} for bundle in bundles]
        dialect = importlib.import_module(f"sqlalchemy.dialects.{db.dialect.name}")
        db.execute(dialect.insert(schema.models).on_conflict_do_nothing(), rows)


def delete_unused_models(db: sql.Connection) -> None:
    """Delete the files of the models that no lab and no class uses.

    Args:
        db: A connection with a transaction.
    """
    published = sql.select(schema.classes.c.model).where(schema.classes.c.model.is_not(None))
    used = sql.union(
        *map(sql.select, (schema.runs.c.model, schema.runs.c.start, schema.uploads.c.model)),
        published,
    )
    db.execute(sql.delete(schema.models).where(schema.models.c.key.not_in(used)))


def _save_samples(db: sql.Connection, lab: str, now: SampleSet, saved: SampleSet) -> None:
    """Replace the rows of the samples, starting at the first different sample."""
    if now is saved:
        return
    rows, saved_rows = _sample_rows(now), _sample_rows(saved)
    first = next((i for i, (row, old) in enumerate(zip(rows, saved_rows, strict=False)) if row != old), None)
    first = min(len(rows), len(saved_rows)) if first is None else first
    _replace_rows(db, schema.samples, lab, rows[first:], first, len(saved_rows))


def _save_items(
    db: sql.Connection,
    table: sql.Table,
    lab: str,
    now: Sequence[T],
    saved: Sequence[T],
    to_row: Callable[[T], Mapping[str, Any]],
) -> None:
    """Replace the rows of runs, uploads or versions, starting at the first different item. Items are compared by identity."""
    first = common_prefix_length(now, saved)
    _replace_rows(db, table, lab, [to_row(item) for item in now[first:]], first, len(saved))


def _replace_rows(
    db: sql.Connection, table: sql.Table, lab: str, rows: Sequence[Mapping[str, Any]], first: int, n_saved: int
) -> None:
    """Replace the rows of a lab, starting at position `first`. The table contains `n_saved` rows of the lab."""
    if n_saved > first:
        db.execute(sql.delete(table).where(table.c.lab == lab, table.c.position >= first))
    if rows:
        db.execute(sql.insert(table), [{**row, "lab": lab, "position": position} for position, row in enumerate(rows, first)])


def _delete_parts(db: sql.Connection, lab: str) -> None:
    """Delete the samples, runs, uploads and versions of a lab. Its row is kept."""
    for table in (schema.samples, schema.runs, schema.uploads, schema.versions):
        db.execute(sql.delete(table).where(table.c.lab == lab))


def _sample_rows(samples: SampleSet) -> list[dict[str, Any]]:
    firsts = [prediction or (None, None, None) for prediction in samples.first_predictions]
    return [
        {
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
        "record": json.dumps(record.to_dict()),
        "model": record.model.key,
        "start": record.start.key,
        "resume_state": record.run.resume_state,
    }


def _upload_row(bundle: ModelBundle) -> dict[str, Any]:
    return {"card": bundle.card.to_json(), "model": bundle.key}


def _version_row(version: SampleVersion) -> dict[str, Any]:
    return {"name": version.name, "date": version.date, "samples": version.samples.to_npz()}


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
    return are_texts_sound and is_digit_sound and isinstance(sample.label, int) and 0 <= sample.label <= 9


class LabReader:
    """A reader of the parts of a lab. It skips damaged parts.

    Args:
        db: A connection.
        lab: Hash of the lab's token.

    Attributes:
        skipped: A message for each damaged part.
    """

    def __init__(self, db: sql.Connection, lab: str):
        self._db, self._lab = db, lab
        self.skipped: list[str] = []

    def read_samples(self) -> SampleSet:
        """Return the samples of the lab."""
        rows = self._select(schema.samples)
        sound = [row for row in rows if _is_sound(row)]
        if len(sound) < len(rows):
            self.skipped.append(f"Damaged drawings were skipped: {len(rows) - len(sound):,}.")
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
        )

    def read_runs(self) -> tuple[RunRecord, ...]:
        """Return the runs of the lab, oldest first."""
        rows = self._select(schema.runs)
        files = self.files({row.model for row in rows} | {row.start for row in rows})

        def read(row: Any) -> RunRecord:
            return RunRecord.from_dict(json.loads(row.record), files[row.model], files[row.start], row.resume_state)

        return self._read_each(rows, read, "Run")

    def read_uploads(self) -> tuple[ModelBundle, ...]:
        """Return the imported models of the lab, oldest first."""
        rows = self._select(schema.uploads)
        files = self.files({row.model for row in rows})
        return self._read_each(rows, lambda row: ModelBundle(read_card(json.loads(row.card)), *files[row.model]), "Model")

    def read_versions(self) -> tuple[SampleVersion, ...]:
        def read(row: Any) -> SampleVersion:
            return SampleVersion(str(row.name), str(row.date), SampleSet.from_npz(bytes(row.samples)))

        return self._read_each(self._select(schema.versions), read, "Version")

    def _select(self, table: sql.Table) -> Sequence[Any]:
        return self._db.execute(sql.select(table).where(table.c.lab == self._lab).order_by(table.c.position)).all()

    def files(self, keys: set[str]) -> dict[str, ModelFiles]:
        """Return the files of the models with these keys."""
        if not keys:
            return {}
        rows = self._db.execute(sql.select(schema.models).where(schema.models.c.key.in_(keys))).all()
        return {row.key: (bytes(row.keras), bytes(row.tflite)) for row in rows}

    def _read_each(self, rows: Sequence[Any], read: Callable[[Any], T], kind: str) -> tuple[T, ...]:
        found = []
        for number, row in enumerate(rows, start=1):
            try:
                found.append(read(row))
            except (DigitLabError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
                self.skipped.append(f"{kind} {number} was skipped: it is damaged.")
        return tuple(found)
