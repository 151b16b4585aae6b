"""Jobs, idempotency keys, tombstones and the sequence of changes.

Revision: 0001, the first.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    ledger = op.create_table(
        "ledger",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("epoch", sa.String(32), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("floor", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(ledger, [{"id": 1, "epoch": secrets.token_hex(8), "sequence": 0, "floor": 0}])
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(63), primary_key=True),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("notebook", sa.String(1024), nullable=False),
        sa.Column("experiment", sa.String(250), nullable=False),
        sa.Column("engine", sa.String(63), nullable=False),
        sa.Column("kind", sa.String(63), nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("environment", sa.String(255)),
        sa.Column("environment_name", sa.String(255)),
        sa.Column("python", sa.Text, nullable=False),
        sa.Column("bundle_sha256", sa.String(64)),
        sa.Column("bundle_bytes", sa.BigInteger),
        sa.Column("git", sa.JSON),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("status", sa.JSON, nullable=False),
        sa.Column("sent_notices", sa.JSON, nullable=False),
        sa.Column("runs", sa.JSON, nullable=False),
        sa.Column("run_id", sa.String(64)),
        sa.Column("experiment_id", sa.String(64)),
        sa.Column("record", sa.Text),
        sa.Column("rerun_of", sa.String(63)),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.Float),
        sa.Column("ended_at", sa.Float),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("search", sa.Text, nullable=False),
    )
    op.create_index("jobs_newest", "jobs", ["owner", "created_us", "id"])
    op.create_index("jobs_changes", "jobs", ["owner", "version"])
    op.create_index("jobs_state", "jobs", ["state"])
    op.create_index("jobs_bundle", "jobs", ["bundle_sha256"])
    op.create_table(
        "idempotency_keys",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("request_sha256", sa.String(64), nullable=False),
        sa.Column("job_id", sa.String(63), nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("owner", "key"),
    )
    op.create_index("idempotency_job", "idempotency_keys", ["job_id"])
    op.create_table(
        "removals",
        sa.Column("job_id", sa.String(63), primary_key=True),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.create_index("removals_changes", "removals", ["owner", "version"])
