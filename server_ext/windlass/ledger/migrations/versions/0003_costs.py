"""What jobs took: of each job as it stands, and of each job and day, which stays when the job is deleted.

Revision: 0003, after 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("cost_usd", "gpu_hours", "idle_fraction", "usd_per_hour", "cards", "cost_at"):
        op.add_column("jobs", sa.Column(name, sa.Float))
    op.add_column("jobs", sa.Column("cost_note", sa.Text))
    op.add_column("jobs", sa.Column("cost_final", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_index("jobs_uncounted", "jobs", ["cost_final", "created_us"])
    op.create_table(
        "job_costs",
        sa.Column("job_id", sa.String(63), primary_key=True),
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("experiment", sa.String(250), nullable=False),
        sa.Column("run_id", sa.String(64)),
        sa.Column("usd_nano", sa.BigInteger),
        sa.Column("idle_usd_nano", sa.BigInteger),
        sa.Column("gpu_hours", sa.Float),
        sa.Column("idle_gpu_hours", sa.Float),
    )
    summed = ["experiment", "job_id", "usd_nano", "idle_usd_nano", "gpu_hours", "idle_gpu_hours"]
    op.create_index("job_costs_days", "job_costs", ["owner", "day", *summed])
