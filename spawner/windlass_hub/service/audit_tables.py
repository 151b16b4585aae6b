"""The table of the audit log, as it is at the newest migration. It holds no secret and no body of a request."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Base of all tables of the service."""

    type_annotation_map = {dict[str, Any]: JSON}  # noqa: RUF012 - read by SQLAlchemy


class DecisionRow(Base):
    """One decision: who asked for what, and what became of it."""

    __tablename__ = "decisions"
    __table_args__ = (
        Index("decisions_at", "at_us"),
        Index("decisions_who", "who", "id"),
        Index("decisions_action", "action", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    at_us: Mapped[int] = mapped_column(BigInteger)
    """POSIX microseconds."""
    who: Mapped[str] = mapped_column(String(255))
    action: Mapped[str] = mapped_column(String(120))
    target: Mapped[str] = mapped_column(String(255))
    decision: Mapped[str] = mapped_column(String(32))
    detail: Mapped[dict[str, Any]]
