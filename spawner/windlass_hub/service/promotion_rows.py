"""Rows of promotions as records and back, and the questions that more than one transaction asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import Connection, select, update

from windlass_hub.promotions.records import Answer, NewRecord, Record, Repeated
from windlass_hub.promotions.rules import Rule, Target

from .promotion_tables import PromotionAnswerRow, PromotionModelRow, PromotionRow

AT_ONCE = 400
"""Values in one question: databases have limits."""


def refuse_repeated(connection: Connection, new: NewRecord) -> None:
    """Raises Repeated where this was asked before with the same key."""
    record = made_with(connection, by=new.by, model=new.model, key=new.key) if new.key is not None else None
    if record is not None:
        raise Repeated(record)


def made_with(connection: Connection, *, by: str, model: str, key: str) -> Record | None:
    """The line that somebody's idempotency key made."""
    same = select(PromotionRow.id).where(
        PromotionRow.by == by, PromotionRow.model == model, PromotionRow.request_key == key
    )
    found = connection.execute(same).scalar()
    return record_of(connection, found) if found is not None else None


def change_model(connection: Connection, model: str, **changes: Any) -> None:
    """Change what is known of a model."""
    connection.execute(update(PromotionModelRow).where(PromotionModelRow.model == model).values(**changes))


def seen_of(connection: Connection, model: str) -> dict[str, str] | None:
    """What its targets were at; None: nobody looked yet."""
    found = connection.execute(select(PromotionModelRow.seen).where(PromotionModelRow.model == model)).scalar()
    return dict(found) if found is not None else None


def record_of(connection: Connection, record_id: int) -> Record | None:
    """One line."""
    wanted = select(PromotionRow.__table__).where(PromotionRow.id == record_id)
    found = records_of(connection, connection.execute(wanted).mappings().all())
    return found[0] if found else None


def records_of(connection: Connection, rows: Sequence[Mapping[Any, Any]]) -> list[Record]:
    """Lines with what was said to each."""
    answers: dict[int, list[Answer]] = {}
    ids = [row["id"] for row in rows]
    for start in range(0, len(ids), AT_ONCE):
        wanted = select(PromotionAnswerRow.__table__).where(
            PromotionAnswerRow.promotion_id.in_(ids[start : start + AT_ONCE])
        )
        for row in connection.execute(wanted.order_by(PromotionAnswerRow.at_us)).mappings():
            said = Answer(by=row["by"], at=_moment(row["at_us"]), approved=row["approved"], comment=row["comment"])
            answers.setdefault(row["promotion_id"], []).append(said)
    return [
        Record(
            id=row["id"],
            model=row["model"],
            target=Target.parse(row["target"]),
            to_version=row["to_version"],
            from_version=row["from_version"],
            state=row["state"],
            by=row["by"],
            comment=row["comment"],
            asked_at=_moment(row["asked_at_us"]),
            message=row["message"],
            ended_at=_moment(row["ended_at_us"]) if row["ended_at_us"] is not None else None,
            rule=Rule.model_validate(row["rule"]) if row["rule"] is not None else None,
            answers=tuple(answers.get(row["id"], ())),
        )
        for row in rows
    ]


def answer_row(record_id: int, answer: Answer) -> dict[str, Any]:
    """What somebody said, as a row."""
    return {
        "promotion_id": record_id,
        "by": answer.by,
        "at_us": int(answer.at.timestamp() * 1e6),
        "approved": answer.approved,
        "comment": kept_text(answer.comment),
    }


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1e6, timezone.utc)


def kept_text(text: str) -> str:
    """What every database can keep."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
