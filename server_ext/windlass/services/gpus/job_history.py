"""What a job's GPUs did over its life, and what that cost: for a chart beside the run's metrics on one axis of time.

The job's own ranks wrote most of it down; a Prometheus knows more of pods where one is configured. They are merged by
device, never added up. What is not known is a gap and a sentence.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from windlass.contract.cluster import JobPlacement
from windlass.contract.gpus import GpuCondition, JobGpus, UsageSummary
from windlass.engines.base import InCluster, KeepsUse
from windlass.errors import WindlassError
from windlass.ledger.jobs import FINAL_STATES, JobLedger
from windlass.ledger.tables import JobRow
from windlass.metrics.judging import Holding, Settings
from windlass.metrics.reading import Condition, Device, DeviceSeries
from windlass.metrics.recorded.days import DayUse, idle_by_day
from windlass.metrics.recorded.joining import join
from windlass.metrics.recorded.lines import LineReader, Recorded
from windlass.metrics.recorded.series import devices_of, problems_of, series_of
from windlass.metrics.recorded.usage import summarize
from windlass.services.engines import Engines
from windlass.services.gpus.charts import chart
from windlass.services.gpus.past_alarms import alarms_over
from windlass.services.gpus.pod_histories import PodHistories, PodHistory
from windlass.services.gpus.wire import wire_condition

_SHORTEST_SECONDS = 1.0
_AWAITED_SECONDS = 30.0
"""So long after its start a job's first line may take, through a cluster's log too."""

_NO_READINGS = (
    "This job left no readings of its own: it was sent with a Windlass that kept none, or was killed before the first."
)


class SpendsOverTime(Protocol):
    """Knows what a job had cost by when."""

    async def spent_by(self, job_id: str, *, owner: str, times: Sequence[float]) -> Sequence[float | None]:
        """USD spent up to each moment (POSIX seconds, ascending); None where that is not known."""
        ...


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a job did with what it held, in all and on each of its days."""

    summary: UsageSummary
    days: Sequence[DayUse] = ()


@dataclass(frozen=True, kw_only=True)
class JobUse:
    """All that is known of a job's devices."""

    row: JobRow
    started: float | None
    """POSIX seconds; None: it has not begun to run."""
    until: float
    """Its end, or now."""
    recorded: Recorded = field(default_factory=dict)
    pods: Mapping[int, str] = field(default_factory=dict)
    series: Sequence[DeviceSeries] = ()
    """Of all sources, merged."""
    missing: Sequence[Condition] = ()
    """What other sources could not say."""

    @property
    def live(self) -> bool:
        """Whether it goes on."""
        return self.row.state not in FINAL_STATES

    @property
    def running_seconds(self) -> float:
        """Since it began to run."""
        return max(0.0, self.until - self.started) if self.started is not None else 0.0

    @property
    def gpus(self) -> int:
        """How many devices it asked for, on all its machines."""
        return int(self.row.request.get("workers") or 1) * int(self.row.request.get("gpus_per_worker") or 0)


