"""Labs are found by a second token, too, which opens a copy."""

import sqlalchemy as sql
from alembic import op

revision, down_revision = "view_id", "expired_since"


def upgrade():
    op.add_column("labs", sql.Column("view_id", sql.String(64)))
    op.create_index("ix_labs_view_id", "labs", ["view_id"])


def downgrade():
    op.drop_index("ix_labs_view_id", "labs")
    op.drop_column("labs", "view_id")
