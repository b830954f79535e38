"""Rows of the database's tables: reading them, and writing those that have changed."""

import importlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import sqlalchemy as sql

from digitcore.errors import DigitLabError, LabDeletedError, VersionConflictError
from digitcore.images import SIDE
from digitcore.models.bundle import ModelBundle
from digitcore.samples import MAX_TEXT, SampleSet
from digitcore.storage import schema
from digitcore.storage.snapshot import LabSnapshot, ModelFiles, RunRecord, common_prefix_length, read_card

T = TypeVar("T")

DELETED = "This lab was forgotten in another window. What you see here is not saved; take it along in a file if you want it."
CONFLICT = "This lab was changed in another window. This window goes on as a lab of its own, under a new address."


def bump_version(db: sql.Connection, lab: str, view_id: str, snapshot: LabSnapshot, version: int, writer: str) -> int:
    """Write the lab's own row.

    Returns:
        The version before: another than `version` where the same writer has written since, and was not told so.

    Raises:
        VersionConflictError, LabDeletedError: when another session was here since `version`.
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


def save_models(db: sql.Connection, snapshot: LabSnapshot, saved: LabSnapshot) -> None:
    """Insert the models' files that are new."""
    known = saved.bundles()
    new = [bundle for key, bundle in snapshot.bundles().items() if key not in known]
    if new:
        rows = [{"key": bundle.key, "keras": bundle.keras_bytes, "tflite": bundle.tflite_bytes} for bundle in new]
        dialect = importlib.import_module(f"sqlalchemy.dialects.{db.dialect.name}")
        db.execute(dialect.insert(schema.models).on_conflict_do_nothing(), rows)


def delete_unused_models(db: sql.Connection) -> None:
    """Delete the models' files that no lab has."""
    used = sql.union(sql.select(schema.runs.c.model), sql.select(schema.runs.c.start), sql.select(schema.uploads.c.model))
    db.execute(sql.delete(schema.models).where(schema.models.c.key.not_in(used)))


def save_samples(db: sql.Connection, lab: str, now: SampleSet, saved: SampleSet) -> None:
    """Replace the samples from the first on that differs."""
    if now is saved:
        return
    rows, saved_rows = (_sample_rows(samples) for samples in (now, saved))
    first = next((i for i, (row, old) in enumerate(zip(rows, saved_rows, strict=False)) if row != old), None)
    first = min(len(rows), len(saved_rows)) if first is None else first
    _delete_from(db, schema.samples, lab, first, len(saved_rows))
    new = [row | {"lab": lab, "position": position} for position, row in enumerate(rows[first:], first)]
    if new:
        db.execute(sql.insert(schema.samples), new)


def _sample_rows(samples: SampleSet) -> list[dict[str, Any]]:
    columns = zip(samples.digits, samples.labels, samples.held_out, samples.strokes, samples.dates, strict=True)
    return [
        {"digit": digit.tobytes(), "label": int(label), "held_out": bool(held_out), "strokes": strokes, "date": date}
        for digit, label, held_out, strokes, date in columns
    ]


def save_rows(
    db: sql.Connection,
    table: sql.Table,
    lab: str,
    now: Sequence[Any],
    saved: Sequence[Any],
    to_row: Callable[[Any], Mapping[str, Any]],
) -> None:
    """Replace the rows from the first item on that differs."""
    first = common_prefix_length(now, saved)
    _delete_from(db, table, lab, first, len(saved))
    rows = [{**to_row(item), "lab": lab, "position": position} for position, item in enumerate(now[first:], first)]
    if rows:
        db.execute(sql.insert(table), rows)


def delete_rows(db: sql.Connection, lab: str) -> None:
    """Delete all but the lab's own row."""
    for table in (schema.samples, schema.runs, schema.uploads):
        db.execute(sql.delete(table).where(table.c.lab == lab))


def _delete_from(db: sql.Connection, table: sql.Table, lab: str, first: int, n: int) -> None:
    """Delete the rows from this position on."""
    if n > first:
        db.execute(sql.delete(table).where(table.c.lab == lab, table.c.position >= first))


def run_row(record: RunRecord) -> dict[str, Any]:
    """A training run's row."""
    return {
        "record": json.dumps(record.to_dict()),
        "model": record.model.key,
        "start": record.start.key,
        "resume_state": record.run.resume_state,
    }


def upload_row(bundle: ModelBundle) -> dict[str, Any]:
    """An imported model's row."""
    return {"card": bundle.card.to_json(), "model": bundle.key}


def parse_object(text: str | None) -> dict[str, Any] | None:
    """A JSON object; None where it is none."""
    try:
        value = json.loads(text or "null")
    except (ValueError, TypeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _is_sound(sample: Any) -> bool:
    """Whether a row holds a sample; SQLite keeps values of any type in any column."""
    are_texts_sound = all(
        isinstance(text, str) and len(text) <= MAX_TEXT and text.isprintable() for text in (sample.strokes, sample.date)
    )
    is_digit_sound = isinstance(sample.digit, bytes | memoryview) and len(sample.digit) == SIDE * SIDE
    return are_texts_sound and is_digit_sound and isinstance(sample.label, int) and 0 <= sample.label <= 9


class LabReader:
    """Reads the rows of a lab, and notes those that are damaged.

    Attributes:
        skipped: a sentence for each part that was skipped.
    """

    def __init__(self, db: sql.Connection, lab: str):
        self._db, self._lab = db, lab
        self.skipped: list[str] = []

    def samples(self) -> SampleSet:
        """The samples."""
        rows = self._select(schema.samples)
        sound = [row for row in rows if _is_sound(row)]
        if len(sound) < len(rows):
            self.skipped.append(f"{len(rows) - len(sound):,} of the drawings were skipped: they are damaged.")
        if not sound:
            return SampleSet()
        return SampleSet.from_arrays(
            np.stack([np.frombuffer(row.digit, np.uint8).reshape(SIDE, SIDE) for row in sound]),
            np.array([row.label for row in sound]),
            np.array([row.held_out for row in sound], bool),
            [row.strokes for row in sound],
            [row.date for row in sound],
        )

    def runs(self) -> tuple[RunRecord, ...]:
        """The training runs."""
        rows = self._select(schema.runs)
        files = self._files({row.model for row in rows} | {row.start for row in rows})

        def read(row: Any) -> RunRecord:
            return RunRecord.from_dict(json.loads(row.record), files[row.model], files[row.start], row.resume_state)

        return self._read_each(rows, read, "Run")

    def uploads(self) -> tuple[ModelBundle, ...]:
        """The imported models."""
        rows = self._select(schema.uploads)
        files = self._files({row.model for row in rows})
        return self._read_each(rows, lambda row: ModelBundle(read_card(json.loads(row.card)), *files[row.model]), "Model")

    def _select(self, table: sql.Table) -> Sequence[Any]:
        return self._db.execute(sql.select(table).where(table.c.lab == self._lab).order_by(table.c.position)).all()

    def _files(self, keys: set[str]) -> dict[str, ModelFiles]:
        """Key → files of models."""
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
