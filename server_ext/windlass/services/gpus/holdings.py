"""What a user's live jobs hold: cards of this machine by the local engine's queue, pods by the cluster's placements.

A device may be held and not used: then no process names its job, and this does.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from windlass.engines.base import Engine, HoldsGpus, InCluster, KeepsUse
from windlass.errors import NotFound, WindlassError
from windlass.ledger.jobs import FINAL_STATES, JobLedger
from windlass.ledger.tables import JobRow
from windlass.metrics.reading import Device
from windlass.metrics.recorded.source import RecordedJob
from windlass.services.changes import ChangeHub
from windlass.services.engines import Engines

KNOWN_SECONDS = 5.0
CHANGED_SECONDS = 1.0
"""When jobs have changed since, it is not that long."""
MOST_JOBS = 1000
MOST_FOLLOWED_PODS = 64
"""Each is an open stream of the cluster's."""
_HOLDING_STATES = frozenset({"pending", "running", "restarting"})
_PODS_THAT_HOLD = frozenset({"starting", "running"})

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class HeldPod:
    """A job's pod, and the ranks in it."""

    job_id: str
    namespace: str = ""
    ranks: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Holdings:
    """What the live jobs of one user hold."""

    names: dict[str, str] = field(default_factory=dict)
    """Of jobs, by id."""
    worlds: dict[str, int] = field(default_factory=dict)
    """How many ranks each has."""
    since: dict[str, float] = field(default_factory=dict)
    """When each was started, POSIX seconds; of those that were."""
    cards: dict[str, str] = field(default_factory=dict)
    """Job ids by card of this machine, as CUDA_VISIBLE_DEVICES names it: an index or the beginning of a UUID."""
    pods: dict[str, HeldPod] = field(default_factory=dict)
    """By the pod's name."""
    asked: dict[str, int] = field(default_factory=dict)
    """How many GPUs each job in pods asked for, on all its machines; of those that hold all their pods."""
    recorded: list[RecordedJob] = field(default_factory=list)
    """Where ranks write down what they use."""

    def of_card(self, device: Device) -> str | None:
        """The job that a card or slice of this machine was given to."""
        if device.node is not None:
            return None
        if device.kind == "card" and device.index is not None and str(device.index) in self.cards:
            return self.cards[str(device.index)]
        by_uuid = (job for name, job in self.cards.items() if not name.isdigit() and device.uuid.startswith(name))
        return next(by_uuid, None)


class JobHoldings:
    """Asks ledger and engines, at most every few seconds for each user."""

    def __init__(
        self,
        *,
        ledger: JobLedger,
        engines: Engines,
        changes: ChangeHub,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.follows: Callable[[], bool] = lambda: False
        """Whether what all pods of jobs write is wanted soon, and not what the first of each writes alone."""
        self._ledger = ledger
        self._engines = engines
        self._changes = changes
        self._clock = clock
        self._known: dict[str | None, tuple[float, int, Holdings]] = {}

    async def of(self, owner: str | None) -> Holdings:
        """What a user's live jobs hold (None: all users'); an engine that is away holds nothing that is known."""
        now, changes = self._clock(), self._changes.count
        if owner in self._known:
            known_at, changes_then, known = self._known[owner]
            if now - known_at < (KNOWN_SECONDS if changes == changes_then else CHANGED_SECONDS):
                return known
        whose = () if owner is None else (JobRow.owner == owner,)
        rows = await self._ledger.select_jobs(*whose, JobRow.state.not_in(FINAL_STATES), limit=MOST_JOBS)
        found = Holdings()
        for row in rows:
            found.names[row.id] = row.name
            if row.started_at is not None:
                found.since[row.id] = row.started_at
            found.worlds[row.id] = int(row.request.get("workers", 1)) * int(row.request.get("processes_per_worker", 1))
        for name in {row.engine for row in rows}:
            await self._ask_if_there(name, [row for row in rows if row.engine == name], found)
        self._known[owner] = (now, changes, found)
        return found

    async def _ask_if_there(self, engine_name: str, rows: Sequence[JobRow], found: Holdings) -> None:
        try:
            await self._ask(self._engines.get(engine_name), rows, found)
        except (WindlassError, OSError) as error:
            _log.debug("What jobs of the %s engine hold is not known: %s", engine_name, error)

    async def _ask(self, engine: Engine, rows: Sequence[JobRow], found: Holdings) -> None:
        if isinstance(engine, HoldsGpus):
            held = await engine.held_gpus()
            found.cards.update({card: job for job, cards in held.items() if job in found.names for card in cards})
        followed = 0
        for row in rows:
            if row.state in _HOLDING_STATES:
                workers = int(row.request.get("workers", 1)) if has_gpus(row) else 0
                follow = self.follows() and 0 < followed + workers <= MOST_FOLLOWED_PODS
                followed += workers if follow else 0
                with contextlib.suppress(NotFound):  # one that the engine does not know (yet) hides no other
                    await _ask_of(engine, row, found, follow=follow)


async def _ask_of(engine: Engine, row: JobRow, found: Holdings, *, follow: bool) -> None:
    placement = await engine.placement(row.id) if isinstance(engine, InCluster) else None
    pods = [pod for pod in placement.pods if pod.state in _PODS_THAT_HOLD] if placement else []
    namespace = placement.namespace if placement else None
    for pod in pods:
        found.pods[pod.name] = HeldPod(job_id=row.id, namespace=namespace or "", ranks=tuple(pod.ranks))
    workers = int(row.request.get("workers", 1))
    if len(pods) == workers and has_gpus(row):
        found.asked[row.id] = workers * int(row.request["gpus_per_worker"])
    if isinstance(engine, KeepsUse):
        found.recorded.append(
            RecordedJob(
                ranks=await engine.use_folder(row.id, follow=follow),
                pods={rank: pod.name for pod in pods for rank in pod.ranks},
                in_pods=placement is not None,
                namespace=namespace,
                name=row.name,
                has_gpus=has_gpus(row),
            )
        )


def has_gpus(row: JobRow) -> bool:
    """Whether a job asked for any."""
    return bool(row.request.get("gpus_per_worker"))
