"""The tables of the ledger, as they are at the newest migration.

Every change of a job takes the next number of one sequence (`JobRow.version`), so that whoever holds a number can be
told exactly what has changed since, after a restart too. Removed jobs leave a tombstone for the same reason.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Float, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Base of all tables."""

    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON, list[dict[str, Any]]: JSON, list[str]: JSON}  # noqa: RUF012 - read by SQLAlchemy


class LedgerRow(Base):
    """One row: which ledger this is, and how far it has come."""

    __tablename__ = "ledger"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    epoch: Mapped[str] = mapped_column(String(32))
    """Random, made with the file: numbers of another ledger mean nothing here."""
    sequence: Mapped[int] = mapped_column(BigInteger)
    """The number of the latest change."""
    floor: Mapped[int] = mapped_column(BigInteger)
    """Tombstones up to this number are gone: who asks from before it needs the whole list."""


class JobRow(Base):
    """A job: what was asked for, what was sent, and how it stands."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("jobs_newest", "owner", "created_us", "id"),
        Index("jobs_changes", "owner", "version"),
        Index("jobs_state", "state"),
        Index("jobs_bundle", "bundle_sha256"),
        Index("jobs_uncounted", "cost_final", "created_us"),
    )

    id: Mapped[str] = mapped_column(String(63), primary_key=True)
    owner: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(200))
    notebook: Mapped[str] = mapped_column(String(1024))
    experiment: Mapped[str] = mapped_column(String(250))
    engine: Mapped[str] = mapped_column(String(63))
    kind: Mapped[str] = mapped_column(String(63))
    request: Mapped[dict[str, Any]]
    """The request as it was accepted (`contract.jobs.JobRequest`)."""
    environment: Mapped[str | None] = mapped_column(String(255))
    environment_name: Mapped[str | None] = mapped_column(String(255))
    python: Mapped[str] = mapped_column(Text)
    bundle_sha256: Mapped[str | None] = mapped_column(String(64))
    bundle_bytes: Mapped[int | None] = mapped_column(BigInteger)
    git: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    imports: Mapped[list[str]] = mapped_column(default=list)
    """Distributions that the code imports, `name==version` where that is known."""
    state: Mapped[str] = mapped_column(String(16))
    status: Mapped[dict[str, Any]]
    """What the engine last said, beside state and times."""
    sent_notices: Mapped[list[str]]
    """What the user was told when it was sent."""
    runs: Mapped[list[dict[str, Any]]]
    run_id: Mapped[str | None] = mapped_column(String(64))
    experiment_id: Mapped[str | None] = mapped_column(String(64))
    record: Mapped[str | None] = mapped_column(Text)
    rerun_of: Mapped[str | None] = mapped_column(String(63))
    created_us: Mapped[int] = mapped_column(BigInteger)
    """POSIX microseconds."""
    started_at: Mapped[float | None] = mapped_column(Float)
    ended_at: Mapped[float | None] = mapped_column(Float)
    cost_usd: Mapped[float | None] = mapped_column(Float)
    """Up to `cost_at`; None: not counted yet, or not known, and then `cost_note` says why."""
    gpu_hours: Mapped[float | None] = mapped_column(Float)
    idle_fraction: Mapped[float | None] = mapped_column(Float)
    """Of its GPU time; None without GPUs, too."""
    usd_per_hour: Mapped[float | None] = mapped_column(Float)
    """Of what it held at `cost_at`."""
    cards: Mapped[float | None] = mapped_column(Float)
    """Whole cards that it held at `cost_at`."""
    cost_at: Mapped[float | None] = mapped_column(Float)
    """When this was counted, POSIX seconds."""
    cost_note: Mapped[str | None] = mapped_column(Text)
    cost_final: Mapped[bool] = mapped_column(Boolean, default=False)
    """Nothing of it will change any more, unless prices do."""
    priced_by: Mapped[str | None] = mapped_column(String(16))
    """Which prices of its time it was counted by (`costs.book.PriceBook.fingerprint`)."""
    run_cost_usd: Mapped[float | None] = mapped_column(Float)
    """What its MLflow run says, here and in the next two; None: nothing."""
    run_gpu_hours: Mapped[float | None] = mapped_column(Float)
    run_idle_fraction: Mapped[float | None] = mapped_column(Float)
    version: Mapped[int] = mapped_column(BigInteger)
    search: Mapped[str] = mapped_column(Text)
    """Id, name, notebook and experiment, case-folded, for the filter."""


class KeyRow(Base):
    """An idempotency key and the job it made."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (UniqueConstraint("owner", "key"), Index("idempotency_job", "job_id"))

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    owner: Mapped[str] = mapped_column(String(255))
    key: Mapped[str] = mapped_column(String(255))
    request_sha256: Mapped[str] = mapped_column(String(64))
    job_id: Mapped[str] = mapped_column(String(63))
    created_us: Mapped[int] = mapped_column(BigInteger)


class RemovalRow(Base):
    """The tombstone of a job."""

    __tablename__ = "removals"
    __table_args__ = (Index("removals_changes", "owner", "version"),)

    job_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    owner: Mapped[str] = mapped_column(String(255))
    version: Mapped[int] = mapped_column(BigInteger)


class CostRow(Base):
    """What one job took on one day of UTC. It stays when the job is deleted: money that was spent stays spent.

    Money is in nano-dollars: whole numbers, so that sums in the database are exact.
    """

    __tablename__ = "job_costs"
    __table_args__ = (
        # Everything that sums are of: they are read off the index alone.
        Index(
            "job_costs_days", "owner", "day", "experiment", "job_id",
            "usd_nano", "idle_usd_nano", "gpu_hours", "idle_gpu_hours",
        ),
    )  # fmt: skip

    job_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    """`2026-11-23`."""
    owner: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(200))
    experiment: Mapped[str] = mapped_column(String(250))
    run_id: Mapped[str | None] = mapped_column(String(64))
    usd_nano: Mapped[int | None] = mapped_column(BigInteger)
    """None: not known."""
    idle_usd_nano: Mapped[int | None] = mapped_column(BigInteger)
    gpu_hours: Mapped[float | None] = mapped_column(Float)
    idle_gpu_hours: Mapped[float | None] = mapped_column(Float)
