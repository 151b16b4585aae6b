"""What single jobs took: asks the engine what they held, readings how they used it, and the price book for prices."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from fractions import Fraction
from typing import Protocol

from windlass.contract.costs import CostPart, JobCost, PodCost
from windlass.contract.gpus import UsageSummary
from windlass.costs.arithmetic import Spent, cost
from windlass.costs.holding import Held, Holding
from windlass.costs.rates import Line, hourly
from windlass.engines.base import KnowsHoldings
from windlass.errors import WindlassError
from windlass.ledger.jobs import FINAL_STATES, JobLedger
from windlass.ledger.tables import JobRow
from windlass.services.engines import Engines
from windlass.services.gpus.job_history import Measured
from windlass.services.spending.counting import Counted, count, number
from windlass.services.spending.prices import Prices

_log = logging.getLogger(__name__)


class KnowsUsage(Protocol):
    """Can say what a job did with what it held."""

    async def measured(self, job_id: str, *, owner: str) -> Measured | None:
        """None where nothing is known. Raises NotFound."""
        ...


class JobCosts:
    """Costs of jobs, one at a time. A user finds only their own jobs."""

    def __init__(
        self,
        *,
        ledger: JobLedger,
        engines: Engines,
        prices: Prices,
        usage: KnowsUsage | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._engines = engines
        self._prices = prices
        self._usage = usage
        self._clock = clock

    async def get(self, job_id: str, *, owner: str) -> JobCost:
        """What a job took: pod by pod. Raises NotFound, and Unavailable where its engine cannot be asked now."""
        row = await self._ledger.get(job_id, owner=owner)
        counted = await self.count(row)
        return _shown(row, counted)

    async def count(self, row: JobRow) -> Counted:
        """What a job took until now. Raises Unavailable where its engine cannot be asked now."""
        holding = await self.holding(row)
        prices = await self._prices.in_force()
        measured = await self._measured(row) if _has_gpus(holding) else None
        began_at = row.started_at if row.started_at is not None else row.created_us / 1e6
        return await asyncio.to_thread(
            count,
            holding,
            prices.book,
            _or_remembered(measured, row),
            began_at=began_at,
            now=self._clock(),
            settled=prices.settled,
        )

    async def spent_by(self, job_id: str, *, owner: str, times: Sequence[float]) -> Sequence[float | None]:
        """USD spent up to each moment (POSIX seconds, ascending); None where that is not known. Raises NotFound."""
        row = await self._ledger.get(job_id, owner=owner)
        try:
            holding = await self.holding(row)
        except WindlassError:
            holding = None
        if holding is None or holding.missing:
            return [None] * len(times)
        held, book, now = holding.held, (await self._prices.in_force()).book, self._clock()

        def work() -> list[float | None]:
            # Between two moments each, and summed up: what a long history costs is one walk over it.
            found: list[float | None] = []
            total, begins = Fraction(0), min((each.since or now for each in held), default=now)
            for moment in times:
                step = cost(held, book, now=now, start=begins, end=moment).usd if moment > begins else Fraction(0)
                if step is None:
                    return [*found, *[None] * (len(times) - len(found))]
                total, begins = total + Fraction(step), max(begins, moment)
                found.append(float(total))
            return found

        return await asyncio.to_thread(work)

    async def holding(self, row: JobRow) -> Holding | None:
        """What a job held; None where nothing is known of it. Raises Unavailable."""
        engine = self._engines.get(row.engine)
        return await engine.holding(row.id) if isinstance(engine, KnowsHoldings) else None

    async def used(self, row: JobRow) -> UsageSummary | None:
        """How it used its GPUs, as far as somebody measured; readings that cannot be had are none."""
        measured = await self._measured(row)
        return None if measured is None else measured.summary

    async def _measured(self, row: JobRow) -> Measured | None:
        if self._usage is None:
            return None
        try:
            return await self._usage.measured(row.id, owner=row.owner)
        except (WindlassError, OSError) as error:
            _log.debug("What job %s used is not known: %s", row.id, error)
            return None


def _or_remembered(measured: Measured | None, row: JobRow) -> Measured | None:
    """What was measured; of a job that has ended what was known of it, if its readings are gone by now."""
    known = measured is not None and measured.summary.idle_fraction is not None
    if known or row.idle_fraction is None or row.state not in FINAL_STATES:
        return measured
    return Measured(summary=UsageSummary(seconds=0.0, covered=1.0, idle_fraction=row.idle_fraction))


def _has_gpus(holding: Holding | None) -> bool:
    return holding is not None and any(each.gpus != 0 for each in holding.held)


def _shown(row: JobRow, counted: Counted) -> JobCost:
    live = row.state not in FINAL_STATES
    found = counted.cost
    return JobCost(
        job_id=row.id,
        live=live,
        usd=number(found.usd),
        usd_per_hour=number(counted.rate.usd_per_hour) if live else 0.0,
        gpu_hours=number(found.gpu_hours),
        idle_gpu_hours=number(counted.idle_gpu_hours),
        idle_usd=number(counted.idle_usd),
        idle_fraction=counted.idle_fraction,
        pods=[_pod(part) for part in found.parts],
        parts=parts_of([line for part in found.parts for line in part.lines]),
        notes=list(dict.fromkeys(counted.notes)),
    )


def _pod(part: Spent) -> PodCost:
    held: Held = part.held
    return PodCost(
        title=held.title,
        node=held.node,
        instance_type=held.instance_type,
        capacity=held.capacity,
        held_from=_moment(held.since),
        held_until=_moment(held.until),
        gpus=number(held.cards),
        gpu_product=held.product,
        usd_per_hour=number(hourly(part.lines)) if part.lines else None,
        usd=number(part.usd),
        note=part.note or None,
    )


def parts_of(lines: Sequence[Line]) -> list[CostPart]:
    """Lines as people read them: those of one thing at one price together."""
    together: dict[tuple[str, str, Fraction, str], Fraction] = {}
    for line in lines:
        key = (line.what, line.unit, line.usd_per_hour, line.source)
        together[key] = together.get(key, Fraction(0)) + line.amount
    return [
        CostPart(
            what=what,
            amount=float(amount),
            unit=unit.removesuffix("s") if amount == 1 else unit,
            usd_per_hour=float(usd),
            source=source,
        )
        for (what, unit, usd, source), amount in together.items()
    ]


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, tz=timezone.utc)
