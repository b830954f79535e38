"""Saving in the background, with and without a response of the database."""

import contextlib
import shutil
import sqlite3
import threading
import time
from dataclasses import replace

import pytest
import sqlalchemy as sql

from digitcore.errors import StoreUnreachableError
from digitcore.storage import background_saver, database, schema
from digitcore.storage.background_saver import BackgroundSaver, SaveState, SaveStatus
from digitcore.storage.changes import PartIds
from digitcore.storage.database import DAY, LabStore
from tests.support.clock import set_clock
from tests.support.labs import assert_equal

NEVER = 10_000  # s between two tries. The tests call `retry` instead.
PATIENCE = 60  # s to wait for another thread on a busy machine


@pytest.fixture
def store(tmp_path):
    return LabStore.from_url(f"sqlite:///{tmp_path / 'labs.sqlite'}")


@pytest.fixture
def saver(store):
    running = BackgroundSaver(store, keep_days=90, retry_interval=NEVER)
    yield running
    running.close()


@pytest.fixture
def state():
    return SaveState(database.new_token())


@pytest.fixture
def other():
    return SaveState(database.new_token())


@pytest.fixture
def outage(tmp_path):
    """Return a function that starts an outage of the database when it is called, and ends it when it is called again."""
    engine, names = sql.create_engine(f"sqlite:///{tmp_path / 'labs.sqlite'}"), ["samples", "away"]

    def toggle():
        with engine.begin() as db:
            db.execute(sql.text("ALTER TABLE {} RENAME TO {}".format(*names)))
        names.reverse()

    return toggle


@pytest.fixture
def slow_writes(saver, monkeypatch):
    """Return two events: each write sets the first when it begins, and waits for the second."""
    save, is_writing, may_go_on = saver.store.save, threading.Event(), threading.Event()

    def save_slowly(*arguments):
        is_writing.set()
        assert may_go_on.wait(PATIENCE)
        return save(*arguments)

    monkeypatch.setattr(saver.store, "save", save_slowly)
    yield is_writing, may_go_on
    may_go_on.set()


def test_newest_snapshot_is_written(saver, state, lab):
    saver.save(state, lab)
    saver.save(state, replace(lab, preferences={"run_counter": 3}))
    saver.wait()
    assert not state.is_behind
    assert state.status is SaveStatus.OK
    assert saver.store.load(state.token).snapshot.preferences == {"run_counter": 3}


def test_a_write_that_follows_the_last_reads_nothing(saver, state, lab, monkeypatch):
    monkeypatch.setattr(saver.store, "changes", None)
    saver.save(state, lab).result()
    saver.save(state, replace(lab, preferences={})).result()
    assert state.version == 2


def test_unchanged_lab_is_not_written(saver, state, lab):
    saver.save(state, lab).result()
    assert saver.save(state, replace(lab)) is None
    assert state.version == 1


def test_snapshot_that_comes_during_a_write_is_written_next(saver, state, lab, slow_writes):
    is_writing, may_go_on = slow_writes
    first = saver.save(state, lab)
    assert is_writing.wait(PATIENCE)
    second = saver.save(state, replace(lab, preferences={"run_counter": 3}))
    assert second is not first
    may_go_on.set()
    second.result()
    assert state.version == 2
    assert saver.store.load(state.token).snapshot.preferences == {"run_counter": 3}


class Device:
    """A session that has opened a lab of a store."""

    def __init__(self, saver, token):
        found = saver.store.load(token)
        self.saver, self.lab = saver, found.snapshot
        self.state = SaveState(token, found.version, found.snapshot, found.snapshot)

    def change(self, **changes):
        """Change parts of the lab, and write them."""
        self.lab = replace(self.lab, **changes)
        self.saver.save(self.state, self.lab).result()

    def label(self, number, label):
        """Add a copy of a sample with another label."""
        self.change(samples=self.lab.samples.add(self.lab.samples.digits[number], label))

    def take_over(self):
        """Look for changes of other devices, and take them over. Return the changes."""
        self.state.polled_at = 0.0
        if looking := self.saver.poll(self.state):
            looking.result()
        changes = self.saver.take(self.state, self.lab)
        self.lab = changes.apply(self.lab)
        self.saver.confirm(self.state, changes, self.lab)
        self.saver.wait()
        return changes


@pytest.fixture
def devices(saver, state, lab):
    """Return two devices that have opened one lab."""
    saver.save(state, lab).result()
    return Device(saver, state.token), Device(saver, state.token)


