"""Labs in a database: SQLite by default, PostgreSQL for several servers.

A lab is found by its token, which only its owner knows: the database holds the token's SHA-256.
"""

import contextlib
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import sqlalchemy as sql

from digitcore.config import load_config
from digitcore.errors import LabError, VersionConflictError
from digitcore.models.bundle import ModelBundle, ModelCard
from digitcore.storage import rows, schema
from digitcore.storage.snapshot import LabSnapshot, RunRecord

DAY = 86_400  # s
SQLITE_PRAGMAS = ("journal_mode = WAL", "foreign_keys = ON", "busy_timeout = 10000", "synchronous = NORMAL")
UNREACHABLE = "Saved labs cannot be reached now. What you do here works and is not saved; reload the page later."
URL_ERRORS = (sql.exc.ArgumentError, sql.exc.NoSuchModuleError, ModuleNotFoundError)
BAD_URL = "DIGITLAB_STORE names no database that can be used here: sqlite:/// or postgresql:// is needed. Nothing is saved."
DAMAGED = "This lab is damaged in the store and cannot be opened."


def new_token() -> str:
    """A new lab's token: 128 random bits."""
    return secrets.token_urlsafe(16)


def default_url() -> str:
    """SQLite in the cache folder."""
    return f"sqlite:///{load_config().cache_folder / 'labs.sqlite'}"


def with_driver(url: str) -> str:
    """The URL with the driver that we ship, for the short forms that hosts hand out."""
    for short in ("postgres://", "postgresql://"):
        if url.startswith(short):
            return "postgresql+psycopg://" + url.removeprefix(short)
    return url


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
                if engine.url.database:
                    Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
                sql.event.listen(engine, "connect", _set_up_sqlite)
            schema.upgrade(engine)
        except (sql.exc.SQLAlchemyError, OSError) as error:
            raise LabError(UNREACHABLE) from error

    @classmethod
    def from_url(cls, url: str) -> "LabStore":
        """The store of a URL, such as `sqlite:///labs.sqlite` or `postgresql://me@host/labs`.

        Raises:
            LabError: as above, or when the URL names no database.
        """
        try:
            return cls(sql.create_engine(with_driver(url)))
        except URL_ERRORS as error:
            raise LabError(BAD_URL) from error

    def load(self, token: str) -> tuple[LabSnapshot, int] | None:
        """A lab and its version, or None when there is none under this token.

        Raises:
            LabError: when the database cannot be reached, or the lab is damaged.
        """
        with _translate_errors(), _translate_damage(), self._engine.begin() as db:
            lab = _hash(token)
            row = db.execute(sql.select(schema.labs).where(schema.labs.c.id == lab)).one_or_none()
            if row is None:
                return None
            db.execute(sql.update(schema.labs).where(schema.labs.c.id == lab).values(last_used=time.time()))
            runs, uploads = (
                db.execute(sql.select(table).where(table.c.lab == lab).order_by(table.c.position)).all()
                for table in (schema.runs, schema.uploads)
            )
            keys = {run.model for run in runs} | {run.start for run in runs} | {upload.model for upload in uploads}
            files = rows.load_files(db, keys)
            snapshot = LabSnapshot(
                samples=rows.load_samples(db, lab),
                runs=tuple(
                    RunRecord.from_dict(json.loads(run.record), files[run.model], files[run.start], run.resume_state)
                    for run in runs
                ),
                uploads=tuple(ModelBundle(ModelCard.from_json(row.card), *files[row.model]) for row in uploads),
                preferences=json.loads(row.preferences),
                sweep=json.loads(row.sweep) if row.sweep else None,
            )
            return snapshot, row.version

    def save(self, token: str, snapshot: LabSnapshot, saved: LabSnapshot | None = None, version: int = 0) -> int:
        """Write what has changed, in one transaction.

        Args:
            token: of the lab.
            snapshot: as it is now.
            saved: as it was read or written last by this session; None for a new lab.
            version: what `load` or the last `save` gave; 0 for a new lab.

        Returns:
            The new version.

        Raises:
            VersionConflictError: when another session has changed the lab since.
            LabDeletedError: when it was deleted since.
            LabError: when the database cannot be reached.
        """
        saved, lab = saved or LabSnapshot(), _hash(token)
        with _translate_errors(), self._engine.begin() as db:
            rows.bump_version(db, lab, snapshot, version)
            rows.save_models(db, snapshot, saved)
            rows.save_samples(db, lab, snapshot.samples, saved.samples)
            rows.save_rows(db, schema.runs, lab, snapshot.runs, saved.runs, rows.run_row)
            rows.save_rows(db, schema.uploads, lab, snapshot.uploads, saved.uploads, rows.upload_row)
            if set(saved.bundles()) - set(snapshot.bundles()):
                rows.delete_unused_models(db)
        return version + 1

    def delete(self, token: str) -> None:
        """Delete a lab and all that only it has.

        Raises:
            LabError: when the database cannot be reached.
        """
        with _translate_errors(), self._engine.begin() as db:
            db.execute(sql.delete(schema.labs).where(schema.labs.c.id == _hash(token)))
            rows.delete_unused_models(db)

    def delete_expired(self, days: float) -> int:
        """Delete the labs that were not opened or changed for so many days; returns how many.

        Raises:
            LabError: when the database cannot be reached.
        """
        with _translate_errors(), self._engine.begin() as db:
            n = db.execute(sql.delete(schema.labs).where(schema.labs.c.last_used < time.time() - days * DAY)).rowcount
            if n:
                rows.delete_unused_models(db)
            return n

    def size(self, token: str) -> int:
        """Bytes that a lab takes in the database, its models counted in full.

        Raises:
            LabError: when the database cannot be reached.
        """
        lab, runs, uploads = _hash(token), schema.runs, schema.uploads
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
            raise LabError(UNREACHABLE) from error


@contextlib.contextmanager
def _translate_damage() -> Iterator[None]:
    """Turns what a damaged lab may raise into the library's error."""
    try:
        yield
    except (ValueError, KeyError, TypeError) as error:
        raise LabError(DAMAGED) from error


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _set_up_sqlite(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
