"""What all that a user holds costs an hour now: devices, live jobs, and the notebook server where a hub says so."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from fractions import Fraction

from windlass.contract.gpus import ServerCost
from windlass.costs.book import PriceBook
from windlass.costs.holding import Held
from windlass.costs.rates import Unknown, hourly, rate
from windlass.engines.local.identity import host_name
from windlass.engines.local.own_machine import instance_type
from windlass.errors import WindlassError
from windlass.ledger.costs import WAITING_STATES
from windlass.ledger.jobs import FINAL_STATES, JobLedger
from windlass.ledger.tables import JobRow
from windlass.metrics.reading import Device
from windlass.services.gpus.money import JobRate, Rates
from windlass.services.present import cost_now
from windlass.services.spending.hub_records import HubRecords
from windlass.services.spending.prices import Prices

KNOWN_SECONDS = 5.0
SERVER_SECONDS = 60.0
MOST_JOBS = 1000

_log = logging.getLogger(__name__)


class LiveRates:
    """Keeps what it knows for some seconds: it is asked each second while somebody looks."""

    def __init__(
        self,
        *,
        ledger: JobLedger,
        prices: Prices,
        hub: HubRecords | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._prices = prices
        self._hub = hub
        self._clock = clock
        self._known: dict[str, tuple[float, list[JobRow]]] = {}
        self._server: tuple[float, ServerCost | None, str | None] = (-SERVER_SECONDS, None, None)

    async def rates(self, *, owner: str) -> Rates:
        """What things cost a user now."""
        now, rows = self._clock(), await self._live_jobs(owner)
        jobs = {
            row.id: JobRate(usd_per_hour=row.usd_per_hour, usd=cost_now(row, now)[0])
            for row in rows
            if row.cost_at is not None
        }
        server, why = await self._own_server(now)
        found = await self._prices.in_force()
        unknown = [row.name for row in rows if row.usd_per_hour is None]
        notes = [f"What {name} costs an hour is not known." for name in unknown[:1]]
        if len(unknown) > 1:
            notes = [f"What {len(unknown)} jobs cost an hour is not known."]
        parts = [row.usd_per_hour for row in rows]
        if self._hub is not None:
            parts.append(server.usd_per_hour if server is not None else None)
            if parts[-1] is None:
                notes.append(why or "What this server costs an hour is not known.")
        known = [each for each in parts if each is not None]
        return Rates(
            device_usd_per_hour=DevicePrices(found.book, at=now),
            jobs=jobs,
            server=server,
            usd_per_hour=sum(known) if len(known) == len(parts) else None,
            note=" ".join([*notes, *([found.problem] if found.problem else [])]) or None,
        )

    async def _live_jobs(self, owner: str) -> list[JobRow]:
        now = self._clock()
        at, rows = self._known.get(owner, (-KNOWN_SECONDS, []))
        if not 0 <= now - at < KNOWN_SECONDS:
            holds = JobRow.state.not_in([*FINAL_STATES, *WAITING_STATES])
            rows = await self._ledger.select_jobs(JobRow.owner == owner, holds, limit=MOST_JOBS)
            self._known[owner] = (now, rows)
        return rows

    async def _own_server(self, now: float) -> tuple[ServerCost | None, str | None]:
        if self._hub is None:
            return None, None
        at, server, why = self._server
        if not 0 <= now - at < SERVER_SECONDS:
            try:
                server, why = await self._hub.server(), None
            except WindlassError as error:
                server, why = None, f"What this server costs is not known: {error}"
                _log.debug("The hub did not say what this server costs: %s", error)
            self._server = (now, server, why)
        return server, why


class DevicePrices:
    """USD an hour of devices, by their products; of a share that is of an unknown size nothing is known."""

    def __init__(self, book: PriceBook, *, at: float) -> None:
        self._book = book
        self._at = at
        self._known: dict[tuple[str, str | None, bool], float | None] = {}

    def __call__(self, device: Device) -> float | None:
        """Of one device; None where it is not known."""
        if device.kind == "share":
            return None
        key = (device.name, device.mig_profile, device.node is None)
        if key not in self._known:
            self._known[key] = self._price(device)
        return self._known[key]

    def _price(self, device: Device) -> float | None:
        here = device.node is None
        held = Held(
            title=device.name,
            since=0.0,
            node=host_name() if here else device.node,
            instance_type=instance_type() if here else None,
            capacity="on-demand" if here else None,
            gpus=1,
            product=device.name,
            mig_profile=device.mig_profile,
            own_machine=here,
        )
        try:
            found: Fraction = hourly(rate(held, self._book, at=self._at))
        except Unknown:
            return None
        return float(found)
