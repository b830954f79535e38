from dataclasses import replace

import pytest
import sqlalchemy as sql

from digitcore.storage import database
from digitcore.storage.background_saver import BackgroundSaver, SaveState
from digitcore.storage.database import LabStore


@pytest.fixture
def saver(tmp_path):
    running = BackgroundSaver(LabStore.from_url(f"sqlite:///{tmp_path / 'labs.sqlite'}"), keep_days=90)
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
    snapshot, version = saver.store.load(state.token)
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


def test_an_error_is_noted_and_the_next_write_succeeds(saver, lab, tmp_path):
    state, engine = SaveState(database.new_token()), sql.create_engine(f"sqlite:///{tmp_path / 'labs.sqlite'}")
    with engine.begin() as db:
        db.execute(sql.text("ALTER TABLE samples RENAME TO away"))
    saver.save(state, lab).result()
    assert "cannot be reached" in state.error and state.is_behind
    with engine.begin() as db:
        db.execute(sql.text("ALTER TABLE away RENAME TO samples"))
    saver.save(state, lab).result()
    assert not state.error and not state.is_behind
