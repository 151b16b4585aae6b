"""What pods cost, by day; budgets; how long jobs took.

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
    """Make the tables."""
    _pods()
    _amounts()
    _budgets()
    op.create_table(
        "job_durations",
        sa.Column("kind", sa.String(63), primary_key=True),
        sa.Column("state", sa.String(20), primary_key=True),
        sa.Column("bucket", sa.String(20), primary_key=True),
        sa.Column("amount", sa.Float(53), nullable=False),
    )


def _pods() -> None:
    op.create_table(
        "spending_pods",
        sa.Column("uid", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("namespace", sa.String(63), nullable=False),
        sa.Column("pod", sa.String(253), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("item", sa.String(255), nullable=False),
        sa.Column("item_key", sa.String(400), nullable=False),
        sa.Column("label", sa.String(255), nullable=False),
        sa.Column("experiment", sa.String(255), nullable=False),
        sa.Column("model", sa.String(255), nullable=False),
        sa.Column("held", sa.Text(), nullable=False),
        sa.Column("since", sa.Float(53), nullable=False),
        sa.Column("until", sa.Float(53)),
        sa.Column("seen_at", sa.Float(53), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("counted_unknown", sa.Boolean(), nullable=False),
    )
    op.create_index("spending_pods_open", "spending_pods", ["closed", "since"])
    op.create_index("spending_pods_until", "spending_pods", ["until"])
    op.create_index("spending_pods_item", "spending_pods", ["owner", "item_key"])


def _amounts() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "spending_days",
        sa.Column("uid", sa.String(64), primary_key=True),
        sa.Column("day", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("groups", sa.Text()),
        sa.Column("item_key", sa.String(400), nullable=False),
        sa.Column("usd", sa.BigInteger()),
        sa.Column("gpu_hours", sa.BigInteger()),
        sa.Column("known_gpu_hours", sa.BigInteger(), nullable=False),
        sa.Column("idle_gpu_hours", sa.BigInteger(), nullable=False),
        sa.Column("idle_usd", sa.BigInteger()),
        sa.Column("note", sa.String(300), nullable=False),
        sa.Column("counted_usd", sa.BigInteger(), nullable=False),
        sa.Column("counted_gpu_hours", sa.BigInteger(), nullable=False),
    )
    op.create_index("spending_days_day", "spending_days", ["day"])
    op.create_index("spending_days_owner", "spending_days", ["owner", "day"])
    op.create_table(
        "spending_counters",
        sa.Column("owner", sa.String(255), primary_key=True),
        sa.Column("groups_hash", sa.String(64), primary_key=True),
        sa.Column("groups", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("usd", "idle_usd", "gpu_hours", "unknown")),
    )
    op.create_table(
        "spending_prices",
        sa.Column("id", number, primary_key=True, autoincrement=True),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
    )
    op.create_table(
        "spending_marks",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("at", sa.Float(53), nullable=False),
    )


def _budgets() -> None:
    def key() -> list[sa.Column[str]]:
        return [
            sa.Column("scope", sa.String(10), primary_key=True),
            sa.Column("name", sa.String(255), primary_key=True),
            sa.Column("period", sa.String(10), primary_key=True),
        ]

    op.create_table(
        "budget_standings",
        *key(),
        sa.Column("starts_at", sa.Float(53), nullable=False),
        sa.Column("limit_nano", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("told", sa.String(10), nullable=False),
        sa.Column("since", sa.Float(53), nullable=False),
    )
    op.create_table(
        "budget_decisions",
        *key(),
        sa.Column("starts_at", sa.Float(53), primary_key=True),
        sa.Column("action", sa.String(10)),
        sa.Column("extra_usd", sa.Float(53), nullable=False),
        sa.Column("by", sa.String(255), nullable=False),
        sa.Column("note", sa.String(300), nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
    )


def downgrade() -> None:
    """Remove them."""
    for table in (
        "job_durations",
        "budget_decisions",
        "budget_standings",
        "spending_marks",
        "spending_prices",
        "spending_counters",
        "spending_days",
        "spending_pods",
    ):
        op.drop_table(table)
