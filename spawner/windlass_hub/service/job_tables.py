"""The table of jobs that have ended, as it is at the newest migration: what each took, and what is left to do about it.

It is kept: pages of costs are made of it. It holds no log, parameter or secret.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Float, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from .audit_tables import Base


class JobRow(Base):
    """One ended job; `windlass_hub.reconciler.records.JobRecord` says what the fields mean. Times are POSIX seconds."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("jobs_unfinished", "finished", "recorded_at"),
        Index("jobs_owner", "owner", "ended_at"),
        Index("jobs_ended", "ended_at"),
        Index("jobs_unseen", "unseen_of", "recorded_at"),
    )

    uid: Mapped[str] = mapped_column(String(64), primary_key=True)
    job_id: Mapped[str] = mapped_column(String(63))
    owner: Mapped[str] = mapped_column(String(255))
    namespace: Mapped[str] = mapped_column(String(63))
    name: Mapped[str] = mapped_column(String(253))
    kind: Mapped[str] = mapped_column(String(63))
    state: Mapped[str] = mapped_column(String(20))
    cause: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(Text)
    created_at: Mapped[float | None] = mapped_column(Float(53))
    started_at: Mapped[float | None] = mapped_column(Float(53))
    ended_at: Mapped[float | None] = mapped_column(Float(53))
    recorded_at: Mapped[float] = mapped_column(Float(53))
    exit_code: Mapped[int | None] = mapped_column(Integer)
    gpu_hours: Mapped[float | None] = mapped_column(Float(53))
    usd: Mapped[float | None] = mapped_column(Float(53))
    cost_note: Mapped[str] = mapped_column(String(300))
    unseen_of: Mapped[int] = mapped_column(Integer, server_default="0")
    finished_by: Mapped[str] = mapped_column(String(20))
    run: Mapped[str] = mapped_column(String(20))
    run_note: Mapped[str] = mapped_column(String(300))
    annotation: Mapped[str] = mapped_column(String(20))
    notification: Mapped[str] = mapped_column(String(20))
    notification_note: Mapped[str] = mapped_column(String(300))
    finished: Mapped[bool] = mapped_column(Boolean)
