"""Alembic runs this file: migrate on the connection it was given."""

from alembic import context

from autotrader_v2.infrastructure.store import schema

context.configure(
    connection=context.config.attributes["connection"], target_metadata=schema.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
