"""Live jobs' devices by what their ranks write down: a job's GPU use without Prometheus, some seconds old.

Which jobs live, where their folders lie and which pods they run in is told by whoever makes this source.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from windlass.metrics.reading import Condition, Device, DeviceSeries, Look, SourceName
from windlass.metrics.recorded.lines import LineReader, Recorded, UseLine
from windlass.metrics.recorded.series import device_of, reading_of, series_of

_LATE_SECONDS = 25.0
"""After a line's time the next one is awaited so long: what a cluster's log brings comes late."""


@dataclass(frozen=True, kw_only=True)
class RecordedJob:
    """A live job's `ranks` folder, and the names of its pods by rank (none on this machine)."""

    ranks: Path
    pods: Mapping[int, str] = field(default_factory=dict)
    """Those that hold something now; of ranks in no such pod nothing is told, where the job is in pods."""
    in_pods: bool = False
    namespace: str | None = None
    name: str = ""
    has_gpus: bool = False
    """Whether it asked for any: of others it is no trouble that there are none."""


ListJobs = Callable[[], Awaitable[Iterable[RecordedJob]]]


class RecordedSource:
    """A source of readings (`metrics.reading.GpuSource`)."""

    name: SourceName = "job"
    interval_seconds = 10.0

    def __init__(self, jobs: ListJobs, *, clock: Callable[[], float] = time.time) -> None:
        self._jobs = jobs
        self._clock = clock
        self._reader = LineReader()
        self._turn = asyncio.Lock()

    async def look(self) -> Look:
        """The newest line of each machine, unless it is too old to speak of now."""
        now = self._clock()
        async with self._turn:
            jobs = list(await self._jobs())
            return await asyncio.to_thread(self._look, jobs, now)

    async def history(self, *, start: float, end: float, step: float) -> Sequence[DeviceSeries]:  # noqa: ARG002 - lines are what they are
        """Readings of live jobs' devices from `start` to `end` (POSIX seconds)."""
        async with self._turn:
            jobs = list(await self._jobs())
            found = await asyncio.to_thread(lambda: [line for job in jobs for line in self._series(job)])
        inside = [
            replace(line, readings=[reading for reading in line.readings if start <= reading.at <= end])
            for line in found
        ]
        return [line for line in inside if line.readings]

    async def close(self) -> None:
        """Nothing is held."""

    def _look(self, jobs: Iterable[RecordedJob], now: float) -> Look:
        devices: list[Device] = []
        conditions: dict[str, Condition] = {}
        for job in jobs:
            for rank, lines in self._held(job).items():
                found = list(_devices(job, rank, lines[-1], now))
                devices += found
                words = "" if found or not job.has_gpus else _trouble(lines, now)
                if words:
                    message = f"{job.name}: {words}" if job.name else words
                    conditions[message] = Condition(source="job", code="partial", message=message)
        return Look(at=now, devices=tuple(devices), conditions=tuple(conditions.values()))

    def _series(self, job: RecordedJob) -> list[DeviceSeries]:
        return series_of(self._held(job), pods=job.pods)

    def _held(self, job: RecordedJob) -> Recorded:
        """What was written by ranks of which it is known where they are: others' devices would be taken for ours."""
        recorded = self._reader.read(job.ranks)
        return {rank: lines for rank, lines in recorded.items() if rank in job.pods} if job.in_pods else recorded


def _devices(job: RecordedJob, rank: int, last: UseLine, now: float) -> Iterable[Device]:
    for use in last.devices if _speaks_of(last, now) else ():
        device = device_of(use, pod=job.pods.get(rank), reading=reading_of(use, at=last.at))
        yield replace(device, namespace=job.namespace if device.pod is not None else None)


def _trouble(lines: Sequence[UseLine], now: float) -> str:
    """Why a rank that still writes tells of no device: it says so once, in the first such line."""
    if not _speaks_of(lines[-1], now):
        return ""
    return next((line.problem for line in reversed(lines) if line.problem), "")


def _speaks_of(line: UseLine, now: float) -> bool:
    return now - line.at <= max(line.seconds, RecordedSource.interval_seconds) + _LATE_SECONDS
