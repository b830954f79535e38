"""Labs in a real SQLite, and in a real PostgreSQL where one is installed."""

import hashlib
import time
from dataclasses import replace

import pytest
import sqlalchemy as sql

from digitcore.errors import LabDeletedError, LabError, VersionConflictError
from digitcore.samples import SampleSet
from digitcore.storage import database, rows, schema
from digitcore.storage.database import LabStore
from digitcore.storage.snapshot import LabSnapshot
from tests.support.labs import assert_equal


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    if request.param == "postgres":
        found = request.getfixturevalue("postgres")
        with sql.create_engine(database.with_driver(found)).begin() as db:
            db.execute(sql.text("DROP SCHEMA public CASCADE"))
            db.execute(sql.text("CREATE SCHEMA public"))
        return found
    return f"sqlite:///{tmp_path / 'labs.sqlite'}"


def count_rows(url, table):
    with sql.create_engine(database.with_driver(url)).begin() as db:
        return db.scalar(sql.text(f"SELECT count(*) FROM {table}"))


def test_a_lab_comes_back(url, lab):
    token = database.new_token()
    assert LabStore.from_url(url).save(token, lab) == 1
    record, version = LabStore.from_url(url).load(token)
    assert version == 1
    assert_equal(record, lab)
    assert LabStore.from_url(url).load(database.new_token()) is None
    assert count_rows(url, "models") == 2, "each file once, whatever its names"


def test_only_what_changed_is_written(url, lab):
    labs, token = LabStore.from_url(url), database.new_token()
    labs.save(token, lab)
    changes = [
        replace(lab, samples=lab.samples.add(lab.samples.digits[1], 7)),
        replace(lab, samples=lab.samples.relabel([4], 0)),
        replace(lab, samples=lab.samples.drop([2, 3])),
        replace(lab, samples=SampleSet()),
        replace(lab, runs=(lab.runs[0], lab.runs[1].rename("other"))),
        replace(lab, runs=lab.runs[1:]),
        replace(lab, preferences={"active_model": ""}),
        replace(lab, sweep={"start": "genius", "grid": {}, "trials": []}),
        replace(lab, uploads=()),
    ]
    before, version = lab, 1
    for now in changes:
        version = labs.save(token, now, before, version)
        before = now
        assert_equal(labs.load(token)[0], now)


def test_models_that_nobody_uses_go(url, lab):
    labs, one, other = LabStore.from_url(url), database.new_token(), database.new_token()
    labs.save(one, lab)
    labs.save(other, replace(lab, runs=(), uploads=lab.uploads))
    assert count_rows(url, "models") == 2
    labs.save(one, LabSnapshot(lab.samples), lab, 1)
    assert count_rows(url, "models") == 1
    labs.delete(other)
    assert count_rows(url, "models") == 0 and labs.load(other) is None
    assert len(labs.load(one)[0].samples) == len(lab.samples)


def test_two_windows_do_not_overwrite_each_other(url, lab):
    labs, token = LabStore.from_url(url), database.new_token()
    labs.save(token, lab)
    labs.save(token, replace(lab, preferences={}), lab, 1)
    with pytest.raises(VersionConflictError, match="another window"):
        labs.save(token, replace(lab, samples=SampleSet()), lab, 1)
    with pytest.raises(VersionConflictError):
        labs.save(token, lab)
    assert_equal(labs.load(token)[0], replace(lab, preferences={}))


def test_a_deleted_lab_stays_deleted(url, lab):
    labs, token = LabStore.from_url(url), database.new_token()
    labs.save(token, lab)
    labs.delete(token)
    with pytest.raises(LabDeletedError, match="forgotten in another window"):
        labs.save(token, replace(lab, preferences={}), lab, 1)
    assert labs.load(token) is None


def test_expired_labs_are_deleted(url, lab):
    labs, old, new = LabStore.from_url(url), database.new_token(), database.new_token()
    labs.save(old, lab)
    labs.save(new, lab)
    with sql.create_engine(database.with_driver(url)).begin() as db:
        identity = hashlib.sha256(old.encode()).hexdigest()
        expired = sql.update(schema.labs).where(schema.labs.c.id == identity).values(last_used=time.time() - 91 * database.DAY)
        db.execute(expired)
    assert labs.delete_expired(90) == 1 and labs.load(old) is None and labs.load(new) is not None


def test_the_token_is_not_in_the_store(url, lab):
    token = database.new_token()
    LabStore.from_url(url).save(token, lab)
    with sql.create_engine(database.with_driver(url)).begin() as db:
        assert token not in str(db.execute(sql.text("SELECT id, preferences FROM labs")).all())


def test_the_size_is_said(url, lab):
    labs, token = LabStore.from_url(url), database.new_token()
    labs.save(token, lab)
    files = sum(len(one.keras_bytes) + len(one.tflite_bytes) for one in lab.bundles().values())
    assert files < labs.size(token) < files + 200_000
    assert labs.size("nobody") == 0


def test_a_store_of_another_version_is_rejected(url):
    LabStore.from_url(url)
    with sql.create_engine(database.with_driver(url)).begin() as db:
        db.execute(sql.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LabError, match="another version of Digit Lab"):
        LabStore.from_url(url)


def test_the_schema_is_what_the_migrations_make(url):
    LabStore.from_url(url)
    inspector = sql.inspect(sql.create_engine(database.with_driver(url)))
    for name, table in schema.metadata.tables.items():
        assert {column["name"] for column in inspector.get_columns(name)} == set(table.columns.keys())


def test_a_store_out_of_reach_is_one_sentence(tmp_path, lab):
    with pytest.raises(LabError, match="cannot be reached"):
        LabStore.from_url("postgresql://nobody@127.0.0.1:1/none")
    labs = LabStore.from_url(f"sqlite:///{tmp_path / 'labs.sqlite'}")
    with sql.create_engine(f"sqlite:///{tmp_path / 'labs.sqlite'}").begin() as db:
        db.execute(sql.text("DROP TABLE samples"))
    with pytest.raises(LabError, match="cannot be reached"):
        labs.save(database.new_token(), lab)


@pytest.mark.parametrize("bad", ["foo", "mysql://x/y", "sqlite:////proc/nope/labs.sqlite", "nothing://here"])
def test_a_store_that_cannot_be_is_one_sentence(bad):
    with pytest.raises(LabError):
        LabStore.from_url(bad)


def test_a_write_that_is_cut_off_changes_nothing(tmp_path, lab, monkeypatch):
    labs, token = LabStore.from_url(f"sqlite:///{tmp_path / 'labs.sqlite'}"), database.new_token()
    labs.save(token, lab)
    monkeypatch.setattr(rows, "run_row", lambda one: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        labs.save(token, replace(lab, samples=SampleSet(), runs=lab.runs[::-1]), lab, 1)
    record, version = labs.load(token)
    assert version == 1
    assert_equal(record, lab)
