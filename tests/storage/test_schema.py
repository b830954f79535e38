"""The tables of an empty database, and databases with other tables."""

import contextlib
import itertools
import runpy

import pytest
import sqlalchemy as sql

from digitcore.errors import LabError
from digitcore.storage import database, schema
from digitcore.storage.database import LabStore

EARLIER_COLUMNS = "CREATE TABLE labs (id VARCHAR(64) PRIMARY KEY, version INTEGER, last_used FLOAT, preferences TEXT)"


@pytest.fixture
def engine(url):
    return sql.create_engine(database.with_driver(url))


def execute(engine, *statements):
    with engine.begin() as db:
        for statement in statements:
            db.execute(sql.text(statement))


class InterruptionError(Exception):
    """Stands for a full disk, an I/O error or the end of the process."""


@contextlib.contextmanager
def interrupted(engine, event, after):
    """Interrupt the work after this number of statements or commits, counted from the start of the block."""
    seen = itertools.count()

    def count(*_):
        if next(seen) == after:
            raise InterruptionError

    sql.event.listen(engine, event, count)
    try:
        yield
    finally:
        sql.event.remove(engine, event, count)


def interruptions(engine, work, event):
    """Interrupt a work before each of its statements or commits, and yield after each interruption until the work is done."""
    for n in itertools.count():
        try:
            with interrupted(engine, event, n):
                work()
            assert n > 0, "nothing was interrupted"
            return
        except InterruptionError:
            yield


def rows_of(engine):
    """Return the columns and the rows of each table."""
    with engine.connect() as db:
        return {
            table: sorted(map(repr, db.execute(sql.text(f"SELECT * FROM {table}")).mappings())) for table in tables_of(engine)
        }


def tables_of(engine):
    return set(sql.inspect(engine).get_table_names())


def test_empty_database_gets_the_tables(engine):
    schema.create_tables(engine)
    inspector = sql.inspect(engine)
    assert set(inspector.get_table_names()) == set(schema.metadata.tables)
    for name, table in schema.metadata.tables.items():
        columns = {column["name"]: column["nullable"] for column in inspector.get_columns(name)}
        assert columns == {column.name: column.nullable for column in table.columns}


def test_parts_go_with_their_lab_and_models_are_referred_to():
    """The module is loaded again, because it makes the tables when it is loaded."""
    engine = sql.create_engine("sqlite://")
    tables = runpy.run_path(schema.__file__, run_name=schema.__name__)["metadata"]
    tables.create_all(engine)
    inspector = sql.inspect(engine)
    for name, models in {"samples": [], "runs": ["model", "start"], "uploads": ["model"], "versions": []}.items():
        assert inspector.get_pk_constraint(name)["constrained_columns"] == ["lab", "id"]
        keys = {key["constrained_columns"][0]: key for key in inspector.get_foreign_keys(name)}
        assert keys.pop("lab")["options"] == {"ondelete": "CASCADE"}
        assert sorted(keys) == models
        assert {key["referred_table"] for key in keys.values()} <= {"models"}
        assert sorted(index["column_names"][0] for index in inspector.get_indexes(name)) == models
        columns = {column["name"]: column for column in inspector.get_columns(name)}
        assert not any(columns[column]["nullable"] for column in ("lab", "id", "version", *models))
        assert str(columns["id"]["type"]) == "VARCHAR(24)"


def test_existing_tables_keep_their_rows(engine):
    schema.create_tables(engine)
    values = {"id": "x", "version": 1, "last_used": 0.0, "preferences": "{}", "view_id": "y"}
    with engine.begin() as db:
        db.execute(sql.insert(schema.labs).values(**values))
    schema.create_tables(engine)
    with engine.begin() as db:
        assert db.scalar(sql.select(schema.labs.c.id)) == "x"


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("CREATE TABLE customers (id INTEGER)", id="tables of another program"),
        pytest.param("CREATE TABLE models (id INTEGER)", id="a table of the same name of another program"),
        pytest.param(EARLIER_COLUMNS, id="columns of an earlier version"),
    ],
)
def test_database_with_other_tables_is_rejected_and_not_changed(url, engine, statement):
    execute(engine, statement)
    before = tables_of(engine)
    with pytest.raises(LabError, match=r"its tables are not .* Set DIGITLAB_STORE to an empty database"):
        LabStore.from_url(url)
    assert tables_of(engine) == before


@pytest.mark.parametrize(
    "statement",
    ["ALTER TABLE labs DROP COLUMN sweep", "ALTER TABLE samples ADD COLUMN pressure FLOAT", "DROP TABLE uploads"],
)
def test_database_with_changed_tables_is_rejected(url, engine, statement):
    LabStore.from_url(url)
    execute(engine, statement)
    with pytest.raises(LabError, match="its tables are not"):
        LabStore.from_url(url)


def test_further_tables_are_ignored(url, engine, lab):
    labs, token = LabStore.from_url(url), database.new_token()
    labs.save(token, lab)
    execute(engine, "CREATE TABLE backup_of_yesterday (id INTEGER)")
    assert LabStore.from_url(url).load(token) is not None


def test_tables_of_a_server_that_starts_at_the_same_time_are_used(url, engine, lab, monkeypatch):
    """The other server creates the tables after this server has seen an empty database and before it has the lock."""
    has_tables, token, saved = schema._has_tables, database.new_token(), []

    def see_empty_database(db):
        monkeypatch.setattr(schema, "_has_tables", has_tables)
        assert not has_tables(db)
        LabStore.from_url(url).save(token, lab)
        saved.append(token)
        return False

    monkeypatch.setattr(schema, "_has_tables", see_empty_database)
    schema.create_tables(engine)
    assert saved == [token]
    assert tables_of(engine) == set(schema.metadata.tables)
    assert LabStore.from_url(url).load(token) is not None


@pytest.mark.parametrize("event", ["before_cursor_execute", "commit"])
def test_interrupted_creation_changes_nothing(url, engine, lab, event):
    for _ in interruptions(engine, lambda: schema.create_tables(engine), event):
        assert tables_of(engine) == set()
    token = database.new_token()
    LabStore.from_url(url).save(token, lab)
    assert LabStore.from_url(url).load(token) is not None


@pytest.mark.parametrize("event", ["before_cursor_execute", "commit"])
def test_interrupted_migration_changes_nothing_and_a_complete_migration_keeps_every_row(url, engine, lab, event):
    """There is one schema, so the migration is artificial: a new column, and a table that is written again."""
    LabStore.from_url(url).save(database.new_token(), lab)
    before = rows_of(engine)

    def migrate():
        with schema.exclusive_transaction(engine) as db:
            for statement in (
                "ALTER TABLE samples ADD COLUMN pressure FLOAT",
                "CREATE TABLE written_again AS SELECT * FROM uploads",
                "DROP TABLE uploads",
                "ALTER TABLE written_again RENAME TO uploads",
            ):
                db.execute(sql.text(statement))

    for _ in interruptions(engine, migrate, event):
        assert rows_of(engine) == before
    after = rows_of(engine)
    assert len(before["samples"]) == len(after["samples"]) > 0
    assert all("'pressure': None" in row for row in after["samples"])
    assert {name: rows for name, rows in after.items() if name != "samples"} == {
        name: rows for name, rows in before.items() if name != "samples"
    }
