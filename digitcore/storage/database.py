"""Labs in a database: SQLite by default, PostgreSQL for several servers.

A lab is found by its token, which only its owner knows: the database holds the token's SHA-256. From the token follows a second
one, under which others may read the lab.
"""

import base64
import contextlib
import hashlib
import secrets
import sqlite3
import time
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import sqlalchemy as sql

from digitcore.config import load_config
from digitcore.errors import LabError, StoreUnreachableError, VersionConflictError
from digitcore.storage import rows, schema
from digitcore.storage.snapshot import LabSnapshot

TOKEN_BYTES = 16  # random
DAY = 86_400  # s
GRACE_DAYS = 7  # between the mark and the deletion of a lab that nobody uses: a clock that was wrong for a moment deletes nothing
LOCK_TIMEOUT = 2000  # ms to wait for other people's writes
# libpq's: a server that has gone silent, before and after it was reached, is given up in seconds; `tcp_user_timeout` in ms.
CONNECTION_LIMITS = {
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
}
ENGINE_OPTIONS = {"pool_pre_ping": True}  # a database that was restarted is noticed before a connection is used
SQLITE_PRAGMAS = ("foreign_keys = ON", f"busy_timeout = {LOCK_TIMEOUT}", "synchronous = NORMAL", "journal_mode = WAL")
POSTGRES_SETTINGS = {"lock_timeout": LOCK_TIMEOUT, "statement_timeout": 20_000}  # ms
UNREACHABLE = "Saved labs cannot be reached now. What you do here is kept in this window, and saved as soon as they can."
URL_ERRORS = (sql.exc.ArgumentError, sql.exc.NoSuchModuleError, ModuleNotFoundError)
BAD_URL = "DIGITLAB_STORE names no database that can be used here: sqlite:/// or postgresql:// is needed. Nothing is saved."


def new_token() -> str:
    """A new lab's token."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def view_token(token: str) -> str:
    """The token under which others may read a lab; the lab's own token cannot be found from it."""
    digest = hashlib.sha256(f"view:{token}".encode()).digest()
    return base64.urlsafe_b64encode(digest[:TOKEN_BYTES]).decode().rstrip("=")


def default_url() -> str:
    """SQLite in the cache folder."""
    return f"sqlite:///{load_config().cache_folder / 'labs.sqlite'}"


def with_driver(url: str) -> str:
    """The URL with the driver that we ship, for the short forms that hosts hand out."""
    for short in ("postgres://", "postgresql://"):
        if url.startswith(short):
            return "postgresql+psycopg://" + url.removeprefix(short)
    return url


class StoredLab(NamedTuple):
    """A lab of the store.

    Attributes:
        snapshot: what could be read of it.
        version: counts its changes.
        skipped: a sentence for each part that is damaged.
    """

    snapshot: LabSnapshot
    version: int
    skipped: list[str]


