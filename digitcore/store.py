"""Labs in a database, so that nothing is lost: SQLite by default, PostgreSQL for several servers.

The schema stands in `digitcore/migrations`; an older database is brought up to date, a newer one is refused.
A lab is found by its token, which only its owner knows: the database holds the token's SHA-256.
"""

import contextlib
import hashlib
import importlib
import json
import secrets
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sql

from digitcore import mnist
from digitcore.errors import LabError
from digitcore.images import SIDE
from digitcore.labs import LabRecord, Trained, common
from digitcore.models import ModelBundle, ModelCard
from digitcore.samples import SampleSet

ENVIRONMENT, OFF = "DIGITLAB_STORE", "off"
DAYS = 90  # a lab that nobody opened for so long is swept away
DAY = 86_400  # s
OUT_OF_REACH = "Saved labs cannot be reached now. What you do here works and is not saved; reload the page later."
BAD_URL = (sql.exc.ArgumentError, sql.exc.NoSuchModuleError, ModuleNotFoundError)
UNNAMED = f"{ENVIRONMENT} names no database that can be used here: sqlite:/// or postgresql:// is needed. Nothing is saved."
NEWER = f"The store was written by a newer Digit Lab. Update this one, or name another store in {ENVIRONMENT}."
FORGOTTEN = "This lab was forgotten in another window. What you see here is not saved; take it along in a file if you want it."
ELSEWHERE = "This lab was changed in another window. This window goes on as a lab of its own, under a new address."

_meta = sql.MetaData()
_labs = sql.Table(
    "labs",
    _meta,
    sql.Column("id", sql.String(64), primary_key=True),
    sql.Column("version", sql.Integer, nullable=False),
    sql.Column("used", sql.Float, nullable=False, index=True),  # s since 1970
    sql.Column("choices", sql.Text, nullable=False),
)
_models = sql.Table(
    "models",
    _meta,
    sql.Column("key", sql.String(64), primary_key=True),
    sql.Column("keras", sql.LargeBinary, nullable=False),
    sql.Column("tflite", sql.LargeBinary, nullable=False),
)


def _of_lab(name, *columns):
    """A table of things that a lab has in an order."""
    lab: sql.Column = sql.Column("lab", sql.ForeignKey("labs.id", ondelete="CASCADE"), primary_key=True)
    return sql.Table(name, _meta, lab, sql.Column("place", sql.Integer, primary_key=True), *columns)


def _model(name):
    return sql.Column(name, sql.ForeignKey("models.key"), nullable=False, index=True)


_samples = _of_lab(
    "samples",
    sql.Column("digit", sql.LargeBinary, nullable=False),
    sql.Column("label", sql.SmallInteger, nullable=False),
    sql.Column("held_out", sql.Boolean, nullable=False),
    sql.Column("strokes", sql.Text, nullable=False),
    sql.Column("date", sql.Text, nullable=False),
)
_runs = _of_lab(
    "runs",
    sql.Column("about", sql.Text, nullable=False),
    _model("model"),
    _model("start"),
    sql.Column("state", sql.LargeBinary),
)
_uploads = _of_lab("uploads", sql.Column("card", sql.Text, nullable=False), _model("model"))


class Gone(LabError):
    """The lab was deleted since it was read."""


class Conflict(LabError):
    """The lab was changed by another session since it was read."""


def token() -> str:
    """A new lab's address: 128 random bits that nobody can guess."""
    return secrets.token_urlsafe(16)


def default_url() -> str:
    """SQLite in the cache folder."""
    return f"sqlite:///{mnist.cache_folder() / 'labs.sqlite'}"


def normal_url(url: str) -> str:
    """The URL with the driver that we ship, for the short forms that hosts hand out."""
    for short in ("postgres://", "postgresql://"):
        if url.startswith(short):
            return "postgresql+psycopg://" + url.removeprefix(short)
    return url


