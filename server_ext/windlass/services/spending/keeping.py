"""Keeps the ledger's figures of what jobs take: of those that live again and again, of those that have ended once.

What cannot be known now is tried again: a hub that is away, an engine that cannot be asked, readings that come late.
When prices change, what they change is counted anew; of a job that nobody knows any more what it held, the figures
stay. Several servers on one ledger count the same, and write the same. Whoever keeps figures elsewhere is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping

from windlass.costs.book import PriceBook
from windlass.errors import WindlassError
from windlass.ledger.costs import WAITING_STATES
from windlass.ledger.jobs import FINAL_STATES, JobChange, JobLedger
from windlass.ledger.tables import JobRow
from windlass.services.changes import ChangeHub
from windlass.services.spending.counting import Counted, number
from windlass.services.spending.job_costs import JobCosts
from windlass.services.spending.prices import Prices

LOOK_SECONDS = 30.0
AT_ONCE = 200
READINGS_AWAITED_SECONDS = 3600.0
"""So long after a job's end readings of it may still come: from a cluster's log, from a Prometheus that was away."""

_log = logging.getLogger(__name__)


class CostKeeper:
    """A loop over the jobs whose cost is not final; `run` is to be started as a task."""

    def __init__(self, *, ledger: JobLedger, changes: ChangeHub, costs: JobCosts, prices: Prices) -> None:
        self._ledger = ledger
        self._changes = changes
        self._costs = costs
        self._prices = prices
        self._book: PriceBook | None = None
        self._wake = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call whenever the figures of a job that has ended became others."""
        self._listeners.append(listener)

    def poke(self) -> None:
        """A job has ended: count it now."""
        self._wake.set()

    async def run(self) -> None:
        """Count until cancelled."""
        while True:
            self._wake.clear()
            try:
                await self.look()
            except Exception:  # noqa: BLE001 - the ledger failed, or what nobody foresaw: figures stand still until then
                _log.exception("What jobs cost could not be counted; it is tried again")
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), LOOK_SECONDS)

    async def look(self) -> None:
        """Count once what is to be counted."""
        book = (await self._prices.in_force()).book
        if book is not self._book:
            self._book = book
            await self._ledger.costs.count_again(book.fingerprint)
        for row in await self._ledger.costs.uncounted(limit=AT_ONCE):
            await self.count(row)

    async def count(self, row: JobRow) -> Counted | None:
        """Count one job and write it down; None where it cannot be counted now, or holds nothing yet."""
        if row.state in WAITING_STATES:
            return None
        try:
            counted = await self._costs.count(row)
        except (WindlassError, OSError) as error:
            _log.debug("What job %s cost cannot be counted now: %s", row.id, error)
            return None
        await self._write(row, counted)
        return counted

    async def _write(self, row: JobRow, counted: Counted) -> None:
        live = row.state not in FINAL_STATES
        ended_at = row.ended_at if row.ended_at is not None else counted.at
        awaits = counted.lacks_readings and counted.at - ended_at < READINGS_AWAITED_SECONDS
        priced_by = await self._priced_by(row, ended_at)
        closing: dict[str, object] = {
            "cost_final": not live and counted.settled and not awaits,
            "priced_by": None if live else priced_by,
        }
        if counted.forgotten and row.cost_usd is not None and not live:
            # What was known of it stays: that it cannot be counted any more makes it no less true.
            await self._ledger.apply([JobChange(job_id=row.id, values=closing)])
            return
        figures = {
            "cost_usd": number(counted.cost.usd),
            "gpu_hours": number(counted.cost.gpu_hours),
            "idle_fraction": counted.idle_fraction,
        }
        values = {
            **figures,
            **closing,
            "usd_per_hour": number(counted.rate.usd_per_hour) if live else None,
            "cards": number(counted.rate.cards) if live else None,
            "cost_note": counted.note,
        }
        grows = live and (counted.rate.usd_per_hour != 0 or counted.rate.cards != 0)
        if grows or _differs(row, values):
            values["cost_at"] = counted.at
            await self._ledger.costs.put(row, counted.day_costs())
        if await self._ledger.apply([JobChange(job_id=row.id, values=values)]):
            self._changes.announce()
        if not live and _differs(row, figures):
            for listener in self._listeners:
                listener()

    async def _priced_by(self, row: JobRow, ended_at: float) -> str:
        book = (await self._prices.in_force()).book
        return await asyncio.to_thread(book.fingerprint, row.created_us / 1e6, ended_at)


def _differs(row: JobRow, values: Mapping[str, object]) -> bool:
    return any(getattr(row, name) != value for name, value in values.items())
