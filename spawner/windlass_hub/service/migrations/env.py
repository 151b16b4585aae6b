"""Run by Alembic, always with the connection that `audit_database` opened and locked."""

from __future__ import annotations

from alembic import context

from windlass_hub.service import job_tables, promotion_tables
from windlass_hub.service.audit_tables import Base

# Their tables are among them once they are imported.
assert job_tables.JobRow.metadata is promotion_tables.PromotionRow.metadata is Base.metadata
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
