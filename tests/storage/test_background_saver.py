import contextlib
import sqlite3
import time
from dataclasses import replace

import pytest
import sqlalchemy as sql

from digitcore.errors import StoreUnreachableError
from digitcore.storage import database, schema
from digitcore.storage.background_saver import BackgroundSaver, SaveState
from digitcore.storage.database import LabStore


@pytest.fixture
def saver(tmp_path):
    running = BackgroundSaver(LabStore.from_url(f"sqlite:///{tmp_path / 'labs.sqlite'}"), keep_days=90, retry_interval=0.05)
    yield running
    running.close()


def test_the_newest_snapshot_is_written(saver, lab):
    state = SaveState(database.new_token())
    saver.save(state, lab)
    saver.save(state, replace(lab, preferences={"run_counter": 3}))
    saver.wait()
    assert not state.is_behind and not state.error
    assert saver.store.load(state.token)[0].preferences == {"run_counter": 3}
    assert saver.save(state, state.saved) is None, "nothing to write"


def test_a_conflict_is_noted_and_nothing_overwritten(saver, lab):
    state = SaveState(database.new_token())
    saver.save(state, lab).result()
    snapshot, version, _ = saver.store.load(state.token)
    other = SaveState(state.token, version, snapshot)
    saver.save(other, replace(snapshot, preferences={"run_counter": 4})).result()
    saver.save(state, replace(lab, preferences={"run_counter": 5})).result()
    assert state.has_conflict and "another window" in state.error and not other.error
    assert saver.save(state, lab) is None
    assert saver.store.load(state.token)[0].preferences == {"run_counter": 4}


def test_a_deleted_lab_is_not_written_again(saver, lab):
    state = SaveState(database.new_token())
    saver.save(state, lab).result()
    saver.store.delete(state.token)
    saver.save(state, replace(lab, preferences={})).result()
    assert state.is_deleted and "forgotten in another window" in state.error
    assert saver.save(state, lab) is None and saver.store.load(state.token) is None


@pytest.fixture
def outage(tmp_path):
    """Call it to make the store fail, and again to end that."""
    engine, names = sql.create_engine(f"sqlite:///{tmp_path / 'labs.sqlite'}"), ["samples", "away"]

    def toggle():
        with engine.begin() as db:
            db.execute(sql.text("ALTER TABLE {} RENAME TO {}".format(*names)))
        names.reverse()

    return toggle


def until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_could_not_be_written_is_written_later(saver, lab, outage):
    states = [SaveState(database.new_token()) for _ in range(3)]
    outage()
    for state in states:
        saver.save(state, lab).result()
        assert "cannot be reached" in state.error and state.is_behind
    newer = replace(lab, preferences={"run_counter": 7})
    assert saver.save(states[0], newer) is None, "it waits for the next try"
    outage()
    until(lambda: not any(state.is_behind or state.error for state in states))
    assert saver.store.load(states[0].token).snapshot.preferences == {"run_counter": 7}


def test_a_lab_that_is_locked_holds_up_no_other(postgres, lab):
    saver = BackgroundSaver(LabStore.from_url(postgres), keep_days=90, retry_interval=0.05)
    locked, other = SaveState(database.new_token()), SaveState(database.new_token())
    engine = sql.create_engine(database.with_driver(postgres))
    for state in (locked, other):
        saver.save(state, lab).result()
    newer = replace(lab, preferences={"run_counter": 7})
    with engine.begin() as blocker, engine.begin() as both:
        blocker.execute(sql.select(schema.labs).where(schema.labs.c.id == database.token_hash(locked.token)).with_for_update())
        both.execute(sql.select(schema.labs).where(schema.labs.c.id == database.token_hash(other.token)).with_for_update())
        for state in (locked, other):
            saver.save(state, newer).result()
            assert state.is_behind and "cannot be reached" in state.error
        both.rollback()
        until(lambda: not other.is_behind)
        assert locked.is_behind
    until(lambda: not locked.is_behind)
    saver.close()


def test_a_write_whose_answer_was_lost_is_known_again(saver, lab, monkeypatch):
    save = saver.store.save

    def save_without_answer(*arguments):
        save(*arguments)
        monkeypatch.setattr(saver.store, "save", save)
        raise StoreUnreachableError(database.UNREACHABLE)

    state = SaveState(database.new_token())
    for now in (lab, replace(lab, samples=lab.samples.drop([0]))):
        monkeypatch.setattr(saver.store, "save", save_without_answer)
        saver.save(state, now).result()
        saver.save(state, replace(now, preferences={"run_counter": 7}))  # meanwhile the user goes on
        until(lambda: not state.is_behind)
        found = saver.store.load(state.token).snapshot
        assert not state.has_conflict and not state.error
        assert found.preferences == {"run_counter": 7} and len(found.samples) == len(now.samples)


def test_closing_writes_what_could_not_be_written(tmp_path, lab, outage):
    saver = BackgroundSaver(LabStore.from_url(f"sqlite:///{tmp_path / 'labs.sqlite'}"), keep_days=90, retry_interval=1000)
    state = SaveState(database.new_token())
    outage()
    saver.save(state, lab).result()
    outage()
    saver.close()
    assert not state.is_behind and saver.store.load(state.token) is not None


def test_a_lab_waits_for_its_own_writes_alone(saver, lab, tmp_path):
    mine, other = SaveState(database.new_token()), SaveState(database.new_token())
    with contextlib.closing(sqlite3.connect(tmp_path / "labs.sqlite")) as blocker:
        blocker.execute("BEGIN EXCLUSIVE")
        saver.save(other, lab)
        saver.flush(mine.token, timeout=0)
        with pytest.raises(StoreUnreachableError):
            saver.flush(other.token, timeout=0)


def test_a_reload_finds_what_could_not_be_written_before(tmp_path, lab, outage):
    saver = BackgroundSaver(LabStore.from_url(f"sqlite:///{tmp_path / 'labs.sqlite'}"), keep_days=90, retry_interval=1000)
    state = SaveState(database.new_token())
    outage()
    saver.save(state, lab).result()
    with pytest.raises(StoreUnreachableError):
        saver.flush(state.token, timeout=20)
    outage()
    saver.flush(state.token, timeout=20)
    assert saver.store.load(state.token) is not None and not state.error
    saver.close()


def test_a_change_that_was_taken_back_holds_up_nobody(saver, lab, outage):
    wavering, other = SaveState(database.new_token()), SaveState(database.new_token())
    saver.save(wavering, lab).result()
    outage()
    for state, now in ((wavering, replace(lab, samples=lab.samples.drop([0]))), (other, lab)):
        saver.save(state, now).result()
    saver.save(wavering, replace(lab))
    outage()
    until(lambda: not other.is_behind and not wavering.error)


def test_what_is_deleted_during_an_outage_is_not_written_later(saver, lab, outage):
    state = SaveState(database.new_token())
    outage()
    saver.save(state, lab).result()
    outage()
    saver.delete(state, timeout=20)
    saver.retry()
    assert saver.store.load(state.token) is None


def test_what_no_store_can_hold_is_said(saver, lab):
    state, other = SaveState(database.new_token()), SaveState(database.new_token())
    saver.save(state, replace(lab, sweep={"grid": print})).result()
    assert "cannot be saved" in state.error
    saver.save(other, lab).result()
    assert not other.error


def test_opening_is_noted_where_it_can_be(saver, lab, outage):
    state = SaveState(database.new_token())
    saver.save(state, lab).result()
    saver.mark_used(state.token)
    saver.mark_used("nobody's")
    saver.wait()
