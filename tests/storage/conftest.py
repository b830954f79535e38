import pytest
import sqlalchemy as sql

from digitcore.storage import database


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    if request.param == "postgres":
        found = request.getfixturevalue("postgres")
        with sql.create_engine(database.with_driver(found)).begin() as db:
            db.execute(sql.text("DROP SCHEMA public CASCADE"))
            db.execute(sql.text("CREATE SCHEMA public"))
        return found
    return f"sqlite:///{tmp_path / 'labs.sqlite'}"
