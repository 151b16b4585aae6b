"""What a job's code imports, for images that may lack it: known when it is sent, needed when it is sent again.

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
    op.add_column("jobs", sa.Column("imports", sa.JSON, nullable=False, server_default="[]"))
