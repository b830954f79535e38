"""The database's tables.

A database contains the tables of one version of Digit Lab. A database with other tables is rejected and not changed.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sql

from digitcore.errors import LabError

CREATION_LOCK = 28  # number of PostgreSQL's advisory lock
OTHER_TABLES = (
    "Cannot use the database of saved labs: its tables are not the tables of this version of Digit Lab. "
    "Set DIGITLAB_STORE to an empty database, or delete the tables. Until then, labs are not saved."
)

metadata = sql.MetaData()
labs = sql.Table(
    "labs",
    metadata,
    sql.Column("id", sql.String(64), primary_key=True),  # hash of the lab's token
    sql.Column("version", sql.Integer, nullable=False),
    sql.Column("last_used", sql.Float, nullable=False, index=True),  # s since 1970
    sql.Column("expired_since", sql.Float),  # s since 1970; time at which the lab was marked for deletion
    sql.Column("preferences", sql.Text, nullable=False),
    sql.Column("sweep", sql.Text),
    sql.Column("view_id", sql.String(64), nullable=False, index=True),  # hash of the token that opens a copy
    # The class of a pupil's lab. There is no foreign key, because `classes` refers to `labs`. A deleted class has no pupils.
    sql.Column("class", sql.String(64), index=True),
    sql.Column("nickname", sql.Text),
)
models = sql.Table(
    "models",
    metadata,
    sql.Column("key", sql.String(64), primary_key=True),
    sql.Column("keras", sql.LargeBinary, nullable=False),
    sql.Column("tflite", sql.LargeBinary, nullable=False),
)


def _lab_table(name: str, *columns: sql.Column[Any]) -> sql.Table:
    """Return a table of the parts of a lab. The version is the version of the lab that has written the part."""
    lab: sql.Column[str] = sql.Column("lab", sql.ForeignKey("labs.id", ondelete="CASCADE"), primary_key=True)
    key, version = sql.Column("id", sql.String(24), primary_key=True), sql.Column("version", sql.Integer, nullable=False)
    return sql.Table(name, metadata, lab, key, version, *columns)


def _model_column(name: str) -> sql.Column[str]:
    return sql.Column(name, sql.ForeignKey("models.key"), nullable=False, index=True)


samples = _lab_table(
    "samples",
    sql.Column("digit", sql.LargeBinary, nullable=False),
    sql.Column("label", sql.SmallInteger, nullable=False),
    sql.Column("held_out", sql.Boolean, nullable=False),
    sql.Column("strokes", sql.Text, nullable=False),
    sql.Column("date", sql.Text, nullable=False),
    sql.Column("is_example", sql.Boolean, nullable=False),
    sql.Column("first_model", sql.String(64)),  # hash of the model that predicted the sample before it had a label
    sql.Column("first_digit", sql.SmallInteger),
    sql.Column("first_confidence", sql.Float),
)
runs = _lab_table(
    "runs",
    sql.Column("record", sql.Text, nullable=False),
    _model_column("model"),
    _model_column("start"),
    sql.Column("resume_state", sql.LargeBinary),
)
uploads = _lab_table(
    "uploads",
    sql.Column("position", sql.Integer, nullable=False),  # among the models that the same version has written
    sql.Column("card", sql.Text, nullable=False),
    _model_column("model"),
)
versions = _lab_table(  # named versions of the samples
    "versions",
    sql.Column("position", sql.Integer, nullable=False),  # as in `uploads`
    sql.Column("name", sql.Text, nullable=False),
    sql.Column("date", sql.Text, nullable=False),
    sql.Column("samples", sql.LargeBinary, nullable=False),  # an .npz file
)

classes = sql.Table(
    "classes",
    metadata,
    sql.Column("id", sql.ForeignKey("labs.id", ondelete="CASCADE"), primary_key=True),  # lab of the teacher
    sql.Column("code", sql.String(6), nullable=False, unique=True),
    sql.Column("name", sql.Text, nullable=False),
    sql.Column("version", sql.Integer, nullable=False),
    sql.Column("closes_at", sql.Float, nullable=False),  # s since 1970; pupils can join until this time
    sql.Column("options", sql.Text, nullable=False),
    sql.Column("state", sql.Text, nullable=False),
    sql.Column("model", sql.ForeignKey("models.key"), index=True),  # the published model
    sql.Column("card", sql.Text),  # of the published model
)


def lab_columns() -> list[sql.Column[Any]]:
    """Return all columns that contain the `id` of a lab, except this column itself.

    Example:
        >>> [str(column) for column in lab_columns()]
        ['samples.lab', 'runs.lab', 'uploads.lab', 'versions.lab', 'classes.id', 'labs.class']
    """
    columns = [column for table in metadata.tables.values() for column in table.c if column.references(labs.c.id)]
    return [*columns, labs.c["class"]]


def create_tables(engine: sql.Engine) -> None:
    """Create the tables in an empty database, or check the tables of any other database.

    A database with these tables is only read, so that a read-only database can be used.

    Args:
        engine: Engine of the database.

    Raises:
        LabError: If the database has tables, and they are not the tables of this version.

    Example:
        >>> import sqlalchemy
        >>> engine = sqlalchemy.create_engine("sqlite://")
        >>> create_tables(engine)
        >>> sorted(sqlalchemy.inspect(engine).get_table_names())
        ['classes', 'labs', 'models', 'runs', 'samples', 'uploads', 'versions']
    """
    with engine.connect() as db:
        if _has_tables(db):
            return
    # Two servers may start at the same time. The second server waits here, and then finds the tables of the first server.
    with exclusive_transaction(engine) as db:
        if not _has_tables(db):
            metadata.create_all(db)


@contextlib.contextmanager
def exclusive_transaction(engine: sql.Engine) -> Iterator[sql.Connection]:
    """Begin a transaction that creates or changes tables. An interrupted transaction changes nothing.

    Only one server at a time is in such a transaction. All other servers wait.

    Args:
        engine: Engine of the database.

    Yields:
        The connection.

    Example:
        >>> engine = sql.create_engine("sqlite://")
        >>> with exclusive_transaction(engine) as db:
        ...     metadata.create_all(db)
    """
    with engine.begin() as db:
        if db.dialect.name == "postgresql":
            db.execute(sql.select(sql.func.pg_advisory_xact_lock(CREATION_LOCK)))
        else:
            db.exec_driver_sql("BEGIN IMMEDIATE")  # Python begins no transaction before a statement that changes tables.
        yield db


def _has_tables(db: sql.Connection) -> bool:
    """Return whether the database has all tables.

    Raises:
        LabError: If the database has other tables, or tables with other columns.
    """
    inspector = sql.inspect(db)
    present = set(inspector.get_table_names())
    if not present:
        return False
    for name, table in metadata.tables.items():
        if name not in present or {column["name"] for column in inspector.get_columns(name)} != set(table.columns.keys()):
            raise LabError(OTHER_TABLES)
    return True
