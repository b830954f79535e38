"""Run by Alembic when `digitcore.store` brings a database up to date."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
