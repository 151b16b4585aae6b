"""The log of promotions in the service's database.

Every change of a model's promotions begins by counting up its `revision`: that locks its one row, in whatever replica,
so that each transaction sees what the one before left. Who is to move something holds the model for as long as that
can take.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, insert, select, update

from windlass_hub.promotions.records import (
    FAILED,
    HOLD_SECONDS,
    MOVING,
    OPEN,
    WAITING,
    Answer,
    Busy,
    NewRecord,
    Record,
    RecordsAway,
    Standing,
)

from .audit_database import AuditDatabase, DatabaseProblem, RowRefused
from .promotion_rows import (
    AT_ONCE,
    answer_row,
    change_model,
    kept_text,
    made_with,
    record_of,
    records_of,
    refuse_repeated,
    seen_of,
)
from .promotion_tables import PromotionAnswerRow, PromotionModelRow, PromotionRow

T = TypeVar("T")


class PromotionRecords:
    """The rows, as `windlass_hub.promotions.records.Records` promises.

    Args:
        database: the service's.
        clock: POSIX seconds. Replicas' clocks may differ by less than a model is held for.
    """

    def __init__(self, database: AuditDatabase, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def add(self, new: NewRecord) -> Record:
        """Keep a line that has ended already."""
        return await self._write(lambda connection: self._inserted(connection, new))

    async def ask(self, new: NewRecord) -> tuple[Record | None, Record | None]:
        """Keep one that waits, unless one of the same target is open."""

        def work(connection: Connection) -> tuple[Record | None, Record | None]:
            self._enter(connection, new.model)
            refuse_repeated(connection, new)
            same = select(PromotionRow.__table__).where(
                PromotionRow.model == new.model, PromotionRow.target == new.target.key, PromotionRow.state.in_(OPEN)
            )
            found = records_of(connection, connection.execute(same.limit(1)).mappings().all())
            return (None, found[0]) if found else (self._inserted(connection, new), None)

        return await self._write(work)

    async def begin(self, new: NewRecord | int, *, holder: str) -> Record | None:
        """Write the intent down and hold the model."""

        def work(connection: Connection) -> Record | None:
            waiting = None if isinstance(new, NewRecord) else record_of(connection, new)
            if isinstance(new, NewRecord):
                model = new.model
            elif waiting is None:
                return None
            else:
                model = waiting.model
            self._enter(connection, model)
            if isinstance(new, NewRecord):
                refuse_repeated(connection, new)
            self._hold(connection, model, holder)
            if isinstance(new, NewRecord):
                return self._inserted(connection, new, state=MOVING, holder=holder)
            taken = (
                update(PromotionRow)
                .where(PromotionRow.id == new, PromotionRow.state == WAITING)
                .values(state=MOVING, holder=holder)
            )
            if connection.execute(taken).rowcount == 0:
                self._let_go(connection, model, holder)
                return None
            return record_of(connection, new)

        return await self._write(work)

    async def finish(self, record: Record, *, state: str, message: str | None, seen: Mapping[str, str]) -> bool:
        """End what was begun, and let go of the model."""

        def work(connection: Connection) -> bool:
            self._enter(connection, record.model)
            holder = connection.execute(select(PromotionRow.holder).where(PromotionRow.id == record.id)).scalar()
            ended = (
                update(PromotionRow)
                .where(PromotionRow.id == record.id, PromotionRow.state == MOVING)
                .values(state=state, message=message, ended_at_us=self._now(), holder=None)
            )
            if connection.execute(ended).rowcount == 0:
                return False
            known = seen_of(connection, record.model)
            if known is not None:
                merged = {key: version for key, version in {**known, **seen}.items() if version}
                change_model(connection, record.model, seen=merged)
            self._let_go(connection, record.model, holder or "")
            return True

        return await self._write(work)

    async def answer(self, record_id: int, answer: Answer) -> Record | None:
        """Add what somebody said to one that waits."""
        return await self._of_waiting(record_id, answer, {})

    async def close(self, record_id: int, *, state: str, message: str | None, answer: Answer | None) -> Record | None:
        """End one that waits."""
        return await self._of_waiting(
            record_id, answer, {"state": state, "message": message, "ended_at_us": self._now()}
        )

    async def get(self, record_id: int) -> Record | None:
        """One line."""
        return await self._read(lambda connection: record_of(connection, record_id))

    async def of_key(self, *, by: str, model: str, key: str) -> Record | None:
        """The line that somebody's idempotency key made."""
        return await self._read(lambda connection: made_with(connection, by=by, model=model, key=key))

    async def of_model(self, model: str, *, limit: int, before: int | None) -> list[Record]:
        """The newest lines of a model first."""
        wanted = select(PromotionRow.__table__).where(PromotionRow.model == model)
        return await self._newest(wanted, limit=limit, before=before)

    async def newest(self, *, limit: int, before: int | None = None, waiting: bool = False) -> list[Record]:
        """The newest lines of all models."""
        wanted = select(PromotionRow.__table__)
        return await self._newest(
            wanted.where(PromotionRow.state == WAITING) if waiting else wanted, limit=limit, before=before
        )

    async def standing(self, model: str) -> Standing:
        """What is known of a model."""

        def work(connection: Connection) -> Standing:
            row = connection.execute(select(PromotionModelRow.__table__).where(PromotionModelRow.model == model))
            known = row.mappings().first()
            if known is None:
                return Standing(revision=0, is_moving=False, seen=None)
            moving = select(PromotionRow.__table__).where(PromotionRow.model == model, PromotionRow.state == MOVING)
            open_now = records_of(connection, connection.execute(moving).mappings().all())
            held = known["holder"] is not None and (known["held_until_us"] or 0) > self._now()
            return Standing(
                revision=known["revision"],
                is_moving=held,
                seen=known["seen"],
                interrupted=() if held else open_now,
            )

        return await self._read(work)

    async def looked(self, model: str, *, revision: int, seen: Mapping[str, str], drift: Sequence[NewRecord]) -> bool:
        """Keep what was found at a look, unless something was done since."""

        def work(connection: Connection) -> bool:
            if self._enter(connection, model) != revision + 1:
                return False
            for new in drift:
                self._inserted(connection, new)
            change_model(connection, model, seen=dict(seen))
            return True

        return await self._write(work)

    async def interrupted(self) -> list[str]:
        """Models with a promotion whose holder's time is over."""

        def work(connection: Connection) -> list[str]:
            wanted = (
                select(PromotionRow.model)
                .join(PromotionModelRow, PromotionModelRow.model == PromotionRow.model)
                .where(
                    PromotionRow.state == MOVING,
                    PromotionModelRow.holder.is_(None) | (PromotionModelRow.held_until_us <= self._now()),
                )
                .distinct()
                .limit(AT_ONCE)
            )
            return list(connection.execute(wanted).scalars())

        return await self._read(work)

    def _enter(self, connection: Connection, model: str) -> int:
        """Lock the model's row until the transaction ends; its revision."""
        up = update(PromotionModelRow).where(PromotionModelRow.model == model)
        if connection.execute(up.values(revision=PromotionModelRow.revision + 1)).rowcount == 0:
            # Of two that find no row the database refuses the second, which `_write` does again.
            connection.execute(insert(PromotionModelRow).values(model=model, revision=1))
        wanted = select(PromotionModelRow.revision).where(PromotionModelRow.model == model)
        return int(connection.execute(wanted).scalar_one())

    def _hold(self, connection: Connection, model: str, holder: str) -> None:
        row = connection.execute(
            select(PromotionModelRow.holder, PromotionModelRow.held_until_us).where(PromotionModelRow.model == model)
        ).one()
        wanted = select(PromotionRow.by).where(PromotionRow.model == model, PromotionRow.state == MOVING)
        moving = connection.execute(wanted.limit(1)).scalar()
        # One that was interrupted is settled first, by what MLflow has (looking.py).
        if moving is not None or (row.holder is not None and (row.held_until_us or 0) > self._now()):
            raise Busy(by=moving)
        change_model(connection, model, holder=holder, held_until_us=self._now() + int(HOLD_SECONDS * 1e6))

    def _let_go(self, connection: Connection, model: str, holder: str) -> None:
        held = update(PromotionModelRow).where(PromotionModelRow.model == model, PromotionModelRow.holder == holder)
        connection.execute(held.values(holder=None, held_until_us=None))

    def _inserted(
        self, connection: Connection, new: NewRecord, *, state: str | None = None, holder: str | None = None
    ) -> Record:
        now, state = self._now(), state or new.state
        row = {
            "model": new.model,
            "target": new.target.key,
            "from_version": new.from_version,
            "to_version": new.to_version,
            "state": state,
            "by": new.by,
            "comment": kept_text(new.comment),
            "message": new.message,
            "asked_at_us": now,
            "ended_at_us": None if state in OPEN else now,
            "rule": new.rule.model_dump(mode="json") if new.rule else None,
            # What failed may be asked again with the same key.
            "request_key": None if state == FAILED else new.key,
            "holder": holder,
        }
        key = connection.execute(insert(PromotionRow).values(row)).inserted_primary_key
        found = record_of(connection, int(key[0])) if key else None
        if found is None:
            raise RowRefused("The database kept no line of the promotion.")
        return found

    async def _of_waiting(self, record_id: int, answer: Answer | None, changes: Mapping[str, Any]) -> Record | None:
        def work(connection: Connection) -> Record | None:
            found = record_of(connection, record_id)
            if found is None:
                return None
            self._enter(connection, found.model)
            found = record_of(connection, record_id)
            if found is None or found.state != WAITING:
                return None
            if answer is not None:
                if any(known.by == answer.by for known in found.answers):
                    return None
                connection.execute(insert(PromotionAnswerRow).values(answer_row(record_id, answer)))
            if changes:
                connection.execute(update(PromotionRow).where(PromotionRow.id == record_id).values(**changes))
            return record_of(connection, record_id)

        return await self._write(work)

    async def _newest(self, wanted: Any, *, limit: int, before: int | None) -> list[Record]:
        if before is not None:
            wanted = wanted.where(PromotionRow.id < before)
        wanted = wanted.order_by(PromotionRow.id.desc()).limit(limit)
        return await self._read(lambda connection: records_of(connection, connection.execute(wanted).mappings().all()))

    async def _write(self, work: Callable[[Connection], T]) -> T:
        try:
            return await self._run(work, writing=True)
        except RowRefused:
            # Another made the same row in between: now it is there.
            return await self._retried(work)

    async def _retried(self, work: Callable[[Connection], T]) -> T:
        try:
            return await self._run(work, writing=True)
        except RowRefused as error:
            raise RecordsAway(str(error)) from error

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await self._run(work, writing=False)

    async def _run(self, work: Callable[[Connection], T], *, writing: bool) -> T:
        try:
            found: T = await asyncio.to_thread(self._database.run, work, writing=writing)
        except RowRefused:
            raise
        except DatabaseProblem as error:
            raise RecordsAway(str(error)) from error
        return found

    def _now(self) -> int:
        return int(self._clock() * 1e6)
