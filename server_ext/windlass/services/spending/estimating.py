"""What a job would cost that is not sent yet: an hour, its time limit, and by how long earlier ones took."""

from __future__ import annotations

import asyncio
import logging
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from windlass.contract.cluster import OfferedGpu
from windlass.contract.costs import Budget, CostEstimate, EarlierRuns
from windlass.contract.jobs import JobRequest
from windlass.costs.estimating import Estimate, estimate
from windlass.costs.holding import Held
from windlass.engines.base import InCluster, JobSpec, KnowsHoldings
from windlass.errors import WindlassError
from windlass.ledger.jobs import JobLedger
from windlass.ledger.tables import JobRow
from windlass.services.engines import Engines
from windlass.services.requests import check_request
from windlass.services.settings import Settings
from windlass.services.spending.counting import number
from windlass.services.spending.hub_records import HubRecords
from windlass.services.spending.job_costs import parts_of
from windlass.services.spending.prices import Prices

EARLIER_JOBS = 50
OFFERS_SECONDS = 60.0
_NO_GPU_CHOSEN = "The cluster has several kinds of GPU: choose one, and its price is known."
_NO_ROOM_ASKED = (
    "It asks for no cores and no memory, so none are in this price; its cost will count what it is given by default."
)

_log = logging.getLogger(__name__)


class Estimates:
    """Prices of jobs before they are sent."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: JobLedger,
        engines: Engines,
        prices: Prices,
        hub: HubRecords | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._engines = engines
        self._prices = prices
        self._hub = hub
        self._clock = clock
        self._offers: dict[str, tuple[float, list[OfferedGpu]]] = {}

    async def estimate(self, request: JobRequest, *, owner: str) -> CostEstimate:
        """What a job would cost. Raises InvalidRequest, and Unavailable for an engine that cannot be loaded."""
        check_request(request)
        found, notes = await self._priced(request, owner)
        budgets, problem = await self._budgets()
        per_hour = found.usd_per_hour
        over = next((budget for budget in budgets if budget.refuses), None)
        return CostEstimate(
            usd_per_hour=number(per_hour),
            spot_usd_per_hour=number(found.spot_usd_per_hour),
            most_usd=number(found.most_usd),
            limit_seconds=request.time_limit_seconds,
            earlier=await self._earlier(request, owner, None if per_hour is None else Fraction(per_hour)),
            parts=parts_of(found.lines),
            notes=list(dict.fromkeys([*notes, *found.notes, *([problem] if problem else [])])),
            budgets=budgets,
            refused=None if over is None else _refusal(over),
        )

    async def per_hour(self, request: JobRequest, *, owner: str) -> float | None:
        """USD an hour; None where that is not known, for whatever reason."""
        try:
            return number((await self._priced(request, owner))[0].usd_per_hour)
        except (WindlassError, OSError) as error:
            _log.debug("What %s would cost is not known: %s", request.notebook, error)
            return None

    async def _priced(self, request: JobRequest, owner: str) -> tuple[Estimate, list[str]]:
        engine = self._engines.get(request.engine)
        prices = await self._prices.in_force()
        if not isinstance(engine, KnowsHoldings):
            nothing = Estimate(usd_per_hour=None, spot_usd_per_hour=None, most_usd=None)
            return nothing, [f"What a job holds on the engine {engine.display_name} is not known before it runs."]
        held = await engine.would_hold(spec_of(request, owner, self._settings.bundles_dir))
        notes = [prices.problem] if prices.problem else []
        if isinstance(engine, InCluster):
            held = await self._with_product(engine, held, notes)
            if not any(each.cores or each.memory_gib for each in held):
                notes.append(_NO_ROOM_ASKED)
        found = await asyncio.to_thread(
            estimate, held, prices.book, at=self._clock(), limit_seconds=request.time_limit_seconds
        )
        return found, notes

    async def _with_product(self, engine: InCluster, held: list[Held], notes: list[str]) -> list[Held]:
        """With the only GPU that the cluster has of the kind asked for, where none was chosen."""
        asked = next((each for each in held if each.gpus and not each.product), None)
        if asked is None:
            return held
        try:
            offers = await self._offered(engine)
        except WindlassError as error:
            notes.append(f"Which GPUs the cluster has is not known now: {error}")
            return held
        fit = {offer.product for offer in offers if offer.product and _is_of(offer, asked)}
        if len(fit) != 1:
            notes.append(_NO_GPU_CHOSEN if fit else "The cluster shows no GPU of the kind that the job asks for.")
            return held
        (product,) = fit
        notes.append(f"Any GPU will do: priced as {product}, the only one that the cluster has.")
        return [replace(each, product=product) if each.gpus else each for each in held]

    async def _offered(self, engine: InCluster) -> list[OfferedGpu]:
        at, known = self._offers.get("gpus", (-OFFERS_SECONDS, []))
        if not 0 <= self._clock() - at < OFFERS_SECONDS:
            known = (await engine.offers()).gpus
            self._offers["gpus"] = (self._clock(), known)
        return known

    async def _earlier(self, request: JobRequest, owner: str, per_hour: Fraction | None) -> EarlierRuns | None:
        rows = await self._ledger.newest(
            JobRow.owner == owner,
            JobRow.notebook == request.notebook,
            JobRow.state == "succeeded",
            limit=EARLIER_JOBS,
        )
        took = [
            row.ended_at - row.started_at for row in rows if row.started_at is not None and row.ended_at is not None
        ]
        if not took:
            return None
        median = statistics.median(took)
        usd = None if per_hour is None else float(per_hour * Fraction(repr(median)) / 3600)
        return EarlierRuns(jobs=len(took), median_seconds=median, longest_seconds=max(took), usd=usd)

    async def _budgets(self) -> tuple[list[Budget], str | None]:
        if self._hub is None:
            return [], None
        try:
            return (await self._hub.budgets()).items, None
        except WindlassError as error:
            return [], f"The budgets cannot be read now: {error}"


def spec_of(request: JobRequest, owner: str, bundles: Path) -> JobSpec:
    """As much of a job as what it holds follows from."""
    return JobSpec(
        id="estimate",
        name=request.name or request.notebook,
        owner=owner,
        notebook=request.notebook,
        bundle_path=bundles / "estimate.tar.gz",
        bundle_sha256="",
        python="",
        kind=request.kind,
        cluster=request.cluster.model_dump(mode="json") if request.cluster else None,
        workers=request.workers,
        processes_per_worker=request.processes_per_worker,
        gpus_per_worker=request.gpus_per_worker,
        time_limit_seconds=request.time_limit_seconds,
        retries=request.retries,
    )


def _is_of(offer: OfferedGpu, held: Held) -> bool:
    if held.mig_profile:
        return offer.share == "mig" and offer.mig_profile == held.mig_profile
    return offer.share == ("time-sliced" if held.shares or held.problem else "whole")


def _refusal(budget: Budget) -> str:
    whose = "Your budget" if budget.scope == "user" else f"The budget of {budget.name}"
    if budget.state != "over":
        return f"{whose} is on hold: nothing new starts until your administrators release it."
    return (
        f"{whose} of ${budget.limit_usd:,.2f} a {budget.period} is spent (${budget.spent_usd:,.2f}): nothing new "
        "starts until the next one begins, or your administrators raise it."
    )
