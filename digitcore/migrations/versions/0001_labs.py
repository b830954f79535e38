"""Labs with their samples and runs, and the models' files, each once."""

import sqlalchemy as sql
from alembic import op

revision, down_revision = "0001", None


def _of_lab(name, *columns):
    op.create_table(
        name,
        sql.Column("lab", sql.String(64), sql.ForeignKey("labs.id", ondelete="CASCADE"), primary_key=True),
        sql.Column("place", sql.Integer, primary_key=True),
        *columns,
    )


def upgrade():
    op.create_table(
        "labs",
        sql.Column("id", sql.String(64), primary_key=True),
        sql.Column("version", sql.Integer, nullable=False),
        sql.Column("used", sql.Float, nullable=False, index=True),
        sql.Column("choices", sql.Text, nullable=False),
    )
    op.create_table(
        "models",
        sql.Column("key", sql.String(64), primary_key=True),
        sql.Column("keras", sql.LargeBinary, nullable=False),
        sql.Column("tflite", sql.LargeBinary, nullable=False),
    )
    _of_lab(
        "samples",
        sql.Column("digit", sql.LargeBinary, nullable=False),
        sql.Column("label", sql.SmallInteger, nullable=False),
        sql.Column("held_out", sql.Boolean, nullable=False),
        sql.Column("strokes", sql.Text, nullable=False),
        sql.Column("date", sql.Text, nullable=False),
    )
    _of_lab(
        "runs",
        sql.Column("about", sql.Text, nullable=False),
        sql.Column("model", sql.String(64), sql.ForeignKey("models.key"), nullable=False, index=True),
        sql.Column("start", sql.String(64), sql.ForeignKey("models.key"), nullable=False, index=True),
        sql.Column("state", sql.LargeBinary),
    )


def downgrade():
    for table in ("runs", "samples", "models", "labs"):
        op.drop_table(table)