class Store:
    """Reads and writes labs. Safe to share between threads.

    Args:
        engine: of the database; its schema is made or brought up to date.

    Raises:
        LabError: when the database cannot be reached, or was written by a newer version.
    """

    def __init__(self, engine: sql.Engine):
        self._engine = engine
        try:
            if engine.dialect.name == "sqlite":
                if engine.url.database:
                    Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
                sql.event.listen(engine, "connect", _set_up_sqlite)
            _upgrade(engine)
        except (sql.exc.SQLAlchemyError, OSError) as error:
            raise LabError(OUT_OF_REACH) from error

    @classmethod
    def at(cls, url: str) -> "Store":
        """The store of a URL, such as `sqlite:///labs.sqlite` or `postgresql://me@host/labs`.

        Raises:
            LabError: as above.
        """
        try:
            return cls(sql.create_engine(normal_url(url)))
        except BAD_URL as error:
            raise LabError(UNNAMED) from error

    def load(self, token: str) -> tuple[LabRecord, int] | None:
        """A lab and its version, or None when there is none under this token.

        Raises:
            LabError: when the database cannot be reached, or the lab is damaged.
        """
        with _in_words(), _undamaged(), self._engine.begin() as db:
            lab = _id(token)
            row = db.execute(sql.select(_labs).where(_labs.c.id == lab)).one_or_none()
            if row is None:
                return None
            db.execute(sql.update(_labs).where(_labs.c.id == lab).values(used=time.time()))
            runs, uploads = (db.execute(sql.select(t).where(t.c.lab == lab).order_by(t.c.place)).all() for t in (_runs, _uploads))
            files = _files(db, {run.model for run in runs} | {run.start for run in runs} | {one.model for one in uploads})
            record = LabRecord(
                samples=_read_samples(db, lab),
                runs=tuple(Trained.from_about(json.loads(r.about), files[r.model], files[r.start], r.state) for r in runs),
                uploads=tuple(ModelBundle(ModelCard.from_json(one.card), *files[one.model]) for one in uploads),
                choices=json.loads(row.choices),
            )
            return record, row.version

    def save(self, token: str, record: LabRecord, before: LabRecord | None = None, version: int = 0) -> int:
        """Write what has changed, in one transaction.

        Args:
            token: of the lab.
            record: as it is now.
            before: as it was read or written last by this session; None for a new lab.
            version: what `load` or the last `save` gave; 0 for a new lab.

        Returns:
            The new version.

        Raises:
            Conflict: when another session has changed the lab since.
            Gone: when it was deleted since.
            LabError: when the database cannot be reached.
        """
        before, lab = before or LabRecord(), _id(token)
        with _in_words(), self._engine.begin() as db:
            self._claim(db, lab, record, version)
            _write_models(db, record, before)
            _write_samples(db, lab, record.samples, before.samples)
            _write_rows(db, _runs, lab, record.runs, before.runs, _run_row)
            _write_rows(db, _uploads, lab, record.uploads, before.uploads, _upload_row)
            if set(before.bundles()) - set(record.bundles()):
                _drop_unused_models(db)
        return version + 1

    def _claim(self, db, lab, record, version):
        values: dict[str, Any] = {"version": version + 1, "used": time.time(), "choices": json.dumps(record.choices)}
        if version == 0:
            db.execute(sql.insert(_labs).values(id=lab, **values))
        elif not db.execute(sql.update(_labs).where(_labs.c.id == lab, _labs.c.version == version).values(**values)).rowcount:
            there = db.execute(sql.select(_labs.c.version).where(_labs.c.id == lab)).one_or_none()
            raise Conflict(ELSEWHERE) if there else Gone(FORGOTTEN)

    def forget(self, token: str) -> None:
        """Delete a lab and all that only it has.

        Raises:
            LabError: when the database cannot be reached.
        """
        with _in_words(), self._engine.begin() as db:
            db.execute(sql.delete(_labs).where(_labs.c.id == _id(token)))
            _drop_unused_models(db)

    def sweep(self, days: float = DAYS) -> int:
        """Delete the labs that were not opened or changed for so many days; returns how many.

        Raises:
            LabError: when the database cannot be reached.
        """
        with _in_words(), self._engine.begin() as db:
            count = db.execute(sql.delete(_labs).where(_labs.c.used < time.time() - days * DAY)).rowcount
            if count:
                _drop_unused_models(db)
            return count

    def size(self, token: str) -> int:
        """Bytes that a lab takes in the database, its models counted in full.

        Raises:
            LabError: when the database cannot be reached.
        """
        lab = _id(token)
        keys = sql.union(
            *(sql.select(c).where(t.c.lab == lab) for t, c in [(_runs, _runs.c.model), (_runs, _runs.c.start)]),
            sql.select(_uploads.c.model).where(_uploads.c.lab == lab),
        )
        parts = [
            (_samples, [_samples.c.digit, _samples.c.strokes], _samples.c.lab == lab),
            (_runs, [_runs.c.about, sql.func.coalesce(_runs.c.state, b"")], _runs.c.lab == lab),
            (_models, [_models.c.keras, _models.c.tflite], _models.c.key.in_(keys)),
        ]
        with _in_words(), self._engine.begin() as db:
            return sum(
                int(db.scalar(sql.select(sql.func.coalesce(sql.func.sum(sql.func.length(column)), 0)).where(where)) or 0)
                for _, columns, where in parts
                for column in columns
            )


