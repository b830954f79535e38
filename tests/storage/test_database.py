"""Labs in a real SQLite, and in a real PostgreSQL where one is installed."""

import contextlib
import sqlite3
import time
from dataclasses import replace

import pytest
import sqlalchemy as sql

from digitcore.errors import LabDeletedError, LabError, StoreUnreachableError, VersionConflictError
from digitcore.samples import SampleSet
from digitcore.storage import database, rows, schema
from digitcore.storage.database import LabStore
from digitcore.storage.snapshot import LabSnapshot
from tests.support.labs import assert_equal


def count_rows(url, table):
    with sql.create_engine(database.with_driver(url)).begin() as db:
        return db.scalar(sql.text(f"SELECT count(*) FROM {table}"))


def test_a_lab_comes_back(url, lab):
    token = database.new_token()
    assert LabStore.from_url(url).save(token, lab) == 1
    record, version, skipped = LabStore.from_url(url).load(token)
    assert version == 1 and not skipped
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


TODAY = time.time()


def days_later(monkeypatch, days):
    monkeypatch.setattr(time, "time", lambda: TODAY + days * database.DAY)


def test_labs_that_nobody_uses_are_marked_and_deleted_days_later(url, lab, monkeypatch):
    labs, old, new = LabStore.from_url(url), database.new_token(), database.new_token()
    labs.save(old, lab)
    days_later(monkeypatch, 85)
    labs.save(new, lab)
    days_later(monkeypatch, 91)
    assert labs.delete_expired(90) == 0 and labs.load(old) is not None, "marked"
    days_later(monkeypatch, 91 + database.GRACE_DAYS - 1)
    assert labs.delete_expired(90) == 0
    days_later(monkeypatch, 92 + database.GRACE_DAYS)
    assert labs.delete_expired(90) == 1 and labs.load(old) is None and labs.load(new) is not None


@pytest.mark.parametrize("use", ["opened", "changed", "nothing, but the clock was wrong"])
def test_a_marked_lab_that_is_used_stays(url, lab, monkeypatch, use):
    labs, token = LabStore.from_url(url), database.new_token()
    labs.save(token, lab)
    days_later(monkeypatch, 91)
    labs.delete_expired(90)
    if use == "opened":
        labs.mark_used(token)
    elif use == "changed":
        labs.save(token, replace(lab, preferences={}), lab, 1)
    else:
        days_later(monkeypatch, 1)
        labs.delete_expired(90)
        days_later(monkeypatch, 91.5)
        assert labs.delete_expired(90) == 0
    days_later(monkeypatch, 91 + database.GRACE_DAYS)
    assert labs.delete_expired(90) == 0 and labs.load(token) is not None


def test_labs_may_be_kept_for_ever(url, lab, monkeypatch):
    labs, token = LabStore.from_url(url), database.new_token()
    labs.save(token, lab)
    for years in (1, 10, 11):
        days_later(monkeypatch, 365 * years)
        assert labs.delete_expired(0) == 0
    assert labs.load(token) is not None


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
    with pytest.raises(StoreUnreachableError, match="cannot be reached"):
        LabStore.from_url("postgresql://nobody@127.0.0.1:1/none")
    labs = LabStore.from_url(f"sqlite:///{tmp_path / 'labs.sqlite'}")
    with sql.create_engine(f"sqlite:///{tmp_path / 'labs.sqlite'}").begin() as db:
        db.execute(sql.text("DROP TABLE samples"))
    with pytest.raises(StoreUnreachableError, match="cannot be reached"):
        labs.save(database.new_token(), lab)


def test_a_locked_database_opens_labs(tmp_path, lab):
    labs, token = LabStore.from_url(f"sqlite:///{tmp_path / 'labs.sqlite'}"), database.new_token()
    labs.save(token, lab)
    with contextlib.closing(sqlite3.connect(tmp_path / "labs.sqlite")) as other:
        other.execute("BEGIN EXCLUSIVE")
        again = LabStore.from_url(f"sqlite:///{tmp_path / 'labs.sqlite'}")
        assert_equal(again.load(token).snapshot, lab)
        with pytest.raises(StoreUnreachableError):
            again.mark_used(token)


def test_a_lab_is_read_under_a_second_token(url, lab):
    labs, token = LabStore.from_url(url), database.new_token()
    labs.save(token, lab)
    view = database.view_token(token)
    assert view == database.view_token(token) != token and len(view) == len(token)
    assert_equal(labs.load_view(view).snapshot, lab)
    assert labs.load(view) is None and labs.load_view(token) is None, "neither opens what the other does"
    labs.delete(token)
    assert labs.load_view(view) is None


def test_a_lab_of_an_older_version_gets_its_second_token_when_it_is_used(url, lab):
    labs, token = LabStore.from_url(url), database.new_token()
    labs.save(token, lab)
    with sql.create_engine(database.with_driver(url)).begin() as db:
        db.execute(sql.text("UPDATE labs SET view_id = NULL"))
    assert labs.load_view(database.view_token(token)) is None
    labs.mark_used(token)
    assert_equal(labs.load_view(database.view_token(token)).snapshot, lab)


def test_a_database_that_can_only_be_read_opens_labs(url, lab, tmp_path, monkeypatch):
    token = database.new_token()
    LabStore.from_url(url).save(token, lab)
    if url.startswith("sqlite"):
        read_only = f"sqlite:///file:{tmp_path / 'labs.sqlite'}?mode=ro&uri=true"
        monkeypatch.chdir(tmp_path)
    else:
        read_only = url + ("&" if "?" in url else "?") + "options=-cdefault_transaction_read_only%3Don"
    labs = LabStore.from_url(read_only)
    assert_equal(labs.load(token).snapshot, lab)
    assert not (tmp_path / "file:").exists()
    for write in (lambda: labs.mark_used(token), lambda: labs.save(token, LabSnapshot(), lab, 1)):
        with pytest.raises(StoreUnreachableError):
            write()


def test_a_postgres_that_was_restarted_is_used_again(postgres, lab):
    labs, token = LabStore.from_url(postgres), database.new_token()
    labs.save(token, lab)
    with sql.create_engine(database.with_driver(postgres)).connect() as db:
        db.execute(sql.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"))
    assert labs.load(token) is not None


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
    record, version, _ = labs.load(token)
    assert version == 1
    assert_equal(record, lab)
