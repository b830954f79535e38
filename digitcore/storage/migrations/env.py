"""Run by Alembic when `digitcore.storage.schema` brings a database up to date."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
