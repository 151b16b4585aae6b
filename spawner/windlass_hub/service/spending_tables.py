"""The tables of what pods cost, as they are at the newest migration: pods, their days, counters, prices, budgets.

Amounts are whole billionths (of USD, of hours of a card): sums of them are exact. Days count from 1970-01-01, UTC.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Float, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from .audit_tables import Base

NUMBER = BigInteger().with_variant(Integer, "sqlite")
LONGEST_GROUPS = 60_000
"""Characters of all groups of one user."""


class SpendingPodRow(Base):
    """One pod; `windlass_hub.spending.holders.Holder` says what the fields mean. Times are POSIX seconds."""

    __tablename__ = "spending_pods"
    __table_args__ = (
        Index("spending_pods_open", "closed", "since"),
        Index("spending_pods_until", "until"),
        Index("spending_pods_item", "owner", "item_key"),
    )

    uid: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner: Mapped[str] = mapped_column(String(255))
    namespace: Mapped[str] = mapped_column(String(63))
    pod: Mapped[str] = mapped_column(String(253))
    kind: Mapped[str] = mapped_column(String(20))
    item: Mapped[str] = mapped_column(String(255))
    item_key: Mapped[str] = mapped_column(String(400))
    label: Mapped[str] = mapped_column(String(255))
    experiment: Mapped[str] = mapped_column(String(255))
    model: Mapped[str] = mapped_column(String(255))
    held: Mapped[str] = mapped_column(Text)
    since: Mapped[float] = mapped_column(Float(53))
    until: Mapped[float | None] = mapped_column(Float(53))
    seen_at: Mapped[float] = mapped_column(Float(53))
    closed: Mapped[bool] = mapped_column(Boolean)
    counted_unknown: Mapped[bool] = mapped_column(Boolean)
    """It is in the counter of what has no known cost."""


class SpendingDayRow(Base):
    """What one pod took on one day. What is null is not known."""

    __tablename__ = "spending_days"
    __table_args__ = (Index("spending_days_day", "day"), Index("spending_days_owner", "owner", "day"))

    uid: Mapped[str] = mapped_column(String(64), primary_key=True)
    day: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    owner: Mapped[str] = mapped_column(String(255))
    groups: Mapped[str | None] = mapped_column(Text)
    """Of the owner when the row was made, one a line; null until the hub has said."""
    item_key: Mapped[str] = mapped_column(String(400))
    usd: Mapped[int | None] = mapped_column(BigInteger)
    gpu_hours: Mapped[int | None] = mapped_column(BigInteger)
    known_gpu_hours: Mapped[int] = mapped_column(BigInteger)
    """Of which it was seen whether they were used."""
    idle_gpu_hours: Mapped[int] = mapped_column(BigInteger)
    idle_usd: Mapped[int | None] = mapped_column(BigInteger)
    note: Mapped[str] = mapped_column(String(300))
    """Why it is not, or not wholly, known; empty when it is."""
    counted_usd: Mapped[int] = mapped_column(BigInteger)
    counted_gpu_hours: Mapped[int] = mapped_column(BigInteger)
    """What of it the counters have."""


class SpendingCounterRow(Base):
    """What a user has taken since the beginning, under the groups they were in then. It only ever grows."""

    __tablename__ = "spending_counters"

    owner: Mapped[str] = mapped_column(String(255), primary_key=True)
    groups_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    groups: Mapped[str] = mapped_column(Text)
    usd: Mapped[int] = mapped_column(BigInteger)
    idle_usd: Mapped[int] = mapped_column(BigInteger)
    gpu_hours: Mapped[int] = mapped_column(BigInteger)
    unknown: Mapped[int] = mapped_column(BigInteger)


class SpendingPriceRow(Base):
    """Prices that came into force at a moment."""

    __tablename__ = "spending_prices"

    id: Mapped[int] = mapped_column(NUMBER, primary_key=True, autoincrement=True)
    at: Mapped[float] = mapped_column(Float(53))
    text: Mapped[str] = mapped_column(Text)


class SpendingMarkRow(Base):
    """How far something was done: a moment by name."""

    __tablename__ = "spending_marks"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[float] = mapped_column(Float(53))


class BudgetStandingRow(Base):
    """How a budget stood when it was looked at last."""

    __tablename__ = "budget_standings"

    scope: Mapped[str] = mapped_column(String(10), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    period: Mapped[str] = mapped_column(String(10), primary_key=True)
    starts_at: Mapped[float] = mapped_column(Float(53))
    limit_nano: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(10))
    told: Mapped[str] = mapped_column(String(10))
    since: Mapped[float] = mapped_column(Float(53))


class BudgetDecisionRow(Base):
    """What an admin decided for a budget's period."""

    __tablename__ = "budget_decisions"

    scope: Mapped[str] = mapped_column(String(10), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    period: Mapped[str] = mapped_column(String(10), primary_key=True)
    starts_at: Mapped[float] = mapped_column(Float(53), primary_key=True)
    action: Mapped[str | None] = mapped_column(String(10))
    extra_usd: Mapped[float] = mapped_column(Float(53))
    by: Mapped[str] = mapped_column(String(255))
    note: Mapped[str] = mapped_column(String(300))
    at: Mapped[float] = mapped_column(Float(53))


class JobDurationRow(Base):
    """How many jobs that have ended took at most so long: a histogram that stays when rows of jobs are deleted."""

    __tablename__ = "job_durations"

    kind: Mapped[str] = mapped_column(String(63), primary_key=True)
    state: Mapped[str] = mapped_column(String(20), primary_key=True)
    bucket: Mapped[str] = mapped_column(String(20), primary_key=True)
    """The upper bound in seconds as Prometheus writes it; `sum` for the seconds of all."""
    amount: Mapped[float] = mapped_column(Float(53))
