"""Labs in a real SQLite and a real PostgreSQL."""

import contextlib
import sqlite3
import time
from dataclasses import replace

import pytest
import sqlalchemy as sql

from digitcore import config
from digitcore.errors import LabDeletedError, LabError, StoreUnreachableError
from digitcore.samples import SampleSet
from digitcore.storage import database
from digitcore.storage.changes import LabChanges, PartIds, Uncertain
from digitcore.storage.database import LabStore
from digitcore.storage.snapshot import LabSnapshot, RunRecord
from tests.support.clock import set_clock
from tests.support.labs import assert_equal


def count_rows(url, table):
    with sql.create_engine(database.with_driver(url)).begin() as db:
        return db.scalar(sql.text(f"SELECT count(*) FROM {table}"))


def test_saved_lab_is_read_unchanged(url, lab):
    token = database.new_token()
    assert LabStore.from_url(url).save(token, lab) == 1
    found = LabStore.from_url(url).load(token)
    assert found.version == 1
    assert found.skipped == []
    assert found.damaged.is_empty
    assert_equal(found.snapshot, lab)
    assert PartIds.of(found.snapshot) == PartIds.of(lab)


def test_held_out_drawings_are_stored(url, lab):
    """By default, every fourth drawing of a digit would be held out."""
    labs, token = LabStore.from_url(url), database.new_token()
    labs.save(token, replace(lab, samples=lab.samples.without_hold_out()))
    assert not labs.load(token).snapshot.samples.held_out.any()


def test_unknown_token_gives_no_lab(url, lab):
    labs = LabStore.from_url(url)
    labs.save(database.new_token(), lab)
    assert labs.load(database.new_token()) is None


def test_file_of_a_model_with_several_names_is_stored_once(url, lab):
    LabStore.from_url(url).save(database.new_token(), lab)
    assert count_rows(url, "models") == 2


def test_each_kind_of_change_is_written(url, lab):
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
        replace(lab, versions=()),
    ]
    before = lab
    for version, now in enumerate(changes, start=2):
        assert labs.save(token, now, before) == version
        before = now
        assert_equal(labs.load(token).snapshot, now)


def test_unused_models_are_deleted(url, lab):
    labs, one, other = LabStore.from_url(url), database.new_token(), database.new_token()
    labs.save(one, lab)
    labs.save(other, replace(lab, runs=(), uploads=lab.uploads))
    assert count_rows(url, "models") == 2
    labs.save(one, LabSnapshot(lab.samples), lab)
    assert count_rows(url, "models") == 1
    labs.delete(other)
    assert count_rows(url, "models") == 0
    assert labs.load(other) is None
    assert len(labs.load(one).snapshot.samples) == len(lab.samples)


def test_changes_of_two_devices_are_merged(url, lab):
    labs, token = LabStore.from_url(url), database.new_token()
    labs.save(token, lab)
    digit = lab.samples.digits[1]
    first = replace(lab, samples=lab.samples.add(digit, 7).drop([0]), runs=lab.runs[1:])
    second = replace(lab, samples=lab.samples.add(digit, 2).relabel([0, 1], 9), runs=(lab.runs[0].rename("a"), lab.runs[1]))
    assert [labs.save(token, now, lab) for now in (first, second)] == [2, 3]
    expected = replace(lab, samples=second.samples.merge(first.samples, lab.samples.ids[:1]), runs=lab.runs[1:])
    found = labs.load(token).snapshot
    assert found.samples.labels.tolist() == [9, *lab.samples.labels[2:], 7, 2], "a removed drawing stays removed"
    assert_equal(found, replace(expected, samples=expected.samples.relabel([0], 9)))


def test_the_last_write_of_the_settings_counts(url, lab):
    labs, token = LabStore.from_url(url), database.new_token()
    labs.save(token, lab)
    labs.save(token, replace(lab, preferences={"epochs": 3}), lab)
    labs.save(token, replace(lab, samples=lab.samples.drop([0])), lab)
    assert labs.load(token).snapshot.preferences == {"epochs": 3}, "a label does not write old settings"
    labs.save(token, replace(lab, preferences={"epochs": 5}), lab)
    assert labs.load(token).snapshot.preferences == {"epochs": 5}


