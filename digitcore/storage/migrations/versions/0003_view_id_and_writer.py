"""Labs are found by a second token, too, which opens a copy; they know who wrote them last."""

import sqlalchemy as sql
from alembic import op

revision, down_revision = "view_id_and_writer", "expired_since"


def upgrade():
    op.add_column("labs", sql.Column("view_id", sql.String(64)))
    op.create_index("ix_labs_view_id", "labs", ["view_id"])
    op.add_column("labs", sql.Column("writer", sql.String(32)))


def downgrade():
    op.drop_column("labs", "writer")
    op.drop_index("ix_labs_view_id", "labs")
    op.drop_column("labs", "view_id")
