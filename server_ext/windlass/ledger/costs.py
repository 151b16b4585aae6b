"""What jobs took, by job and day: put in as it is counted, and summed up by whatever somebody asks for.

Sums are of what is known; how many jobs they lack stands beside them. Nothing here knows prices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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

    async def count_again(self) -> None:
        """Have what is not known counted anew: there are other prices."""
        query = update(JobRow).where(JobRow.cost_final.is_(True), JobRow.cost_usd.is_(None)).values(cost_final=False)
        await self._database.write(lambda session: session.execute(query))

    async def note_run(self, job_id: str, *, run_id: str) -> None:
        """A job's MLflow run is known by now."""
        query = update(CostRow).where(CostRow.job_id == job_id).values(run_id=run_id)
        await self._database.write(lambda session: session.execute(query))

    async def sums(self, period: Period, *, by: By, limit: int, after: tuple[int, str] | None = None) -> list[CostSum]:
        """Sums by user, job, experiment or day: most first, days newest first; those behind `after`."""
        key = _KEYS[by]
        place = func.coalesce(func.sum(CostRow.usd_nano), _NOTHING_KNOWN)
        query = _sums(key, _label(by)).where(*_within(period)).group_by(key)
        if by == "day":
            query = query.order_by(key.desc())
            query = query if after is None else query.having(key < after[1])
        else:
            query = query.order_by(place.desc(), key.desc())
            if after is not None:
                query = query.having(or_(place < after[0], (place == after[0]) & (key < after[1])))
        return await self._database.read(
            lambda session: [_sum(row) for row in session.execute(query.limit(limit)).mappings()]
        )

    async def total(self, period: Period) -> CostSum:
        """All together."""
        query = _sums(literal(""), literal("")).where(*_within(period))
        return await self._database.read(lambda session: _sum(session.execute(query).mappings().one()))


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


def _label(by: By) -> ColumnElement[str]:
    return func.max(CostRow.name) if by == "job" else func.max(_KEYS[by])


def _sums(key: ColumnElement[str] | InstrumentedAttribute[str], label: ColumnElement[str]) -> Any:
    # A Select; how its columns are typed differs between SQLAlchemy's versions.
    def lacking(column: InstrumentedAttribute[int | None]) -> ColumnElement[int]:
        return func.count(func.distinct(case((column.is_(None), CostRow.job_id))))

    return select(
        key.label("key"),
        label.label("label"),
        func.sum(CostRow.usd_nano).label("usd_nano"),
        func.sum(CostRow.idle_usd_nano).label("idle_usd_nano"),
        func.sum(CostRow.gpu_hours).label("gpu_hours"),
        func.sum(CostRow.idle_gpu_hours).label("idle_gpu_hours"),
        func.count(func.distinct(CostRow.job_id)).label("jobs"),
        lacking(CostRow.usd_nano).label("unknown_jobs"),
        lacking(CostRow.idle_usd_nano).label("unknown_idle_jobs"),
        func.max(CostRow.run_id).label("run_id"),
    )


def _sum(found: RowMapping) -> CostSum:
    return CostSum(
        key=found["key"] or "",
        label=found["label"] or "",
        usd=_dollars(found["usd_nano"]),
        usd_nano=found["usd_nano"],
        idle_usd=_dollars(found["idle_usd_nano"]),
        gpu_hours=found["gpu_hours"],
        idle_gpu_hours=found["idle_gpu_hours"],
        jobs=found["jobs"],
        unknown_jobs=found["unknown_jobs"],
        unknown_idle_jobs=found["unknown_idle_jobs"],
        run_id=found["run_id"],
    )


def _dollars(nano: int | None) -> float | None:
    return None if nano is None else nano / NANO