def test_two_devices_that_label_alternately_have_one_lab(saver, devices, lab):
    for number in range(20):
        devices[number % 2].label(number % 3, number % 10)
    for device in devices:
        device.take_over()
    stored = saver.store.load(devices[0].state.token)
    assert len(stored.snapshot.samples) == len(lab.samples) + 20
    for device in devices:
        assert device.lab.samples.ids == stored.snapshot.samples.ids
        assert device.state.version == stored.version == 21, "taking over writes nothing"
        assert not device.state.is_behind
        assert device.take_over().is_empty


def test_a_change_that_is_not_written_yet_is_kept(saver, devices, outage):
    """One device removes a drawing and relabels two drawings, while the other device cannot write."""
    one, other = devices
    one.take_over()
    outage()
    samples = other.lab.samples
    other.change(samples=samples.relabel([0, 1], 8).add(samples.digits[0], 5))
    assert other.state.is_behind
    outage()
    one.change(samples=one.lab.samples.relabel([1, 2], 9).drop([0]))
    saver.retry()
    other.take_over()
    one.take_over()
    assert other.lab.samples.labels[:2].tolist() == one.lab.samples.labels[:2].tolist() == [8, 9]
    assert len(other.lab.samples) == len(one.lab.samples) == len(samples)
    assert samples.ids[0] not in saver.store.load(one.state.token).snapshot.samples.ids, "a removed drawing stays removed"


def test_changes_that_come_during_a_write_are_not_removed_by_the_next_write(saver, devices, slow_writes):
    """The session takes changes over while an older state of its lab is written."""
    one, other = devices
    is_writing, may_go_on = slow_writes
    may_go_on.set()
    other.label(0, 3)
    one.label(1, 4)
    assert one.state.has_incoming
    is_writing.clear()
    may_go_on.clear()
    one.lab = replace(one.lab, preferences={"run_counter": 3})
    saver.save(one.state, one.lab)
    assert is_writing.wait(PATIENCE)
    changes = saver.take(one.state, one.lab)
    one.lab = changes.apply(one.lab)
    saver.confirm(one.state, changes, one.lab)
    may_go_on.set()
    saver.wait()
    saver.wait()
    assert PartIds.of(saver.store.load(one.state.token).snapshot) == PartIds.of(one.lab)
    other.change(samples=other.lab.samples.drop([len(other.lab.samples) - 1]))
    assert len(one.take_over().removed.samples) == 1


def test_a_deletion_of_the_lab_is_noticed_without_a_write(saver, devices):
    one, _ = devices
    saver.store.delete(one.state.token)
    assert one.take_over().is_empty
    assert one.state.is_deleted


def test_a_look_is_not_repeated_at_once(saver, devices):
    one, other = devices
    assert saver.poll(one.state) is not None
    assert saver.poll(one.state) is None
    other.label(0, 3)
    assert not one.take_over().is_empty


def test_a_lab_that_is_not_in_the_database_is_not_looked_for(saver, state, devices):
    assert saver.poll(SaveState(state.token)) is None
    saver.delete(state, PATIENCE)
    assert saver.poll(state) is None


def test_a_database_that_does_not_answer_is_not_asked_by_each_look(saver, devices, monkeypatch):
    asked = []

    def fail(*arguments):
        asked.append(arguments)
        raise StoreUnreachableError

    monkeypatch.setattr(saver.store, "changes", fail)
    assert [saver.poll(device.state).result() for device in devices] == [False, False]
    assert len(asked) == 1


def test_a_renewal_without_a_response_is_ended_by_the_next_write(saver, devices, monkeypatch):
    """Otherwise, nobody would know the new token of the lab."""
    one, _ = devices
    before, renew = one.state.token, saver.store.renew_token

    def renew_without_answer(*tokens):
        renew(*tokens)
        monkeypatch.setattr(saver.store, "renew_token", renew)
        raise StoreUnreachableError

    monkeypatch.setattr(saver.store, "renew_token", renew_without_answer)
    with pytest.raises(StoreUnreachableError):
        saver.renew_token(one.state, PATIENCE)
    one.label(0, 3)
    assert one.state.status is SaveStatus.OK
    assert one.state.token != before
    assert len(saver.store.load(one.state.token).snapshot.samples) == len(one.lab.samples)


