"""Jobs of which pods came and went that nobody saw.

Revision: 0005, after 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it; of jobs from before nobody knows any more."""
    op.add_column("jobs", sa.Column("unseen_of", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("jobs_unseen", "jobs", ["unseen_of", "recorded_at"])


def downgrade() -> None:
    """Remove it."""
    op.drop_index("jobs_unseen", "jobs")
    op.drop_column("jobs", "unseen_of")
