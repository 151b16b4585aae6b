"""Keeps the ledger's figures of what jobs take: of those that live again and again, of those that have ended once.

What cannot be known now is tried again: a hub that is away, an engine that cannot be asked. What has no price is
counted anew when there are other prices. Several servers on one ledger count the same, and write the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

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
            await self._ledger.costs.count_again()
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
        values = {
            "cost_usd": number(counted.cost.usd),
            "gpu_hours": number(counted.cost.gpu_hours),
            "idle_fraction": counted.idle_fraction,
            "usd_per_hour": number(counted.rate.usd_per_hour) if live else None,
            "cards": number(counted.rate.cards) if live else None,
            "cost_note": counted.note,
            "cost_final": not live and counted.settled,
        }
        grows = live and (counted.rate.usd_per_hour != 0 or counted.rate.cards != 0)
        if grows or any(getattr(row, name) != value for name, value in values.items()):
            values["cost_at"] = counted.at
            await self._ledger.costs.put(row, counted.day_costs())
        if await self._ledger.apply([JobChange(job_id=row.id, values=values)]):
            self._changes.announce()
