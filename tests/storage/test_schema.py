import pytest
import sqlalchemy as sql

from digitcore.errors import LabError
from digitcore.storage import schema


@pytest.fixture
def engine(tmp_path):
    return sql.create_engine(f"sqlite:///{tmp_path / 'labs.sqlite'}")


def test_the_tables_are_what_the_migrations_make(engine):
    schema.upgrade(engine)
    inspector = sql.inspect(engine)
    assert set(inspector.get_table_names()) == {*schema.metadata.tables, "alembic_version"}
    for name, table in schema.metadata.tables.items():
        columns = {column["name"]: column["nullable"] for column in inspector.get_columns(name)}
        assert columns == {column.name: column.nullable for column in table.columns}


def test_upgrading_twice_changes_nothing(engine):
    schema.upgrade(engine)
    with engine.begin() as db:
        db.execute(sql.insert(schema.labs).values(id="x", version=1, last_used=0.0, preferences="{}"))
    schema.upgrade(engine)
    with engine.begin() as db:
        assert db.scalar(sql.select(schema.labs.c.id)) == "x"


def test_a_database_of_the_first_version_is_upgraded_with_its_labs(engine):
    schema.upgrade(engine, "initial")
    assert "expired_since" not in {column["name"] for column in sql.inspect(engine).get_columns("labs")}
    with engine.begin() as db:
        db.execute(sql.text("INSERT INTO labs (id, version, last_used, preferences) VALUES ('x', 1, 0.0, '{}')"))
    schema.upgrade(engine)
    with engine.begin() as db:
        assert db.execute(sql.select(schema.labs.c.id, schema.labs.c.expired_since)).all() == [("x", None)]


def test_another_version_s_database_is_rejected(engine):
    schema.upgrade(engine)
    with engine.begin() as db:
        db.execute(sql.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LabError, match="another version"):
        schema.upgrade(engine)