def test_a_renewal_that_fails_again_is_repeated_with_the_same_token(saver, devices, monkeypatch):
    """The write that follows waits for the renewal, because its token may open nothing any more."""
    one, _ = devices
    renew, before = saver.store.renew_token, one.state.token

    def fail(*_):
        raise StoreUnreachableError

    monkeypatch.setattr(saver.store, "renew_token", fail)
    with pytest.raises(StoreUnreachableError):
        saver.renew_token(one.state, PATIENCE)
    wanted = one.state.next_token
    one.label(0, 3)
    assert one.state.status is SaveStatus.UNREACHABLE
    assert "cannot be reached" in one.state.error
    assert (one.state.token, one.state.next_token) == (before, wanted)
    monkeypatch.setattr(saver.store, "renew_token", renew)
    saver.retry()
    assert (one.state.token, one.state.next_token, one.state.status) == (wanted, "", SaveStatus.OK)
    assert len(saver.store.load(wanted).snapshot.samples) == len(one.lab.samples)


def test_a_renewed_link_is_used_for_the_next_writes(saver, devices):
    one, other = devices
    before = one.state.token
    saver.renew_token(one.state, PATIENCE)
    one.label(0, 3)
    assert one.state.token != before
    assert len(saver.store.load(one.state.token).snapshot.samples) == len(one.lab.samples)
    other.label(1, 4)
    assert other.state.is_deleted
    assert "its link was renewed" in other.state.error


def test_deleted_lab_is_not_written_again(saver, state, lab):
    saver.save(state, lab).result()
    saver.store.delete(state.token)
    saver.save(state, replace(lab, preferences={})).result()
    assert state.status is SaveStatus.DELETED
    assert "This lab was deleted" in state.error
    assert saver.save(state, lab) is None
    assert saver.store.load(state.token) is None


def test_write_that_is_queued_behind_a_deletion_is_dropped(saver, state, lab, slow_writes):
    is_writing, may_go_on = slow_writes
    may_go_on.set()
    saver.save(state, lab).result()
    may_go_on.clear()
    is_writing.clear()
    saver.store.delete(state.token)
    saver.save(state, replace(lab, preferences={"run_counter": 3}))
    assert is_writing.wait(PATIENCE)
    queued = saver.save(state, replace(lab, preferences={}))
    may_go_on.set()
    queued.result()
    assert state.is_deleted
    assert saver.store.load(state.token) is None


def test_damaged_parts_are_replaced_by_the_next_write(saver, state, lab):
    saver.save(state, lab).result()
    found = saver.store.load(state.token)
    partial = replace(found.snapshot, runs=found.snapshot.runs[1:])
    again = SaveState(state.token, found.version, partial, partial, damaged=PartIds(runs=frozenset([lab.runs[0].id])))
    assert not again.is_behind, "opening writes nothing"
    saver.save(again, replace(partial, preferences={})).result()
    assert again.damaged.is_empty
    assert [run.name for run in saver.store.load(state.token).snapshot.runs] == ["run 2"]


def test_labs_that_could_not_be_written_are_written_later(saver, lab, outage):
    states = [SaveState(database.new_token()) for _ in range(3)]
    outage()
    for state in states:
        saver.save(state, lab).result()
        assert state.status is SaveStatus.UNREACHABLE
        assert "cannot be reached" in state.error
        assert state.is_behind
    newer = replace(lab, preferences={"run_counter": 7})
    assert saver.save(states[0], newer) is None, "the newer snapshot waits for the next try"
    outage()
    saver.retry()
    for state in states:
        assert not state.is_behind
        assert state.error == ""
    assert saver.store.load(states[0].token).snapshot.preferences == {"run_counter": 7}


def test_write_is_tried_again_after_the_interval(store, state, lab, outage, monkeypatch):
    outage()
    saver = BackgroundSaver(store, keep_days=90, retry_interval=0.01)
    saver.save(state, lab).result()
    save, is_written = store.save, threading.Event()

    def save_and_tell(*arguments):
        version = save(*arguments)
        is_written.set()
        return version

    monkeypatch.setattr(store, "save", save_and_tell)
    outage()
    assert is_written.wait(PATIENCE)
    saver.close()
    assert not state.is_behind


def test_locked_lab_does_not_delay_other_labs(postgres, state, other, lab, short_lock_timeout):
    saver = BackgroundSaver(LabStore.from_url(postgres), keep_days=90, retry_interval=NEVER)
    engine = sql.create_engine(database.with_driver(postgres))
    for one in (state, other):
        saver.save(one, lab).result()
    newer = replace(lab, preferences={"run_counter": 7})
    with engine.begin() as blocker, engine.begin() as both:
        for db, one in ((blocker, state), (both, other)):
            db.execute(sql.select(schema.labs).where(schema.labs.c.id == database.token_hash(one.token)).with_for_update())
        for one in (state, other):
            saver.save(one, newer).result()
            assert one.status is SaveStatus.UNREACHABLE
        both.rollback()
        saver.retry()
        saver.retry()
        assert not other.is_behind
        assert state.is_behind
    saver.close()
    assert not state.is_behind