class LabStore:
    """Reads and writes labs. Safe to share between threads.

    Args:
        engine: of the database; its schema is made or brought up to date.

    Raises:
        LabError: when the database cannot be reached, or was written by another version.
    """

    def __init__(self, engine: sql.Engine):
        self._engine = engine
        try:
            if engine.dialect.name == "sqlite":
                if engine.url.database and not engine.url.database.startswith("file:"):
                    Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
                sql.event.listen(engine, "connect", _set_up_sqlite)
            else:
                sql.event.listen(engine, "do_connect", _limit_connecting)
                sql.event.listen(engine, "connect", _set_up_postgres)
            schema.upgrade(engine)
        except (sql.exc.SQLAlchemyError, OSError) as error:
            raise StoreUnreachableError(UNREACHABLE) from error

    @classmethod
    def from_url(cls, url: str) -> "LabStore":
        """The store of a URL, such as `sqlite:///labs.sqlite` or `postgresql://me@host/labs`.

        Raises:
            LabError: as above, or when the URL names no database.
        """
        try:
            return cls(sql.create_engine(with_driver(url), **ENGINE_OPTIONS))
        except URL_ERRORS as error:
            raise LabError(BAD_URL) from error

    def load(self, token: str) -> StoredLab | None:
        """A lab, or None when there is none under this token. Only reads; see `mark_used`.

        Raises:
            StoreUnreachableError: when the database cannot be reached.
        """
        return self._load(schema.labs.c.id == token_hash(token))

    def load_view(self, view_token: str) -> StoredLab | None:
        """The lab that may be read under this token, see `view_token`; None when there is none.

        Raises:
            StoreUnreachableError: when the database cannot be reached.
        """
        return self._load(schema.labs.c.view_id == token_hash(view_token))

    def _load(self, is_wanted: sql.ColumnElement[bool]) -> StoredLab | None:
        with _translate_errors(), self._engine.connect() as db:
            row = db.execute(sql.select(schema.labs).where(is_wanted)).one_or_none()
            if row is None:
                return None
            reader = rows.LabReader(db, row.id)
            snapshot = LabSnapshot(
                reader.samples(),
                reader.runs(),
                reader.uploads(),
                rows.parse_object(row.preferences) or {},
                rows.parse_object(row.sweep),
            )
            return StoredLab(snapshot, row.version, reader.skipped)

    def mark_used(self, token: str) -> None:
        """Note that a lab was opened now.

        Raises:
            StoreUnreachableError: when the database cannot be reached, or only read.
        """
        with _translate_errors(), self._engine.begin() as db:
            used = sql.update(schema.labs).where(schema.labs.c.id == token_hash(token))
            view_id = token_hash(view_token(token))  # a lab of an older version has none
            db.execute(used.values(last_used=time.time(), expired_since=None, view_id=view_id))

    def save(
        self, token: str, snapshot: LabSnapshot, saved: LabSnapshot | None = None, version: int = 0, writer: str = ""
    ) -> int:
        """Write what has changed, in one transaction.

        Args:
            token: of the lab.
            snapshot: as it is now.
            saved: as it was read or written last by this session; None for a new lab, or to write all of it anew.
            version: what `load` or the last `save` gave; 0 for a new lab.
            writer: names this session, so that it knows again a write that reached the database without an answer.

        Returns:
            The new version.

        Raises:
            VersionConflictError: when another session has changed the lab since.
            LabDeletedError: when it was deleted since.
            StoreUnreachableError: when the database cannot be reached.
        """
        lab = token_hash(token)
        with _translate_errors(), self._engine.begin() as db:
            present = rows.bump_version(db, lab, token_hash(view_token(token)), snapshot, version, writer)
            if present and (saved is None or present != version):
                rows.delete_rows(db, lab)
                saved = None
            saved = saved or LabSnapshot()
            rows.save_models(db, snapshot, saved)
            rows.save_samples(db, lab, snapshot.samples, saved.samples)
            rows.save_rows(db, schema.runs, lab, snapshot.runs, saved.runs, rows.run_row)
            rows.save_rows(db, schema.uploads, lab, snapshot.uploads, saved.uploads, rows.upload_row)
            if set(saved.bundles()) - set(snapshot.bundles()):
                rows.delete_unused_models(db)
        return present + 1

    def delete(self, token: str) -> None:
        """Delete a lab and all that only it has.

        Raises:
            StoreUnreachableError: when the database cannot be reached.
        """
        with _translate_errors(), self._engine.begin() as db:
            db.execute(sql.delete(schema.labs).where(schema.labs.c.id == token_hash(token)))
            rows.delete_unused_models(db)

    def delete_expired(self, days: float) -> int:
        """Mark the labs that were not opened or changed for so many days, and delete those marked `GRACE_DAYS` ago.

        Args:
            days: 0 keeps every lab for ever.

        Returns:
            The number of labs that were deleted.

        Raises:
            StoreUnreachableError: when the database cannot be reached.
        """
        labs, now = schema.labs.c, time.time()
        is_expired = (labs.last_used < now - days * DAY) if days else sql.false()
        with _translate_errors(), self._engine.begin() as db:
            db.execute(sql.update(schema.labs).where(~is_expired).values(expired_since=None))
            n = db.execute(sql.delete(schema.labs).where(labs.expired_since < now - GRACE_DAYS * DAY)).rowcount
            db.execute(sql.update(schema.labs).where(is_expired, labs.expired_since.is_(None)).values(expired_since=now))
            if n:
                rows.delete_unused_models(db)
            return n

    def size(self, token: str) -> int:
        """Bytes that a lab takes in the database, its models counted in full.

        Raises:
            StoreUnreachableError: when the database cannot be reached.
        """
        lab, runs, uploads = token_hash(token), schema.runs, schema.uploads
        keys = sql.union(
            *(sql.select(column).where(runs.c.lab == lab) for column in (runs.c.model, runs.c.start)),
            sql.select(uploads.c.model).where(uploads.c.lab == lab),
        )
        parts: list[tuple[list[Any], Any]] = [
            ([schema.samples.c.digit, schema.samples.c.strokes], schema.samples.c.lab == lab),
            ([runs.c.record, sql.func.coalesce(runs.c.resume_state, b"")], runs.c.lab == lab),
            ([schema.models.c.keras, schema.models.c.tflite], schema.models.c.key.in_(keys)),
        ]
        with _translate_errors(), self._engine.begin() as db:
            return sum(
                int(db.scalar(sql.select(sql.func.coalesce(sql.func.sum(sql.func.length(column)), 0)).where(where)) or 0)
                for columns, where in parts
                for column in columns
            )


class _translate_errors(contextlib.AbstractContextManager[None]):
    """Turns what a database may raise into the library's errors."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, sql.exc.IntegrityError):
            raise VersionConflictError(rows.CONFLICT) from error
        if isinstance(error, sql.exc.SQLAlchemyError):
            raise StoreUnreachableError(UNREACHABLE) from error


def token_hash(token: str) -> str:
    """What the database holds in the place of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _set_up_sqlite(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        with contextlib.suppress(sqlite3.OperationalError):  # a database that can only be read keeps its journal mode
            cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _limit_connecting(dialect: object, record: object, arguments: object, parameters: dict[str, Any]) -> None:
    for name, value in CONNECTION_LIMITS.items():
        parameters.setdefault(name, value)


def _set_up_postgres(connection: Any, _: object) -> None:
    with connection.cursor() as cursor:
        for name, value in POSTGRES_SETTINGS.items():
            cursor.execute(f"SET {name} = {value}")
    connection.commit()