def test_the_changes_of_another_device_are_read(url, lab):
    labs, token = LabStore.from_url(url), database.new_token()
    labs.save(token, lab)
    known = PartIds.of(lab)
    assert labs.changes(token, 1, known) is None
    samples = lab.samples.relabel([3], 0).add(lab.samples.digits[1], 7).drop([0])
    other = replace(lab, samples=samples, runs=lab.runs[1:], uploads=(), versions=())
    labs.save(token, other, lab)
    own = replace(lab, samples=lab.samples.add(lab.samples.digits[2], 5))
    version = labs.save(token, own, lab)
    found = labs.changes(token, 1, PartIds.of(own), version)
    assert found.version == version == 3
    assert found.changes.samples.labels.tolist() == [0, 7], "the own sample is not read"
    assert found.changes.runs == found.changes.uploads == ()
    assert [len(ids) for ids in found.changes.removed] == [1, 1, 1, 1]
    assert_equal(found.changes.apply(own), replace(labs.load(token).snapshot))
    with pytest.raises(LabDeletedError):
        labs.changes(database.new_token(), 1, known)


def test_a_run_of_a_model_that_another_device_has_deleted_is_written(url, lab):
    labs, token = LabStore.from_url(url), database.new_token()
    labs.save(token, lab)
    labs.save(token, replace(lab, runs=(), uploads=()), lab)
    assert count_rows(url, "models") == 0
    labs.save(token, replace(lab, runs=(*lab.runs, RunRecord(lab.runs[1].run, lab.runs[0].model))), lab)
    assert len(labs.load(token).snapshot.runs) == 1


def test_writer_that_did_not_get_the_answer_may_write_again(url, lab):
    """The lost write has removed, added and relabelled drawings, which the writer has undone since."""
    labs, token = LabStore.from_url(url), database.new_token()
    labs.save(token, lab)
    lost = replace(
        lab, samples=lab.samples.drop([0]).relabel([0], 9).add(lab.samples.digits[1], 7), runs=lab.runs[:1], uploads=()
    )
    labs.save(token, lost, lab)
    assert labs.save(token, lab, lab, Uncertain().union(LabChanges.between(lab, lost))) == 3
    assert_equal(labs.load(token).snapshot, lab)


def test_a_renewed_link_opens_the_lab_and_the_former_link_nothing(url, lab):
    labs, token, other, new = LabStore.from_url(url), *(database.new_token() for _ in range(3))
    for one in (token, other):
        labs.save(one, lab)
    labs.renew_token(token, new)
    assert_equal(labs.load(new).snapshot, lab)
    assert_equal(labs.load_view(database.view_token(new)).snapshot, lab)
    assert labs.load(token) is labs.load_view(database.view_token(token)) is None
    assert labs.load(other) is not None
    with pytest.raises(LabDeletedError, match="its link was renewed"):
        labs.save(token, replace(lab, preferences={}), lab)
    with pytest.raises(LabDeletedError):
        labs.renew_token(token, database.new_token())
    assert labs.save(new, replace(lab, samples=SampleSet()), lab) == 3


def test_deleted_lab_stays_deleted(url, lab):
    labs, token = LabStore.from_url(url), database.new_token()
    labs.save(token, lab)
    labs.delete(token)
    with pytest.raises(LabDeletedError, match="was deleted"):
        labs.save(token, replace(lab, preferences={}), lab)
    assert labs.load(token) is None


TODAY = time.time()


def days_later(monkeypatch, days):
    set_clock(monkeypatch, database, time=lambda: TODAY + days * database.DAY)


def test_unused_lab_is_marked_and_deleted_days_later(url, lab, monkeypatch):
    labs, old, new = LabStore.from_url(url), database.new_token(), database.new_token()
    days_later(monkeypatch, 0)
    labs.save(old, lab)
    days_later(monkeypatch, 85)
    labs.save(new, lab)
    days_later(monkeypatch, 91)
    assert labs.delete_expired(90) == 0
    assert labs.load(old) is not None
    days_later(monkeypatch, 91 + database.GRACE_DAYS - 1)
    assert labs.delete_expired(90) == 0
    days_later(monkeypatch, 92 + database.GRACE_DAYS)
    assert labs.delete_expired(90) == 1
    assert labs.load(old) is None
    assert labs.load(new) is not None


@pytest.mark.parametrize("use", ["opened", "changed", "unused, but the clock was wrong"])
def test_marked_lab_that_is_used_is_kept(url, lab, monkeypatch, use):
    labs, token = LabStore.from_url(url), database.new_token()
    days_later(monkeypatch, 0)
    labs.save(token, lab)
    days_later(monkeypatch, 91)
    labs.delete_expired(90)
    if use == "opened":
        labs.mark_used(token)
    elif use == "changed":
        labs.save(token, replace(lab, preferences={}), lab)
    else:
        days_later(monkeypatch, 1)
        labs.delete_expired(90)
        days_later(monkeypatch, 91.5)
        assert labs.delete_expired(90) == 0
    days_later(monkeypatch, 91.2 + database.GRACE_DAYS)
    assert labs.delete_expired(90) == 0
    assert labs.load(token) is not None


