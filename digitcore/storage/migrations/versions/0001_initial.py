"""Labs with their samples, runs and uploads, and the models' files, each once."""

import sqlalchemy as sql
from alembic import op

revision, down_revision = "initial", None


def _create_lab_table(name, *columns):
    op.create_table(
        name,
        sql.Column("lab", sql.String(64), sql.ForeignKey("labs.id", ondelete="CASCADE"), primary_key=True),
        sql.Column("position", sql.Integer, primary_key=True),
        *columns,
    )


def _model_column(name):
    return sql.Column(name, sql.String(64), sql.ForeignKey("models.key"), nullable=False, index=True)


def upgrade():
    op.create_table(
        "labs",
        sql.Column("id", sql.String(64), primary_key=True),
        sql.Column("version", sql.Integer, nullable=False),
        sql.Column("last_used", sql.Float, nullable=False, index=True),
        sql.Column("preferences", sql.Text, nullable=False),
        sql.Column("sweep", sql.Text),
    )
    op.create_table(
        "models",
        sql.Column("key", sql.String(64), primary_key=True),
        sql.Column("keras", sql.LargeBinary, nullable=False),
        sql.Column("tflite", sql.LargeBinary, nullable=False),
    )
    _create_lab_table(
        "samples",
        sql.Column("digit", sql.LargeBinary, nullable=False),
        sql.Column("label", sql.SmallInteger, nullable=False),
        sql.Column("held_out", sql.Boolean, nullable=False),
        sql.Column("strokes", sql.Text, nullable=False),
        sql.Column("date", sql.Text, nullable=False),
    )
    _create_lab_table(
        "runs",
        sql.Column("record", sql.Text, nullable=False),
        _model_column("model"),
        _model_column("start"),
        sql.Column("resume_state", sql.LargeBinary),
    )
    _create_lab_table("uploads", sql.Column("card", sql.Text, nullable=False), _model_column("model"))


def downgrade():
    for table in ("uploads", "runs", "samples", "models", "labs"):
        op.drop_table(table)