class JobGpuHistory:
    """Answers about jobs' GPUs. A user finds only their own jobs."""

    def __init__(
        self,
        *,
        ledger: JobLedger,
        engines: Engines,
        settings: Settings,
        pods: PodHistories,
        money: SpendsOverTime | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`settings`: what counts as not used, and for how long."""
        self._ledger = ledger
        self._engines = engines
        self._settings = settings
        self._pods = pods
        self._money = money
        self._clock = clock
        self._reader = LineReader()
        self._turn = asyncio.Lock()

    async def get(self, job_id: str, *, owner: str, points: int) -> JobGpus:
        """A job's devices over its life. Raises NotFound."""
        use = await self._use(job_id, owner=owner, follow=True)
        start = use.started if use.started is not None else use.row.created_us / 1e6
        end = max(use.until, start + _SHORTEST_SECONDS)
        holdings = self._holdings(use)
        conditions = self._conditions(use)
        history = await asyncio.to_thread(
            chart, use.series, start=start, end=end, points=points, holdings=holdings, conditions=conditions
        )
        if self._money is not None and use.started is not None:
            usd = await self._money.spent_by(job_id, owner=owner, times=history.times)
            history = history.model_copy(update={"usd": list(usd)})
        alarms = await asyncio.to_thread(
            alarms_over,
            self._devices(use),
            use.series,
            settings=self._settings,
            holdings=holdings,
            start=start,
            end=use.until,
        )
        usage = await asyncio.to_thread(self._summary, use)
        return JobGpus(job_id=job_id, live=use.live, history=history, usage=usage, alarms=alarms)

    async def measured(self, job_id: str, *, owner: str) -> Measured | None:
        """What a job did with what it held; None where nothing is known of it. Raises NotFound."""
        return await asyncio.to_thread(self._measured, await self._use(job_id, owner=owner))

    async def series(self, job_id: str, *, owner: str) -> Sequence[DeviceSeries]:
        """Readings of a job's devices over its life, of all sources merged. Raises NotFound."""
        return (await self._use(job_id, owner=owner)).series

    async def _use(self, job_id: str, *, owner: str, follow: bool = False) -> JobUse:
        row = await self._ledger.get(job_id, owner=owner)
        until = row.ended_at if row.ended_at is not None else self._clock()
        use = JobUse(row=row, started=row.started_at, until=until)
        recorded = await self._recorded(row, follow=follow)
        placed = await self._placed(row)
        pods = {rank: pod.name for pod in placed.pods for rank in pod.ranks} if placed is not None else {}
        other = await self._of_pods(use, placed)
        merged = await asyncio.to_thread(_merged, recorded, pods, other.series)
        return replace(use, recorded=recorded, pods=pods, series=merged, missing=other.conditions)

    async def _recorded(self, row: JobRow, *, follow: bool) -> Recorded:
        try:
            engine = self._engines.get(row.engine)
            folder = await engine.use_folder(row.id, follow=follow) if isinstance(engine, KeepsUse) else None
        except WindlassError:
            return {}
        return {} if folder is None else await self._read(folder)

    async def _read(self, folder: Path) -> Recorded:
        async with self._turn:
            return await asyncio.to_thread(self._reader.read, folder)

    async def _placed(self, row: JobRow) -> JobPlacement | None:
        """Where its pods are, or were; None where it runs in none, or the cluster is away."""
        try:
            engine = self._engines.get(row.engine)
            return await engine.placement(row.id) if isinstance(engine, InCluster) else None
        except WindlassError:
            return None

    async def _of_pods(self, use: JobUse, placed: JobPlacement | None) -> PodHistory:
        """What a Prometheus knows of its pods."""
        if use.started is None or placed is None or not placed.pods or not self._pods.is_configured:
            return PodHistory()
        ranks = {pod.name: pod.ranks for pod in placed.pods}
        found = await self._pods.of(
            use.row.id, namespace=placed.namespace, pods=ranks.keys(), start=use.started, end=use.until, live=use.live
        )
        return replace(found, series=[_of_rank(line, ranks[line.pod or ""]) for line in found.series])

    def _devices(self, use: JobUse) -> Sequence[Device]:
        known = {device.id: device for device in devices_of(use.recorded, pods=use.pods)}
        for line in use.series:
            if line.device_id not in known:
                known[line.device_id] = Device(
                    id=line.device_id, uuid=line.uuid, name=line.label, source=line.source, pod=line.pod
                )
        return list(known.values())

    def _holdings(self, use: JobUse) -> Mapping[str, Holding]:
        return {line.device_id: Holding(job_id=use.row.id, name=use.row.name, rank=line.rank) for line in use.series}

    def _measured(self, use: JobUse) -> Measured | None:
        summary = self._summary(use)
        if summary is None or use.started is None:
            return None
        days = idle_by_day(
            use.series,
            started=use.started,
            until=use.until,
            devices=use.gpus,
            idle_threshold=self._settings.idle_threshold,
        )
        return Measured(summary=summary, days=days)

    def _summary(self, use: JobUse) -> UsageSummary | None:
        return summarize(
            use.series,
            use.recorded,
            running_seconds=use.running_seconds,
            devices=use.gpus,
            idle_threshold=self._settings.idle_threshold,
        )

    def _conditions(self, use: JobUse) -> list[GpuCondition]:
        if use.started is None:
            words = "This job never ran." if not use.live else "This job has not begun to run."
            return [GpuCondition(source="job", code="no-devices", message=words)]
        if not use.recorded:
            if use.live and use.running_seconds < _AWAITED_SECONDS:
                return [GpuCondition(source="job", code="partial", message="The job's first reading is awaited.")]
            none = GpuCondition(source="job", code="not-configured", message=_NO_READINGS)
            return [none, *map(wire_condition, use.missing)]
        own = [_condition(sentence, has_devices=bool(use.series)) for sentence in problems_of(use.recorded)]
        return [*own, *map(wire_condition, use.missing)]


def _merged(recorded: Recorded, pods: Mapping[int, str], others: Sequence[DeviceSeries]) -> list[DeviceSeries]:
    """Each device once: by the job's own readings, or the exporter's where those are finer or there are none."""
    return join(series_of(recorded, pods=pods), others, devices_of(recorded, pods=pods))


def _condition(sentence: str, *, has_devices: bool) -> GpuCondition:
    if has_devices:
        return GpuCondition(source="job", code="partial", message=sentence)
    code = "no-driver" if "driver" in sentence else "no-permission" if "permission" in sentence else "no-devices"
    return GpuCondition(source="job", code=code, message=sentence)


def _of_rank(line: DeviceSeries, ranks: Sequence[int]) -> DeviceSeries:
    """The series of a pod, with its rank where the pod has one."""
    return replace(line, rank=ranks[0]) if line.rank is None and len(ranks) == 1 else line
