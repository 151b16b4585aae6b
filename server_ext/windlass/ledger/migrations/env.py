"""Run by Alembic, always with the connection that `ledger.migrate` opened and locked."""

from __future__ import annotations

from alembic import context

from windlass.ledger.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