@pytest.mark.parametrize("is_new", [True, False])
def test_write_without_an_answer_is_recognized(saver, state, lab, monkeypatch, is_new):
    save = saver.store.save

    def save_without_answer(*arguments):
        save(*arguments)
        monkeypatch.setattr(saver.store, "save", save)
        raise StoreUnreachableError

    if not is_new:
        saver.save(state, lab).result()
    now = replace(lab, samples=lab.samples.drop([0]))
    monkeypatch.setattr(saver.store, "save", save_without_answer)
    saver.save(state, now).result()
    saver.save(state, replace(now, preferences={"run_counter": 7}))
    saver.retry()
    found = saver.store.load(state.token).snapshot
    assert state.status is SaveStatus.OK
    assert found.preferences == {"run_counter": 7}
    assert len(found.samples) == len(now.samples)


def test_closing_writes_the_labs_that_could_not_be_written(store, state, lab, outage):
    saver = BackgroundSaver(store, keep_days=90, retry_interval=NEVER)
    outage()
    saver.save(state, lab).result()
    outage()
    saver.close()
    assert not state.is_behind
    assert store.load(state.token) is not None


def test_flush_waits_for_the_writes_of_its_lab_only(saver, state, other, lab, tmp_path, short_lock_timeout):
    with contextlib.closing(sqlite3.connect(tmp_path / "labs.sqlite")) as blocker:
        blocker.execute("BEGIN EXCLUSIVE")
        saver.save(other, lab)
        saver.flush(state.token, timeout=0)
        with pytest.raises(StoreUnreachableError):
            saver.flush(other.token, timeout=0)


def test_flush_waits_for_a_queued_write(saver, state, lab):
    saver.save(state, lab)
    saver.flush(state.token, PATIENCE)
    assert saver.store.load(state.token) is not None


def test_flush_writes_a_lab_that_could_not_be_written_before(saver, state, lab, outage):
    outage()
    saver.save(state, lab).result()
    with pytest.raises(StoreUnreachableError):
        saver.flush(state.token, PATIENCE)
    outage()
    saver.flush(state.token, PATIENCE)
    assert saver.store.load(state.token) is not None
    assert state.error == ""


def test_undone_change_does_not_delay_other_labs(saver, state, other, lab, outage):
    saver.save(state, lab).result()
    outage()
    for one, now in ((state, replace(lab, samples=lab.samples.drop([0]))), (other, lab)):
        saver.save(one, now).result()
    saver.save(state, replace(lab))
    outage()
    saver.retry()
    assert not other.is_behind
    assert state.status is SaveStatus.OK
    assert not state.is_behind
    assert len(saver.store.load(state.token).snapshot.samples) == len(lab.samples)


def test_lab_that_is_deleted_during_an_outage_is_not_written_later(saver, state, lab, outage):
    outage()
    saver.save(state, lab).result()
    outage()
    saver.delete(state, PATIENCE)
    saver.retry()
    assert saver.store.load(state.token) is None


def test_lab_that_is_deleted_during_its_write_stays_deleted(saver, state, lab, slow_writes, monkeypatch):
    is_writing, may_go_on = slow_writes
    saver.save(state, lab)
    assert is_writing.wait(PATIENCE)
    deleting = threading.Thread(target=saver.delete, args=(state, PATIENCE))
    monkeypatch.setattr(saver._executor, "submit", _submit_and_tell(saver._executor.submit, may_go_on))
    deleting.start()
    deleting.join(PATIENCE)
    assert state.is_deleted
    assert saver.save(state, replace(lab, preferences={})) is None
    assert saver.store.load(state.token) is None


def _submit_and_tell(submit, event):
    """Return `submit` that also sets an event, so that the waiting work continues when more work is queued."""

    def submit_and_tell(*arguments):
        future = submit(*arguments)
        event.set()
        return future

    return submit_and_tell


def test_deletion_that_fails_leaves_the_lab(saver, state, lab):
    saver.save(state, lab).result()
    engine = saver.store._engine
    with engine.begin() as db:
        db.execute(sql.text("ALTER TABLE labs RENAME TO labs_away"))
    with pytest.raises(StoreUnreachableError):
        saver.delete(state, PATIENCE)
    assert state.status is SaveStatus.OK
    with engine.begin() as db:
        db.execute(sql.text("ALTER TABLE labs_away RENAME TO labs"))
    saver.save(state, replace(lab, preferences={})).result()
    assert state.version == 2


