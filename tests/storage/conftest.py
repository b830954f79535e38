import pytest
import sqlalchemy as sql

from digitcore.storage import database


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    """Return the URL of an empty database, in SQLite and in PostgreSQL."""
    return request.getfixturevalue("empty_postgres") if request.param == "postgres" else f"sqlite:///{tmp_path / 'labs.sqlite'}"


@pytest.fixture
def empty_postgres(postgres):
    """Return the URL of the shared PostgreSQL server, after all tables were deleted."""
    with sql.create_engine(database.with_driver(postgres)).begin() as db:
        db.execute(sql.text("DROP SCHEMA public CASCADE"))
        db.execute(sql.text("CREATE SCHEMA public"))
    return postgres


@pytest.fixture
def short_lock_timeout(monkeypatch):
    """Wait 50 ms instead of 2 s for the locks of other connections."""
    monkeypatch.setitem(database.POSTGRES_SETTINGS, "lock_timeout", 50)
    monkeypatch.setitem(database.SQLITE_PRAGMAS, "busy_timeout", 50)
