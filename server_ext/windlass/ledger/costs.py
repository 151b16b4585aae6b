"""What jobs took, by job and day: put in as it is counted, and summed up by whatever somebody asks for.

Sums are of what is known; how many jobs they lack stands beside them. Nothing here knows prices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import ColumnElement, RowMapping, case, delete, func, literal, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from windlass.ledger.database import Database
from windlass.ledger.tables import CostRow, JobRow

By = Literal["user", "job", "experiment", "day"]

NANO = 1_000_000_000
"""Nano-dollars of a dollar."""
WAITING_STATES = ("submitted", "queued")
"""In these a job holds nothing."""
_NOTHING_KNOWN = -1
"""Where a sum of which nothing is known stands among others: last."""
_AT_ONCE = 500
_KEYS = {"user": CostRow.owner, "job": CostRow.job_id, "experiment": CostRow.experiment, "day": CostRow.day}


@dataclass(frozen=True, kw_only=True)
class DayCost:
    """What a job took on one day; None is unknown."""

    day: str
    usd: float | None
    idle_usd: float | None
    gpu_hours: float | None
    idle_gpu_hours: float | None


@dataclass(frozen=True, kw_only=True)
class Period:
    """Days of UTC, both ends included: `2026-11-01` to `2026-11-23`."""

    owner: str
    first: str
    last: str


@dataclass(frozen=True, kw_only=True)
class CostSum:
    """Sums of what is known, and how many jobs they lack. Money in USD; None: nothing of it is known."""

    key: str
    label: str
    usd: float | None
    usd_nano: int | None
    idle_usd: float | None
    gpu_hours: float | None
    idle_gpu_hours: float | None
    jobs: int
    unknown_jobs: int
    unknown_idle_jobs: int
    run_id: str | None = None

    @property
    def place(self) -> tuple[int, str]:
        """Where it stands in its list, for whoever goes on behind it."""
        return (_NOTHING_KNOWN if self.usd_nano is None else self.usd_nano), self.key


class CostLedger:
    """The table of costs; one with the jobs' own file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, job: JobRow, days: Sequence[DayCost]) -> None:
        """Write what a job took, day by day, in the place of what was written of it before."""

        def work(session: Session) -> None:
            session.execute(delete(CostRow).where(CostRow.job_id == job.id))
            session.add_all(_row(job, day) for day in days)

        await self._database.write(work)

    async def uncounted(self, *, limit: int) -> list[JobRow]:
        """Jobs that hold or held something and whose cost is not final, the newest first."""
        query = (
            select(JobRow)
            .where(JobRow.cost_final.is_(False), JobRow.state.not_in(WAITING_STATES))
            .order_by(JobRow.created_us.desc())
            .limit(limit)
        )
        return await self._database.read(lambda session: list(session.scalars(query)))

    async def count_again(self, priced_by: Callable[[float, float], str]) -> None:
        """Have counted anew what is not known, and what other prices were counted by than those that hold now.

        Args:
            priced_by: the fingerprint of the prices of a time, from its beginning to its end (POSIX seconds).
        """
        columns = (JobRow.id, JobRow.created_us, JobRow.ended_at, JobRow.cost_usd, JobRow.gpu_hours)
        query = select(*columns, JobRow.idle_fraction, JobRow.priced_by).where(JobRow.cost_final.is_(True))

        def is_open(row: RowMapping) -> bool:
            if row["cost_usd"] is None or (row["gpu_hours"] and row["idle_fraction"] is None):
                return True
            began = row["created_us"] / 1e6
            return bool(row["priced_by"] != priced_by(began, row["ended_at"] or began))

        def look(session: Session) -> list[str]:
            return [row["id"] for row in session.execute(query).mappings() if is_open(row)]

        # What is read and compared keeps nobody from writing.
        found = await self._database.read(look)

        def work(session: Session) -> None:
            for start in range(0, len(found), _AT_ONCE):
                some = found[start : start + _AT_ONCE]
                session.execute(update(JobRow).where(JobRow.id.in_(some)).values(cost_final=False))

        await self._database.write(work)

    async def note_run(self, job_id: str, *, run_id: str) -> None:
        """A job's MLflow run is known by now."""
        query = update(CostRow).where(CostRow.job_id == job_id).values(run_id=run_id)
        await self._database.write(lambda session: session.execute(query))

    async def sums(self, period: Period, *, by: By, limit: int, after: tuple[int, str] | None = None) -> list[CostSum]:
        """Sums by user, job, experiment or day: most first, days newest first; those behind `after`."""
        key = _KEYS[by]
        place = func.coalesce(func.sum(CostRow.usd_nano), _NOTHING_KNOWN)
        query = _sums(key).where(*_within(period)).group_by(key)
        if by == "day":
            query = query.order_by(key.desc())
            query = query if after is None else query.having(key < after[1])
        else:
            query = query.order_by(place.desc(), key.desc())
            if after is not None:
                query = query.having(or_(place < after[0], (place == after[0]) & (key < after[1])))

        def work(session: Session) -> list[CostSum]:
            found = list(session.execute(query.limit(limit)).mappings())
            lacking = _lacking(session, period, key, [row["key"] for row in found if row["lacks"]])
            named = _named(session, [row["key"] for row in found]) if by == "job" else {}
            return [_sum(row, lacking.get(row["key"]), named.get(row["key"])) for row in found]

        return await self._database.read(work)

    async def total(self, period: Period) -> CostSum:
        """All together."""
        query = _sums(CostRow.owner).where(*_within(period))

        def work(session: Session) -> CostSum:
            found = session.execute(query).mappings().one()
            lacking = _lacking(session, period, CostRow.owner, [period.owner] if found["lacks"] else [])
            return replace(_sum(found, lacking.get(period.owner), None), key="", label="")

        return await self._database.read(work)


