"""Rows about ended jobs in the service's database, for the reconciler and for pages of costs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from windlass_hub.reconciler.records import JobRecord, RecordRefused, RecordsAway

from .audit_database import AuditDatabase, DatabaseProblem, RowRefused, storable
from .job_durations import count_duration
from .job_tables import JobRow

_FIELDS = tuple(field.name for field in fields(JobRecord))
_STEPS = ("run", "annotation", "notification")
_AT_ONCE = 500
"""Values in one question: databases have limits."""
_PRUNED_AT_ONCE = 50_000
_LONGEST = {column.name: getattr(column.type, "length", None) for column in JobRow.__table__.columns}


class JobRecords:
    """The rows. Methods raise RecordsAway, and those that write RecordRefused."""

    def __init__(self, database: AuditDatabase) -> None:
        self._database = database

    async def known(self, uids: Collection[str]) -> set[str]:
        """Those of these that have a row."""
        wanted = sorted(uids)

        def read(connection: Connection) -> set[str]:
            found: set[str] = set()
            for start in range(0, len(wanted), _AT_ONCE):
                some = select(JobRow.uid).where(JobRow.uid.in_(wanted[start : start + _AT_ONCE]))
                found |= set(connection.execute(some).scalars())
            return found

        known: set[str] = await self._run(read, writing=False)
        return known

    async def add(self, record: JobRecord) -> bool:
        """Keep a row; False, and nothing is changed, where that job has one."""
        values = _storable({**asdict(record), "finished": record.is_finished})
        same = select(JobRow.uid).where(JobRow.uid == record.uid)

        def write(connection: Connection) -> bool:
            if connection.execute(same).first() is not None:
                return False
            try:
                with connection.begin_nested():
                    connection.execute(insert(JobRow).values(values))
                    count_duration(connection, record)
            except IntegrityError:
                if connection.execute(same).first() is None:
                    raise
                return False  # Another replica was faster.
            return True

        return bool(await self._run(write, writing=True))

    async def unfinished(self, *, limit: int) -> Sequence[JobRecord]:
        """Rows with something left to do, those recorded first first."""
        wanted = select(JobRow.__table__).where(JobRow.finished.is_(False)).order_by(JobRow.recorded_at).limit(limit)
        return await self._records(wanted)

    async def ended(self, *, owner: str | None = None, limit: int = 1000) -> Sequence[JobRecord]:
        """The jobs recorded last first, of all users or of one."""
        wanted = select(JobRow.__table__).order_by(JobRow.recorded_at.desc(), JobRow.uid).limit(limit)
        return await self._records(wanted if owner is None else wanted.where(JobRow.owner == owner))

    async def update(self, uid: str, **changes: Any) -> None:
        """Change fields of a row."""

        def write(connection: Connection) -> None:
            connection.execute(update(JobRow).where(JobRow.uid == uid).values(**_storable(changes)))
            left = select(*(getattr(JobRow, step) for step in _STEPS)).where(JobRow.uid == uid)
            steps = connection.execute(left).first()
            if steps is not None and "pending" not in steps:
                connection.execute(update(JobRow).where(JobRow.uid == uid).values(finished=True))

        await self._run(write, writing=True)

    async def prune(self, *, before: float, keep: Collection[str]) -> int:
        """Delete rows recorded before that moment with nothing left to do, but for these uids; how many went."""
        old = select(JobRow.uid).where(JobRow.finished.is_(True), JobRow.recorded_at < before)

        def write(connection: Connection) -> int:
            found = set(
                connection.execute(old.order_by(JobRow.recorded_at).limit(_PRUNED_AT_ONCE + len(keep))).scalars()
            )
            gone = sorted(found.difference(keep))
            for start in range(0, len(gone), _AT_ONCE):
                connection.execute(delete(JobRow).where(JobRow.uid.in_(gone[start : start + _AT_ONCE])))
            return len(gone)

        return int(await self._run(write, writing=True))

    async def _records(self, wanted: Any) -> Sequence[JobRecord]:
        rows = await self._run(lambda connection: connection.execute(wanted).mappings().all(), writing=False)
        return [JobRecord(**{name: row[name] for name in _FIELDS}) for row in rows]

    async def _run(self, work: Callable[[Connection], Any], *, writing: bool) -> Any:
        try:
            return await asyncio.to_thread(self._database.run, work, writing=writing)
        except RowRefused as error:
            # What the database says has the row's content in it.
            raise RecordRefused(str(error)) from None
        except DatabaseProblem as error:
            raise RecordsAway(str(error)) from error


def _storable(values: Mapping[str, Any]) -> dict[str, Any]:
    """A job's reason is what programs and people wrote: odd text is kept in signs, and what is too long is cut."""
    return {
        name: storable(value, _LONGEST[name]) if isinstance(value, str) else value for name, value in values.items()
    }
