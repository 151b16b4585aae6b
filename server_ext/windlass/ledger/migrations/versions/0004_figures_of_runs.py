"""What a job's MLflow run says that the job took, and by which prices that was counted: both may lag behind.

Revision: 0004, after 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("run_cost_usd", "run_gpu_hours", "run_idle_fraction"):
        op.add_column("jobs", sa.Column(name, sa.Float))
    op.add_column("jobs", sa.Column("priced_by", sa.String(16)))