def _row(job: JobRow, day: DayCost) -> CostRow:
    return CostRow(
        job_id=job.id,
        day=day.day,
        owner=job.owner,
        name=job.name,
        experiment=job.experiment,
        run_id=job.run_id,
        usd_nano=_nano(day.usd),
        idle_usd_nano=_nano(day.idle_usd),
        gpu_hours=day.gpu_hours,
        idle_gpu_hours=day.idle_gpu_hours,
    )


def _nano(usd: float | None) -> int | None:
    return None if usd is None else round(usd * NANO)


def _within(period: Period) -> tuple[ColumnElement[bool], ...]:
    return CostRow.owner == period.owner, CostRow.day >= period.first, CostRow.day <= period.last


def _sums(key: InstrumentedAttribute[str]) -> Any:
    """All that the index `job_costs_days` holds, so that no row is looked up."""
    # A Select; how its columns are typed differs between SQLAlchemy's versions.
    return select(
        key.label("key"),
        func.sum(CostRow.usd_nano).label("usd_nano"),
        func.sum(CostRow.idle_usd_nano).label("idle_usd_nano"),
        func.sum(CostRow.gpu_hours).label("gpu_hours"),
        func.sum(CostRow.idle_gpu_hours).label("idle_gpu_hours"),
        _jobs(key).label("jobs"),
        func.sum(case((_something_lacks(), 1), else_=0)).label("lacks"),
    )


def _jobs(key: InstrumentedAttribute[str]) -> ColumnElement[int]:
    """How many jobs there are in a sum: a job has one row a day, and counting each once is the dear part."""
    if key is CostRow.day:
        return func.count()
    return literal(1) if key is CostRow.job_id else func.count(func.distinct(CostRow.job_id))


def _something_lacks() -> ColumnElement[bool]:
    return or_(CostRow.usd_nano.is_(None), CostRow.idle_usd_nano.is_(None))


def _lacking(
    session: Session, period: Period, key: InstrumentedAttribute[str], keys: Sequence[str]
) -> dict[str, tuple[int, int]]:
    """How many jobs the sums of some keys lack, and how many their idle parts; asked only where they lack any."""
    if not keys:
        return {}

    def jobs_without(column: InstrumentedAttribute[int | None]) -> ColumnElement[int]:
        return func.count(func.distinct(case((column.is_(None), CostRow.job_id))))

    query = (
        select(key, jobs_without(CostRow.usd_nano), jobs_without(CostRow.idle_usd_nano))
        .where(*_within(period), _something_lacks())
        .group_by(key)
    )
    wanted = set(keys)
    return {found: (usd, idle) for found, usd, idle in session.execute(query) if found in wanted}


def _named(session: Session, job_ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
    """Names and runs of jobs."""
    found: dict[str, tuple[str, str | None]] = {}
    for start in range(0, len(job_ids), _AT_ONCE):
        some = job_ids[start : start + _AT_ONCE]
        query = select(CostRow.job_id, CostRow.name, CostRow.run_id).where(CostRow.job_id.in_(some))
        found.update({job_id: (name, run_id) for job_id, name, run_id in session.execute(query)})
    return found


def _sum(found: RowMapping, lacking: tuple[int, int] | None, named: tuple[str, str | None] | None) -> CostSum:
    label, run_id = named or (found["key"] or "", None)
    unknown, unknown_idle = lacking or (0, 0)
    return CostSum(
        key=found["key"] or "",
        label=label,
        usd=_dollars(found["usd_nano"]),
        usd_nano=found["usd_nano"],
        idle_usd=_dollars(found["idle_usd_nano"]),
        gpu_hours=found["gpu_hours"],
        idle_gpu_hours=found["idle_gpu_hours"],
        jobs=found["jobs"],
        unknown_jobs=unknown,
        unknown_idle_jobs=unknown_idle,
        run_id=run_id,
    )


def _dollars(nano: int | None) -> float | None:
    return None if nano is None else nano / NANO