def test_labs_do_not_expire_after_zero_days(url, lab, monkeypatch):
    labs, token = LabStore.from_url(url), database.new_token()
    labs.save(token, lab)
    for years in (1, 10, 11):
        days_later(monkeypatch, 365 * years)
        assert labs.delete_expired(0) == 0
    assert labs.load(token) is not None


def test_token_is_not_in_the_database(url, lab):
    token = database.new_token()
    LabStore.from_url(url).save(token, lab)
    with sql.create_engine(database.with_driver(url)).begin() as db:
        found = str(db.execute(sql.text("SELECT * FROM labs")).all())
    assert token not in found
    assert database.view_token(token) not in found


def test_size_includes_the_models(url, lab):
    labs, token = LabStore.from_url(url), database.new_token()
    labs.save(token, lab)
    files = sum(len(one.keras_bytes) + len(one.tflite_bytes) for one in lab.bundles().values())
    assert files < labs.size(token) < files + 200_000


def test_unknown_lab_has_size_zero(url):
    assert LabStore.from_url(url).size("token of no lab") == 0


def test_server_that_does_not_answer_gives_one_sentence():
    with pytest.raises(StoreUnreachableError, match="cannot be reached"):
        LabStore.from_url("postgresql://nobody@127.0.0.1:1/none")


def test_table_that_disappears_gives_one_sentence(url, lab):
    labs = LabStore.from_url(url)
    with sql.create_engine(database.with_driver(url)).begin() as db:
        db.execute(sql.text("DROP TABLE samples"))
    with pytest.raises(StoreUnreachableError, match="cannot be reached"):
        labs.save(database.new_token(), lab)


def test_lab_is_read_from_a_locked_database(tmp_path, lab, short_lock_timeout):
    labs, token = LabStore.from_url(f"sqlite:///{tmp_path / 'labs.sqlite'}"), database.new_token()
    labs.save(token, lab)
    with contextlib.closing(sqlite3.connect(tmp_path / "labs.sqlite")) as other:
        other.execute("BEGIN EXCLUSIVE")
        again = LabStore.from_url(f"sqlite:///{tmp_path / 'labs.sqlite'}")
        assert_equal(again.load(token).snapshot, lab)
        with pytest.raises(StoreUnreachableError):
            again.mark_used(token)


def test_view_token_follows_from_the_token():
    token = database.new_token()
    view = database.view_token(token)
    assert view == database.view_token(token)
    assert view != token
    assert len(view) == len(token)


def test_lab_is_read_by_its_view_token(url, lab):
    labs, token = LabStore.from_url(url), database.new_token()
    labs.save(token, lab)
    view = database.view_token(token)
    assert_equal(labs.load_view(view).snapshot, lab)
    assert labs.load(view) is None, "the view token does not open the lab itself"
    assert labs.load_view(token) is None
    labs.delete(token)
    assert labs.load_view(view) is None


def test_read_only_database_opens_labs_and_rejects_writes(url, lab, tmp_path, monkeypatch):
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
    for write in (lambda: labs.mark_used(token), lambda: labs.save(token, LabSnapshot(), lab)):
        with pytest.raises(StoreUnreachableError):
            write()


