import pytest

from digitcore.storage import database


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    """Return the URL of an empty database, in SQLite and in PostgreSQL."""
    return request.getfixturevalue("postgres") if request.param == "postgres" else f"sqlite:///{tmp_path / 'labs.sqlite'}"


@pytest.fixture
def short_lock_timeout(monkeypatch):
    """Wait 50 ms instead of 2 s for the locks of other connections."""
    monkeypatch.setitem(database.POSTGRES_SETTINGS, "lock_timeout", 50)
    monkeypatch.setitem(database.SQLITE_PRAGMAS, "busy_timeout", 50)
