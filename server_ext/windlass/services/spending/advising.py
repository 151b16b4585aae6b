"""What smaller, or larger, thing would do for a job's next run: from what it used, at today's prices."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

from windlass.contract.costs import JobAdvice
from windlass.contract.gpus import UsageSummary
from windlass.contract.hub import ProfileList
from windlass.contract.jobs import JobRequest
from windlass.costs.choices import of_book, of_machine, of_profiles, of_room
from windlass.costs.estimating import estimate
from windlass.costs.holding import Held
from windlass.costs.rightsizing import Advice, Choice, Had, OutOf, advise
from windlass.engines.base import InCluster, KnowsHoldings
from windlass.errors import WindlassError
from windlass.ledger.jobs import JobLedger
from windlass.ledger.tables import JobRow
from windlass.services.engines import Engines
from windlass.services.spending.counting import number
from windlass.services.spending.estimating import spec_of
from windlass.services.spending.job_costs import JobCosts
from windlass.services.spending.prices import Prices

MOST_CARDS = 64
"""More than any machine has."""
_GIB = 2**30
_WHOLE_CARDS = (
    "A part of a card: jobs on one machine take whole cards, or the MIG slices that it was cut into; a cluster, whose "
    "device plugin hands out slices and shares, could give less."
)
_NO_CHOICE = (
    "this machine has it too, but a job here cannot ask for a kind of card; start the server with only such cards in "
    "`c.WindlassApp.local_gpus` to run there."
)
_GPU_MEMORY = re.compile(r"CUDA (error: )?out of memory|OutOfMemoryError|CUBLAS_STATUS_ALLOC_FAILED", re.IGNORECASE)
_HOST_MEMORY = re.compile(r"OOMKilled|out of memory: the kernel killed it|ran out of memory")


class HasProfiles(Protocol):
    """A hub with a catalogue."""

    async def profiles(self) -> ProfileList:
        """The profiles that the user may use. Raises Unavailable."""
        ...


class Advisor:
    """Advice about jobs. A user finds only their own.

    `minutes`: from less measured time there is no advice; `bundles`: the folder of what jobs are sent with.
    """

    def __init__(
        self,
        *,
        ledger: JobLedger,
        engines: Engines,
        costs: JobCosts,
        prices: Prices,
        minutes: float,
        bundles: Path,
        profiles: HasProfiles | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._engines = engines
        self._costs = costs
        self._prices = prices
        self._minutes = minutes
        self._bundles = bundles
        self._profiles = profiles
        self._clock = clock

    async def advise(self, job_id: str, *, owner: str) -> JobAdvice:
        """Advice for the next run. Raises NotFound, and Unavailable where the engine cannot be asked now."""
        row = await self._ledger.get(job_id, owner=owner)
        holding = await self._costs.holding(row)
        held = [] if holding is None else [each for each in holding.held if each.since is not None]
        if not held:
            return JobAdvice(job_id=job_id, verdict="unknown", sentence="It is not known what this job held.")
        usage = await self._costs.used(row)
        had, alike = await self._had(held)
        if not alike:
            sentence = "Its workers had different things: what smaller would do for all of them is not known."
            if held[0].own_machine:
                sentence = "It held cards of different kinds: what smaller would do for all of them is not known."
            return JobAdvice(job_id=job_id, verdict="unknown", sentence=sentence, evidence=usage)
        catalogue = await self._catalogue(row, had, usage)
        advice = await asyncio.to_thread(
            advise, usage, had, catalogue, minutes=self._minutes, out_of=out_of(row.status or {})
        )
        beside = await self._beside(row, had.held) if advice.verdict in ("fits", "larger", "smaller") else []
        return _shown(row, replace(advice, why_not=(*advice.why_not, *beside)), had, usage)

    async def _had(self, held: Sequence[Held]) -> tuple[Had, bool]:
        """What each worker had, and whether all had the same: the newest attempt stands for those before."""
        newest = max(each.attempt for each in held)
        workers = {_whose(each): each for each in held if each.attempt == newest}
        first = next(iter(workers.values()))
        alike = all(_size(each) == _size(first) for each in workers.values())
        book = (await self._prices.in_force()).book
        found = await asyncio.to_thread(estimate, [first], book, at=self._clock())
        usd = None if found.usd_per_hour is None else Fraction(found.usd_per_hour)
        return Had(held=first, workers=len(workers), usd_per_hour=usd), alike

    async def _catalogue(self, row: JobRow, had: Had, usage: UsageSummary | None) -> list[Choice]:
        """The hub's profiles, and what the price book knows besides; on one machine what a job can ask for there."""
        book, now = (await self._prices.in_force()).book, self._clock()
        if not self._is_in_cluster(row):
            workers = JobRequest.model_validate(row.request).workers
            return await asyncio.to_thread(of_machine, had.held, book, workers=workers, at=now)
        choices = await asyncio.to_thread(of_book, had.held, book, at=now)
        if self._profiles is not None:
            # Without it what the book has prices of is a catalogue, too.
            with contextlib.suppress(WindlassError):
                choices = of_profiles((await self._profiles.profiles()).items) or choices
        known = usage is not None and usage.cpu_cores_peak is not None and usage.host_memory_peak_bytes is not None
        if not had.held.gpus and usage is not None and known:
            cores, memory = usage.cpu_cores_peak or 0.0, float(usage.host_memory_peak_bytes or 0)
            room = of_room(had.held, book, cores=cores, memory_bytes=memory, at=now)
            choices = [*choices, *([room] if room is not None else [])]
        return choices

    async def _beside(self, row: JobRow, held: Held) -> list[str]:
        """Why on one machine nothing else is offered, though less of a card, or another card, might do."""
        if self._is_in_cluster(row) or not held.gpus:
            return []
        others = sorted(await self._other_cards(row, held))
        said = [] if held.mig_profile else [_WHOLE_CARDS]
        return [*said, f"{', '.join(others)}: {_NO_CHOICE}"] if others else said

    async def _other_cards(self, row: JobRow, held: Held) -> set[str]:
        """What else its machine has."""
        engine = self._engines.get(row.engine)
        if not isinstance(engine, KnowsHoldings):
            return set()
        request = JobRequest.model_validate(row.request)
        everything = request.model_copy(update={"workers": 1, "gpus_per_worker": MOST_CARDS})
        there = await engine.would_hold(spec_of(everything, row.owner, self._bundles))
        return {_named(each) for each in there if each.product} - {_named(held)}

    def _is_in_cluster(self, row: JobRow) -> bool:
        return isinstance(self._engines.get(row.engine), InCluster)


