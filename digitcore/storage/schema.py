"""The database's tables, and bringing a database up to date. `migrations/` has the steps."""

from pathlib import Path
from typing import Any

import sqlalchemy as sql

from digitcore.errors import LabError

MIGRATION_LOCK = 28  # number of PostgreSQL's advisory lock
OTHER_VERSION = "The store was written by another version of Digit Lab. Update this one, or name another store in DIGITLAB_STORE."

metadata = sql.MetaData()
labs = sql.Table(
    "labs",
    metadata,
    sql.Column("id", sql.String(64), primary_key=True),
    sql.Column("version", sql.Integer, nullable=False),
    sql.Column("last_used", sql.Float, nullable=False, index=True),  # s since 1970
    sql.Column("expired_since", sql.Float),  # s since 1970; the lab is deleted some days later, unless it is used again
    sql.Column("preferences", sql.Text, nullable=False),
    sql.Column("sweep", sql.Text),
    sql.Column("view_id", sql.String(64), index=True),  # the hash of the token that opens a copy
    sql.Column("writer", sql.String(32)),  # who wrote this version
)
models = sql.Table(
    "models",
    metadata,
    sql.Column("key", sql.String(64), primary_key=True),
    sql.Column("keras", sql.LargeBinary, nullable=False),
    sql.Column("tflite", sql.LargeBinary, nullable=False),
)


def _lab_table(name: str, *columns: sql.Column[Any]) -> sql.Table:
    """A table of what a lab has in an order."""
    lab: sql.Column[str] = sql.Column("lab", sql.ForeignKey("labs.id", ondelete="CASCADE"), primary_key=True)
    return sql.Table(name, metadata, lab, sql.Column("position", sql.Integer, primary_key=True), *columns)


def _model_column(name: str) -> sql.Column[str]:
    return sql.Column(name, sql.ForeignKey("models.key"), nullable=False, index=True)


samples = _lab_table(
    "samples",
    sql.Column("digit", sql.LargeBinary, nullable=False),
    sql.Column("label", sql.SmallInteger, nullable=False),
    sql.Column("held_out", sql.Boolean, nullable=False),
    sql.Column("strokes", sql.Text, nullable=False),
    sql.Column("date", sql.Text, nullable=False),
)
runs = _lab_table(
    "runs",
    sql.Column("record", sql.Text, nullable=False),
    _model_column("model"),
    _model_column("start"),
    sql.Column("resume_state", sql.LargeBinary),
)
uploads = _lab_table("uploads", sql.Column("card", sql.Text, nullable=False), _model_column("model"))


def upgrade(engine: sql.Engine, revision: str = "head") -> None:
    """Create the tables, or bring them up to date.

    Args:
        engine: of the database.
        revision: the migration to stop at; the newest by default.

    Raises:
        LabError: when another version has written the database.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    with engine.connect() as db:
        if MigrationContext.configure(db).get_current_revision() == script.get_current_head():
            return  # a database that can only be read opens too
    with engine.begin() as db:
        if db.dialect.name == "postgresql":
            db.execute(sql.text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))  # two servers may start at once
        present = MigrationContext.configure(db).get_current_revision()
        known = {one.revision for one in script.walk_revisions()}
        if present and present not in known:
            raise LabError(OTHER_VERSION)
        config.attributes["connection"] = db
        command.upgrade(config, revision)
