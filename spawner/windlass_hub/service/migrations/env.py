"""Run by Alembic, always with the connection that `audit_database` opened and locked."""

from __future__ import annotations

from alembic import context

from windlass_hub.service import job_tables, promotion_tables, spending_tables
from windlass_hub.service.audit_tables import Base

# Their tables are among them once they are imported.
for made in (job_tables.JobRow, promotion_tables.PromotionRow, spending_tables.SpendingDayRow):
    assert made.metadata is Base.metadata
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
