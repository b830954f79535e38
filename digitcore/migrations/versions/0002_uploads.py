"""Models that users bring."""

import sqlalchemy as sql
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade():
    op.create_table(
        "uploads",
        sql.Column("lab", sql.String(64), sql.ForeignKey("labs.id", ondelete="CASCADE"), primary_key=True),
        sql.Column("place", sql.Integer, primary_key=True),
        sql.Column("card", sql.Text, nullable=False),
        sql.Column("model", sql.String(64), sql.ForeignKey("models.key"), nullable=False, index=True),
    )


def downgrade():
    op.drop_table("uploads")