@dataclass(eq=False)
class Kept:
    """How a session's lab stands in the store."""

    token: str
    version: int = 0
    saved: LabRecord | None = None  # as it stands there
    wanted: LabRecord | None = None  # as it shall stand there
    trouble: str = ""  # why it is not saved, in a sentence
    conflict: bool = False  # whether another session has changed it
    gone: bool = False  # whether another session has deleted it

    @property
    def behind(self) -> bool:
        """Whether something is still to be written."""
        return self.wanted is not None and not self.wanted.same_as(self.saved)


class Keeper:
    """Writes labs in the background, one after the other; what came in between is written at once."""

    def __init__(self, store: Store, days: float = DAYS):
        self.store, self._days = store, days
        self._hand = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._swept = 0.0
        self._later(self._sweep)

    def keep(self, kept: Kept, record: LabRecord) -> Future | None:
        """Write a lab as it is now, soon. Returns at once."""
        kept.wanted = record
        return self._later(self._write, kept) if kept.behind and not kept.conflict and not kept.gone else None

    def wait(self) -> None:
        """Until all is written that was asked for."""
        self._hand.submit(lambda: None).result()

    def _later(self, work: Callable, *arguments) -> Future:
        return self._hand.submit(work, *arguments)

    def _write(self, kept):
        record = kept.wanted
        if record is None or not kept.behind:
            return
        try:
            kept.version = self.store.save(kept.token, record, kept.saved, kept.version)
            kept.saved, kept.trouble = record, ""
        except Conflict as error:
            kept.trouble, kept.conflict = str(error), True
        except Gone as error:
            kept.trouble, kept.gone = str(error), True
        except LabError as error:
            kept.trouble = str(error)
        self._sweep()

    def _sweep(self):
        if time.monotonic() - self._swept > DAY or not self._swept:
            self._swept = time.monotonic()
            try:
                self.store.sweep(self._days)
            except LabError:
                self._swept = 0.0  # at the next write


class _in_words(contextlib.AbstractContextManager):
    """Turns what a database may raise into one sentence."""

    def __exit__(self, kind, error, _):
        if isinstance(error, sql.exc.IntegrityError):
            raise Conflict(ELSEWHERE) from error
        if isinstance(error, sql.exc.SQLAlchemyError):
            raise LabError(OUT_OF_REACH) from error


