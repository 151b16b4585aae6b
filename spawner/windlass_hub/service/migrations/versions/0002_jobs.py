"""Jobs that have ended: what they took, and what is left to do about them.

Revision: 0002, after 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "jobs",
        sa.Column("uid", sa.String(64), primary_key=True),
        sa.Column("job_id", sa.String(63), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("namespace", sa.String(63), nullable=False),
        sa.Column("name", sa.String(253), nullable=False),
        sa.Column("kind", sa.String(63), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("cause", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(53)),
        sa.Column("started_at", sa.Float(53)),
        sa.Column("ended_at", sa.Float(53)),
        sa.Column("recorded_at", sa.Float(53), nullable=False),
        sa.Column("exit_code", sa.Integer()),
        sa.Column("gpu_hours", sa.Float(53)),
        sa.Column("usd", sa.Float(53)),
        sa.Column("cost_note", sa.String(300), nullable=False),
        sa.Column("finished_by", sa.String(20), nullable=False),
        sa.Column("run", sa.String(20), nullable=False),
        sa.Column("run_note", sa.String(300), nullable=False),
        sa.Column("annotation", sa.String(20), nullable=False),
        sa.Column("notification", sa.String(20), nullable=False),
        sa.Column("notification_note", sa.String(300), nullable=False),
        sa.Column("finished", sa.Boolean(), nullable=False),
    )
    op.create_index("jobs_unfinished", "jobs", ["finished", "recorded_at"])
    op.create_index("jobs_owner", "jobs", ["owner", "ended_at"])
    op.create_index("jobs_ended", "jobs", ["ended_at"])


def downgrade() -> None:
    """Remove it."""
    op.drop_table("jobs")
