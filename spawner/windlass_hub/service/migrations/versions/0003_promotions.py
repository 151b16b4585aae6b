"""Promotions: the log, what was said to each, and what is known of a model.

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
    """Make the tables."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "promotions",
        sa.Column("id", number, primary_key=True, autoincrement=True),
        sa.Column("model", sa.String(256), nullable=False),
        sa.Column("target", sa.String(262), nullable=False),
        sa.Column("from_version", sa.String(20)),
        sa.Column("to_version", sa.String(20), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("by", sa.String(255), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("message", sa.Text()),
        sa.Column("asked_at_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_at_us", sa.BigInteger()),
        sa.Column("rule", sa.JSON()),
        sa.Column("request_key", sa.String(255)),
        sa.Column("holder", sa.String(64)),
    )
    op.create_index("promotions_model", "promotions", ["model", "id"])
    op.create_index("promotions_state", "promotions", ["state", "id"])
    op.create_index("promotions_key", "promotions", ["by", "model", "request_key"], unique=True)
    op.create_table(
        "promotion_answers",
        sa.Column("promotion_id", number, primary_key=True, autoincrement=False),
        sa.Column("by", sa.String(255), primary_key=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("approved", sa.Boolean(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
    )
    op.create_table(
        "promotion_models",
        sa.Column("model", sa.String(256), primary_key=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(64)),
        sa.Column("held_until_us", sa.BigInteger()),
        sa.Column("seen", sa.JSON()),
    )


def downgrade() -> None:
    """Remove them."""
    for table in ("promotion_models", "promotion_answers", "promotions"):
        op.drop_table(table)