def out_of(status: dict[str, Any]) -> OutOf | None:
    """Of what a job ran out, by its error and the reason of its end; None where it did not, or nobody says."""
    error = status.get("error") or {}
    said = f"{error.get('ename', '')}: {error.get('evalue', '')}"
    if _GPU_MEMORY.search(said):
        return "gpu-memory"
    return "host-memory" if _HOST_MEMORY.search(str(status.get("reason") or "")) else None


def _whose(held: Held) -> tuple[str, ...]:
    """What stands for the same worker: a pod that was replaced does, each kind of card of one machine is its own."""
    return (held.title, _named(held)) if held.own_machine else (held.title,)


def _named(held: Held) -> str:
    return f"{held.mig_profile} of {held.product}" if held.mig_profile else held.product or ""


def _size(held: Held) -> tuple[object, ...]:
    return held.gpus, held.product, held.mig_profile, held.shares, held.cores, held.memory_gib


def _shown(row: JobRow, advice: Advice, had: Had, usage: UsageSummary | None) -> JobAdvice:
    choice = advice.choice
    return JobAdvice(
        job_id=row.id,
        verdict=advice.verdict,
        sentence=advice.sentence,
        evidence=usage,
        has=had.title if had.workers == 1 else f"{had.workers} workers, each {had.title}",
        would_do=choice.title if choice is not None else None,
        profile=choice.profile if choice is not None else None,
        saves_usd_per_hour=number(advice.saves_usd_per_hour) if advice.verdict == "smaller" else None,
        options=_options(row, advice),
        why_not=list(advice.why_not),
    )


def _options(row: JobRow, advice: Advice) -> dict[str, object] | None:
    """What to change in the next request (RFC 7396); None where nothing is to be changed."""
    request, choice = JobRequest.model_validate(row.request), advice.choice
    in_cluster = row.engine != "local"
    if choice is None:
        memory = None if advice.memory_gib is None else int(advice.memory_gib * _GIB)
        return {"cluster": {"memory_bytes": memory}} if in_cluster and memory else None
    options: dict[str, object] = {}
    # In a cluster a choice is of one worker; on one machine it is of all of them.
    gpus = choice.gpus if in_cluster else choice.gpus // request.workers
    if gpus != request.gpus_per_worker:
        options["gpus_per_worker"] = gpus
        if request.processes_per_worker == request.gpus_per_worker and gpus:
            # A process for each GPU, as it was.
            options["processes_per_worker"] = gpus
    cluster: dict[str, object] = {}
    if choice.gpus:
        share = "mig" if choice.mig_profile else "time-sliced" if choice.shares else "whole"
        cluster["gpu"] = {
            "product": None if choice.mig_profile else choice.product,
            "share": share,
            "mig_profile": choice.mig_profile,
            "resource": None,
        }
    if choice.cores is not None:
        cluster["cpu"] = choice.cores
    if choice.memory_gib is not None:
        cluster["memory_bytes"] = int(choice.memory_gib * _GIB)
    if in_cluster and cluster:
        options["cluster"] = cluster
    return options or None