class _undamaged(contextlib.AbstractContextManager):
    """Turns what a damaged lab may raise into one sentence."""

    def __exit__(self, kind, error, _):
        if isinstance(error, (ValueError, KeyError, TypeError)):
            raise LabError("This lab is damaged in the store and cannot be opened.") from error


def _id(token):
    return hashlib.sha256(token.encode()).hexdigest()


def _set_up_sqlite(connection, _):
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "foreign_keys = ON", "busy_timeout = 10000", "synchronous = NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _upgrade(engine):
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as db:
        if db.dialect.name == "postgresql":
            db.execute(sql.text("SELECT pg_advisory_xact_lock(28)"))  # two servers may start at once
        present = MigrationContext.configure(db).get_current_revision()
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if present and present not in known:
            raise LabError(NEWER)
        config.attributes["connection"] = db
        command.upgrade(config, "head")


def _insert_new(db, table, rows):
    """Insert rows, passing over those that are there."""
    dialect = importlib.import_module(f"sqlalchemy.dialects.{db.dialect.name}")
    db.execute(dialect.insert(table).on_conflict_do_nothing(), rows)


def _write_models(db, record, before):
    known = before.bundles()
    new = [bundle for key, bundle in record.bundles().items() if key not in known]
    if new:
        rows = [{"key": one.key, "keras": one.keras_bytes, "tflite": one.tflite_bytes} for one in new]
        _insert_new(db, _models, rows)


def _drop_unused_models(db):
    used = sql.union(sql.select(_runs.c.model), sql.select(_runs.c.start), sql.select(_uploads.c.model))
    db.execute(sql.delete(_models).where(_models.c.key.not_in(used)))


def _write_samples(db, lab, now, before):
    if now is before:
        return
    here, there = ([*zip(one.digits, one.labels, one.held_out, one.strokes, one.dates, strict=True)] for one in (now, before))
    first = _same_samples(here, there)
    _cut(db, _samples, lab, first, len(there))
    rows = [
        {
            "lab": lab,
            "place": place,
            "digit": digit.tobytes(),
            "label": int(label),
            "held_out": bool(held_out),
            "strokes": strokes,
            "date": date,
        }
        for place, (digit, label, held_out, strokes, date) in enumerate(here[first:], first)
    ]
    if rows:
        db.execute(sql.insert(_samples), rows)


def _same_samples(here, there):
    number = 0
    for one, other in zip(here, there, strict=False):
        if one[1:] != other[1:] or not np.array_equal(one[0], other[0]):
            break
        number += 1
    return number


def _write_rows(db, table, lab, now, before, row):
    first = common(now, before)
    _cut(db, table, lab, first, len(before))
    rows = [row(one) | {"lab": lab, "place": place} for place, one in enumerate(now[first:], first)]
    if rows:
        db.execute(sql.insert(table), rows)


def _cut(db, table, lab, first, count):
    """Delete what stood from this place on."""
    if count > first:
        db.execute(sql.delete(table).where(table.c.lab == lab, table.c.place >= first))


def _run_row(one):
    return {"about": json.dumps(one.about()), "model": one.model.key, "start": one.start.key, "state": one.run.state}


def _upload_row(bundle):
    return {"card": bundle.card.to_json(), "model": bundle.key}


def _files(db, keys):
    rows = db.execute(sql.select(_models).where(_models.c.key.in_(keys))).all() if keys else []
    return {row.key: (bytes(row.keras), bytes(row.tflite)) for row in rows}


def _read_samples(db, lab):
    rows = db.execute(sql.select(_samples).where(_samples.c.lab == lab).order_by(_samples.c.place)).all()
    if not rows:
        return SampleSet()
    return SampleSet.from_arrays(
        np.stack([np.frombuffer(row.digit, np.uint8).reshape(SIDE, SIDE) for row in rows]),
        np.array([row.label for row in rows]),
        np.array([row.held_out for row in rows], bool),
        [row.strokes for row in rows],
        [row.date for row in rows],
    )
