"""The tables of promotions, as they are at the newest migration: the log, what was said, and what is known of a model.

The log is kept: nothing deletes a line.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from .audit_tables import Base

NUMBER = BigInteger().with_variant(Integer, "sqlite")
TARGET_CHARACTERS = 262
MODEL_CHARACTERS = 256


class PromotionRow(Base):
    """One promotion, as `windlass_hub.promotions.records.Record` explains it. Times are POSIX microseconds."""

    __tablename__ = "promotions"
    __table_args__ = (
        Index("promotions_model", "model", "id"),
        Index("promotions_state", "state", "id"),
        Index("promotions_key", "by", "model", "request_key", unique=True),
    )

    id: Mapped[int] = mapped_column(NUMBER, primary_key=True, autoincrement=True)
    model: Mapped[str] = mapped_column(String(MODEL_CHARACTERS))
    target: Mapped[str] = mapped_column(String(TARGET_CHARACTERS))
    from_version: Mapped[str | None] = mapped_column(String(20))
    to_version: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(12))
    by: Mapped[str] = mapped_column(String(255))
    comment: Mapped[str] = mapped_column(Text)
    message: Mapped[str | None] = mapped_column(Text)
    asked_at_us: Mapped[int] = mapped_column(BigInteger)
    ended_at_us: Mapped[int | None] = mapped_column(BigInteger)
    rule: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    request_key: Mapped[str | None] = mapped_column(String(255))
    holder: Mapped[str | None] = mapped_column(String(64))
    """Who is doing it, as in `promotion_models`."""


class PromotionAnswerRow(Base):
    """What somebody said to a promotion, once each."""

    __tablename__ = "promotion_answers"

    promotion_id: Mapped[int] = mapped_column(NUMBER, primary_key=True, autoincrement=False)
    by: Mapped[str] = mapped_column(String(255), primary_key=True)
    at_us: Mapped[int] = mapped_column(BigInteger)
    approved: Mapped[bool] = mapped_column(Boolean)
    comment: Mapped[str] = mapped_column(Text)


class PromotionModelRow(Base):
    """What is known of a model, and who holds it to move something: the lock of all replicas."""

    __tablename__ = "promotion_models"

    model: Mapped[str] = mapped_column(String(MODEL_CHARACTERS), primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    holder: Mapped[str | None] = mapped_column(String(64))
    held_until_us: Mapped[int | None] = mapped_column(BigInteger)
    seen: Mapped[dict[str, Any] | None] = mapped_column(JSON)