def test_deletion_that_takes_too_long_says_so(saver, state, other, lab, tmp_path, short_lock_timeout):
    saver.save(state, lab).result()
    with contextlib.closing(sqlite3.connect(tmp_path / "labs.sqlite")) as blocker:
        blocker.execute("BEGIN EXCLUSIVE")
        saver.save(other, lab)
        with pytest.raises(StoreUnreachableError):
            saver.delete(state, timeout=0)
    assert state.is_deleted


def test_lab_that_cannot_be_stored_does_not_stop_other_labs(saver, state, other, lab):
    saver.save(state, replace(lab, sweep={"grid": print})).result()
    assert state.status is SaveStatus.UNWRITABLE
    assert "cannot be saved" in state.error
    saver.save(other, lab).result()
    assert other.status is SaveStatus.OK


def test_opening_a_lab_is_noted(saver, state, lab, monkeypatch):
    saver.save(state, lab).result()
    set_clock(monkeypatch, database, time=lambda: 5e9)
    saver.mark_used(state.token)
    saver.mark_used("token of no lab")
    saver.wait()
    with saver.store._engine.connect() as db:
        assert db.scalar(sql.select(schema.labs.c.last_used)) == 5e9


def test_note_of_an_opening_is_dropped_during_an_outage(saver, state, lab):
    saver.save(state, lab).result()
    with saver.store._engine.begin() as db:
        db.execute(sql.text("ALTER TABLE labs RENAME TO labs_away"))
    saver.mark_used(state.token)
    saver.wait()
    with saver.store._engine.begin() as db:
        db.execute(sql.text("ALTER TABLE labs_away RENAME TO labs"))
    saver.save(state, replace(lab, preferences={})).result()
    assert state.status is SaveStatus.OK


def test_expired_labs_are_deleted_once_a_day(store, state, lab, monkeypatch):
    checks, clock = [], [10 * DAY]
    monkeypatch.setattr(store, "delete_expired", checks.append)
    set_clock(monkeypatch, background_saver, monotonic=lambda: clock[0])
    saver = BackgroundSaver(store, keep_days=90, retry_interval=NEVER)
    saver.save(state, lab).result()
    saver.save(state, replace(lab, preferences={"run_counter": 3})).result()
    assert checks == [90]
    clock[0] += DAY + 1
    saver.save(state, replace(lab, preferences={})).result()
    assert checks == [90, 90]
    saver.close()


def test_failed_deletion_of_expired_labs_is_tried_after_the_next_write(store, state, lab, monkeypatch):
    checks = []

    def fail(days):
        checks.append(days)
        raise StoreUnreachableError

    monkeypatch.setattr(store, "delete_expired", fail)
    saver = BackgroundSaver(store, keep_days=90, retry_interval=NEVER)
    saver.save(state, lab).result()
    assert checks == [90, 90]
    saver.close()


@pytest.mark.parametrize("is_folder_deleted", [False, True])
def test_labs_of_open_sessions_are_written_again_after_a_deletion(saver, state, other, lab, tmp_path, is_folder_deleted):
    """The lab of `other` does not change after the database was deleted."""
    for each in (state, other):
        saver.save(each, lab).result()
    assert not saver.take_rewritten(state)
    if is_folder_deleted:
        shutil.rmtree(tmp_path)
    else:
        for file in tmp_path.glob("labs.sqlite*"):
            file.unlink()
    more = replace(lab, samples=lab.samples.add(lab.samples.digits[0], 7))
    saver.save(state, more).result()
    saver.wait()
    for each, expected in ((state, more), (other, lab)):
        assert_equal(LabStore.from_url(f"sqlite:///{tmp_path}/labs.sqlite").load(each.token).snapshot, expected)
        assert not each.is_behind
        assert saver.take_rewritten(each)
        assert not saver.take_rewritten(each)


def test_a_deleted_lab_is_not_written_to_a_new_database(saver, state, other, lab, tmp_path):
    for each in (state, other):
        saver.save(each, lab).result()
    saver.delete(state, timeout=60)
    (tmp_path / "labs.sqlite").unlink()
    saver.save(other, replace(lab, preferences={})).result()
    saver.wait()
    assert saver.store.load(state.token) is None
    assert saver.store.load(other.token) is not None


def test_a_deleted_database_is_found_without_a_write(store, state, lab, tmp_path):
    saver = BackgroundSaver(store, keep_days=90, retry_interval=0.01)
    saver.save(state, lab).result()
    (tmp_path / "labs.sqlite").unlink()
    deadline = time.monotonic() + PATIENCE
    while not saver.take_rewritten(state):
        assert time.monotonic() < deadline
        saver.wait()
    saver.close()
    assert_equal(store.load(state.token).snapshot, lab)