def test_restarted_postgres_is_used_again(postgres, lab):
    labs, token = LabStore.from_url(postgres), database.new_token()
    labs.save(token, lab)
    with sql.create_engine(database.with_driver(postgres)).connect() as db:
        db.execute(sql.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"))
    assert labs.load(token) is not None


def test_urls_of_hosting_services_get_the_driver():
    for short in ("postgres", "postgresql"):
        assert database.with_driver(f"{short}://me@postgres://") == "postgresql+psycopg://me@postgres://"


def test_times_in_the_url_of_a_database_are_kept():
    parameters = {"connect_timeout": 60}
    database._limit_connecting(None, None, None, parameters)
    assert parameters == database.CONNECTION_LIMITS | {"connect_timeout": 60}


def test_folders_of_the_database_are_created(tmp_path, lab):
    token = database.new_token()
    LabStore.from_url(f"sqlite:///{tmp_path}/a/b/labs.sqlite").save(token, lab)
    assert LabStore.from_url(f"sqlite:///{tmp_path}/a/b/labs.sqlite").load(token) is not None


@pytest.mark.parametrize("bad", ["foo", "mysql://x/y", "nothing://here"])
def test_unsupported_url_gives_one_sentence(bad):
    with pytest.raises(LabError, match=r"Cannot use the database in DIGITLAB_STORE.* Set the variable to a URL"):
        LabStore.from_url(bad)


def test_folder_that_cannot_be_made_gives_one_sentence():
    with pytest.raises(StoreUnreachableError, match="cannot be reached"):
        LabStore.from_url("sqlite:////proc/nope/labs.sqlite")


def test_interrupted_write_changes_nothing(url, lab, monkeypatch):
    labs, token = LabStore.from_url(url), database.new_token()
    labs.save(token, lab)
    monkeypatch.setattr(database, "_update_rows", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        labs.save(token, replace(lab, samples=SampleSet(), runs=lab.runs[1:]), lab)
    found = labs.load(token)
    assert found.version == 1
    assert_equal(found.snapshot, lab)


def test_default_database_is_in_the_data_folder_of_the_user(tmp_path, monkeypatch):
    monkeypatch.delenv("DIGITLAB_CACHE", raising=False)
    monkeypatch.setattr(config.platformdirs, "user_data_dir", lambda name: str(tmp_path / "data" / name))
    assert database.default_url() == f"sqlite:///{tmp_path}/data/digitlab/labs.sqlite"
    monkeypatch.setenv("DIGITLAB_CACHE", str(tmp_path))
    assert database.default_url() == f"sqlite:///{tmp_path}/labs.sqlite"


def test_only_the_owner_can_read_the_files_of_a_database_and_a_power_cut_loses_nothing(tmp_path, lab):
    store = LabStore.from_url(f"sqlite:///{tmp_path}/labs.sqlite")
    store.save(database.new_token(), lab)
    assert {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == dict.fromkeys(
        ("labs.sqlite", "labs.sqlite-wal", "labs.sqlite-shm"), 0o600
    )
    with store._engine.connect() as db:
        assert db.exec_driver_sql("PRAGMA synchronous").scalar() == 2, "FULL"


def test_models_that_another_server_deletes_during_a_write_are_written_again(url, lab, monkeypatch):
    """The first attempt sees that the models exist, and another server deletes them before the runs are written."""
    writer = database._LabWriter
    store, token, save_models, tries = LabStore.from_url(url), database.new_token(), writer._save_models, []

    def save_late(*arguments):
        tries.append(arguments)
        if len(tries) > 2:
            save_models(*arguments)

    monkeypatch.setattr(writer, "_save_models", save_late)
    assert store.save(token, lab) == 1
    assert len(tries) == 3
    assert len(store.load(token).snapshot.runs) == 2


def test_models_that_are_always_missing_are_written_later(url, lab, monkeypatch):
    monkeypatch.setattr(database._LabWriter, "_save_models", lambda *arguments: None)
    with pytest.raises(StoreUnreachableError):
        LabStore.from_url(url).save(database.new_token(), lab)


def test_the_log_says_once_a_minute_why_a_store_cannot_be_reached(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(database, "_logged_at", None)
    for _ in range(3):
        with pytest.raises(StoreUnreachableError):
            LabStore.from_url(f"sqlite:///{tmp_path}")
    assert [record.getMessage() for record in caplog.records] == [
        "The database of labs cannot be used: unable to open database file"
    ]


def test_a_port_that_is_no_number_gives_a_sentence():
    with pytest.raises(LabError, match="Set the variable to a URL"):
        LabStore.from_url("postgresql://lab@db:port/labs")


def test_a_connection_that_has_become_read_only_is_replaced(tmp_path, lab):
    """SQLite opens a database read-only for good if it cannot be opened for writing, for example with too many open files."""
    store, token = LabStore.from_url(f"sqlite:///{tmp_path}/labs.sqlite"), database.new_token()
    with store._engine.connect() as db:
        db.exec_driver_sql("PRAGMA query_only = ON")
    with pytest.raises(StoreUnreachableError):
        store.save(token, lab)
    store.save(token, lab)
    assert store.load(token) is not None


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_deleted_database_is_created_again_for_its_owner_only(tmp_path, lab, caplog, is_replaced):
    file, token = tmp_path / "labs.sqlite", database.new_token()
    store = LabStore.from_url(f"sqlite:///{file}")
    store.save(token, lab)
    assert not store.reopen_if_deleted()
    for old in tmp_path.glob("labs.sqlite*"):
        old.unlink()
    if is_replaced:
        LabStore.from_url(f"sqlite:///{file}").save("other", lab)
    assert store.reopen_if_deleted()
    assert "was deleted or replaced" in caplog.text
    assert store.load(token) is None
    assert (store.load("other") is not None) == is_replaced
    assert file.stat().st_mode & 0o777 == 0o600
    assert not store.reopen_if_deleted()
