"""Labs in a real SQLite, and in a real PostgreSQL where one is installed."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sql
from alembic import command
from alembic.config import Config

from digitcore import store
from digitcore.errors import LabError
from digitcore.labs import LabRecord
from digitcore.samples import SampleSet
from digitcore.store import Conflict, Keeper, Kept, Store
from tests.conftest import equal


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    if request.param == "postgres":
        found = request.getfixturevalue("postgres")
        with sql.create_engine(store.normal_url(found)).begin() as db:
            db.execute(sql.text("DROP SCHEMA public CASCADE"))
            db.execute(sql.text("CREATE SCHEMA public"))
        return found
    return f"sqlite:///{tmp_path / 'labs.sqlite'}"


def rows(url, table):
    with sql.create_engine(store.normal_url(url)).begin() as db:
        return db.scalar(sql.text(f"SELECT count(*) FROM {table}"))


def test_a_lab_comes_back(url, lab):
    token = store.token()
    assert Store.at(url).save(token, lab) == 1
    record, version = Store.at(url).load(token)
    assert version == 1 and equal(record, lab)
    assert Store.at(url).load(store.token()) is None
    assert rows(url, "models") == 2, "each file once, whatever its names"


def test_only_what_changed_is_written(url, lab):
    shelf, token = Store.at(url), store.token()
    shelf.save(token, lab)
    changes = [
        replace(lab, samples=lab.samples.add(lab.samples.digits[1], 7)),
        replace(lab, samples=lab.samples.relabelled([4], 0)),
        replace(lab, samples=lab.samples.without([2, 3])),
        replace(lab, samples=SampleSet()),
        replace(lab, runs=(lab.runs[0], lab.runs[1].renamed("other"))),
        replace(lab, runs=lab.runs[1:]),
        replace(lab, choices={"used": ""}),
        replace(lab, uploads=()),
    ]
    before, version = lab, 1
    for now in changes:
        version = shelf.save(token, now, before, version)
        before = now
        assert equal(shelf.load(token)[0], now)


def test_models_that_nobody_uses_go(url, lab):
    shelf, one, other = Store.at(url), store.token(), store.token()
    shelf.save(one, lab)
    shelf.save(other, replace(lab, runs=(), uploads=lab.uploads))
    assert rows(url, "models") == 2
    shelf.save(one, LabRecord(lab.samples), lab, 1)
    assert rows(url, "models") == 1
    shelf.forget(other)
    assert rows(url, "models") == 0 and shelf.load(other) is None
    assert len(shelf.load(one)[0].samples) == len(lab.samples)


def test_two_windows_do_not_overwrite_each_other(url, lab):
    shelf, token = Store.at(url), store.token()
    shelf.save(token, lab)
    shelf.save(token, replace(lab, choices={}), lab, 1)
    with pytest.raises(Conflict, match="another window"):
        shelf.save(token, replace(lab, samples=SampleSet()), lab, 1)
    with pytest.raises(Conflict):
        shelf.save(token, lab)
    assert equal(shelf.load(token)[0], replace(lab, choices={}))


def test_a_forgotten_lab_stays_forgotten(url, lab):
    keeper, token = Keeper(Store.at(url)), store.token()
    kept = Kept(token)
    keeper.keep(kept, lab).result()
    keeper.store.forget(token)
    keeper.keep(kept, replace(lab, choices={})).result()
    assert kept.gone and "forgotten in another window" in kept.trouble
    assert keeper.keep(kept, lab) is None and keeper.store.load(token) is None


def test_old_labs_are_swept(url, lab):
    shelf, old, new = Store.at(url), store.token(), store.token()
    shelf.save(old, lab)
    shelf.save(new, lab)
    with sql.create_engine(store.normal_url(url)).begin() as db:
        db.execute(sql.update(store._labs).where(store._labs.c.id == store._id(old)).values(used=time.time() - 91 * store.DAY))
    assert shelf.sweep() == 1 and shelf.load(old) is None and shelf.load(new) is not None


def test_the_token_is_not_in_the_store(url, lab):
    token = store.token()
    Store.at(url).save(token, lab)
    with sql.create_engine(store.normal_url(url)).begin() as db:
        assert token not in str(db.execute(sql.text("SELECT id, choices FROM labs")).all())


def test_the_size_is_said(url, lab):
    shelf, token = Store.at(url), store.token()
    shelf.save(token, lab)
    files = sum(len(one.keras_bytes) + len(one.tflite_bytes) for one in lab.bundles().values())
    assert files < shelf.size(token) < files + 200_000
    assert shelf.size("nobody") == 0


def test_an_older_store_is_brought_up_to_date(url, lab):
    config = Config()
    config.set_main_option("script_location", str(Path(store.__file__).with_name("migrations")))
    engine, token = sql.create_engine(store.normal_url(url)), store.token()
    with engine.begin() as db:
        config.attributes["connection"] = db
        command.upgrade(config, "0001")
        db.execute(sql.insert(store._labs).values(id=store._id(token), version=1, used=time.time(), choices="{}"))
    shelf = Store.at(url)
    assert shelf.load(token)[1] == 1
    assert shelf.save(token, lab, LabRecord(), 1) == 2 and equal(shelf.load(token)[0], lab)


def test_a_newer_store_is_refused(url):
    Store.at(url)
    with sql.create_engine(store.normal_url(url)).begin() as db:
        db.execute(sql.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LabError, match="newer Digit Lab"):
        Store.at(url)


def test_the_schema_is_what_the_migrations_make(url):
    Store.at(url)
    inspector = sql.inspect(sql.create_engine(store.normal_url(url)))
    for name, table in store._meta.tables.items():
        assert {column["name"] for column in inspector.get_columns(name)} == set(table.columns.keys())


def test_a_store_out_of_reach_is_one_sentence(tmp_path, lab):
    with pytest.raises(LabError, match="cannot be reached"):
        Store.at("postgresql://nobody@127.0.0.1:1/none")
    shelf = Store.at(f"sqlite:///{tmp_path / 'labs.sqlite'}")
    with sql.create_engine(f"sqlite:///{tmp_path / 'labs.sqlite'}").begin() as db:
        db.execute(sql.text("DROP TABLE samples"))
    with pytest.raises(LabError, match="cannot be reached"):
        shelf.save(store.token(), lab)


@pytest.mark.parametrize("bad", ["foo", "mysql://x/y", "sqlite:////proc/nope/labs.sqlite", "nothing://here"])
def test_a_store_that_cannot_be_is_one_sentence(bad):
    with pytest.raises(LabError):
        Store.at(bad)


def test_a_write_that_is_cut_off_changes_nothing(tmp_path, lab, monkeypatch):
    shelf, token = Store.at(f"sqlite:///{tmp_path / 'labs.sqlite'}"), store.token()
    shelf.save(token, lab)
    monkeypatch.setattr(store, "_run_row", lambda one: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        shelf.save(token, replace(lab, samples=SampleSet(), runs=lab.runs[::-1]), lab, 1)
    record, version = shelf.load(token)
    assert version == 1 and equal(record, lab)


def test_the_keeper_writes_behind_and_says_what_went_wrong(tmp_path, lab):
    keeper = Keeper(Store.at(f"sqlite:///{tmp_path / 'labs.sqlite'}"))
    kept, other = Kept(store.token()), None
    keeper.keep(kept, lab)
    keeper.keep(kept, replace(lab, choices={"made": 3}))
    keeper.wait()
    assert not kept.behind and not kept.trouble
    record, version = keeper.store.load(kept.token)
    assert record.choices == {"made": 3}
    other = Kept(kept.token, version, record)
    keeper.keep(other, replace(record, choices={"made": 4}))
    keeper.keep(kept, replace(lab, choices={"made": 5}))
    keeper.wait()
    assert kept.conflict and "another window" in kept.trouble and not other.trouble
    assert keeper.store.load(kept.token)[0].choices == {"made": 4}
