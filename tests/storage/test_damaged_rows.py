"""Labs with damaged rows. Only the damaged parts of a lab are lost."""

import contextlib
import sqlite3
from dataclasses import replace

import pytest
import sqlalchemy as sql

from digitcore.storage import database, schema
from digitcore.storage.changes import Uncertain
from digitcore.storage.database import LabStore
from digitcore.storage.snapshot import LabSnapshot, upload_id
from tests.support.labs import assert_equal


def test_damaged_parts_are_skipped_and_the_next_write_replaces_them(url, lab):
    labs, token = LabStore.from_url(url), database.new_token()
    labs.save(token, lab)
    with sql.create_engine(database.with_driver(url)).begin() as db:
        for table, damaged, values in (
            (schema.runs, lab.runs[0].id, {"record": "{"}),
            (schema.uploads, upload_id(lab.uploads[0]), {"card": "[]"}),
            (schema.samples, lab.samples.ids[3], {"digit": b"123"}),
        ):
            db.execute(sql.update(table).where(table.c.id == damaged).values(**values))
        db.execute(sql.update(schema.labs).values(preferences="[1", sweep="3"))
    found = labs.load(token)
    assert [run.name for run in found.snapshot.runs] == ["run 2"]
    assert found.snapshot.uploads == ()
    assert len(found.snapshot.samples) == len(lab.samples) - 1
    assert found.snapshot.preferences == {}
    assert found.snapshot.sweep is None
    assert found.skipped == [
        "Damaged drawings were skipped: 1.",
        "Run 1 was skipped: it is damaged.",
        "Model 1 was skipped: it is damaged.",
    ]
    changed = replace(found.snapshot, runs=(lab.runs[0], *found.snapshot.runs))
    labs.save(token, changed, found.snapshot, Uncertain(found.damaged))
    again = labs.load(token)
    assert again.skipped == []
    assert_equal(again.snapshot, changed)


def test_lab_with_damaged_drawings_only_is_read_as_empty(url, lab):
    labs, token = LabStore.from_url(url), database.new_token()
    labs.save(token, LabSnapshot(lab.samples))
    with sql.create_engine(database.with_driver(url)).begin() as db:
        db.execute(sql.update(schema.samples).values(label=10))
    found = labs.load(token)
    assert found.snapshot.is_empty
    assert found.skipped == [f"Damaged drawings were skipped: {len(lab.samples)}."]


@pytest.mark.parametrize("column", ["first_model", "first_digit", "first_confidence", "is_example"])
def test_a_drawing_with_a_malformed_first_prediction_is_kept(tmp_path, lab, column):
    labs, token = LabStore.from_url(f"sqlite:///{tmp_path / 'labs.sqlite'}"), database.new_token()
    labs.save(token, lab)
    with contextlib.closing(sqlite3.connect(tmp_path / "labs.sqlite")) as db, db:
        db.execute(f"UPDATE samples SET {column} = ?", ("no value",))
    found = labs.load(token)
    assert not found.skipped
    assert len(found.snapshot.samples) == len(lab.samples)
    if column != "is_example":
        assert not any(found.snapshot.samples.first_predictions)


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (schema.samples, {"label": "x"}),
        (schema.samples, {"label": 1.5}),
        (schema.samples, {"strokes": b"\0"}),
        (schema.samples, {"date": b"\0"}),
        (schema.samples, {"digit": "text"}),
        (schema.labs, {"preferences": "[" * 100_000}),
        (schema.labs, {"sweep": b"\0"}),
        (schema.runs, {"record": "[" * 100_000}),
    ],
    ids=lambda value: value.name if isinstance(value, sql.Table) else next(iter(value)),
)
def test_only_the_part_with_a_value_of_another_type_is_lost(tmp_path, lab, table, values):
    """SQLite stores values of any type in any column."""
    labs, token = LabStore.from_url(f"sqlite:///{tmp_path / 'labs.sqlite'}"), database.new_token()
    labs.save(token, lab)
    (name, value), where = *values.items(), "" if table is schema.labs else f"WHERE id = (SELECT min(id) FROM {table.name})"
    with contextlib.closing(sqlite3.connect(tmp_path / "labs.sqlite")) as db, db:
        db.execute(f"UPDATE {table.name} SET {name} = ? {where}", (value,))
    found = labs.load(token)
    assert len(found.skipped) == (table is not schema.labs)
    assert len(found.snapshot.samples) == len(lab.samples) - (table is schema.samples)
    assert len(found.snapshot.runs) == len(lab.runs) - (table is schema.runs)
