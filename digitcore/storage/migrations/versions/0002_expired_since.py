"""Labs are marked before they are deleted."""

import sqlalchemy as sql
from alembic import op

revision, down_revision = "expired_since", "initial"


def upgrade():
    op.add_column("labs", sql.Column("expired_since", sql.Float))


def downgrade():
    op.drop_column("labs", "expired_since")
