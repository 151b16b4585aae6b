"""Live jobs' devices by what their ranks write down: a job's GPU use without Prometheus, some seconds old.

Which jobs live, where their folders lie and which pods they run in is told by whoever makes this source.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from windlass.metrics.reading import Device, DeviceSeries, Look, SourceName
from windlass.metrics.recorded.lines import LineReader, UseLine
from windlass.metrics.recorded.series import device_of, reading_of, series_of

_LATE_SECONDS = 25.0
"""After a line's time the next one is awaited so long: what a cluster's log brings comes late."""


@dataclass(frozen=True, kw_only=True)
class RecordedJob:
    """A live job's `ranks` folder, and the names of its pods by rank (none on this machine)."""

    ranks: Path
    pods: Mapping[int, str] = field(default_factory=dict)
    namespace: str | None = None


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
            devices = await asyncio.to_thread(lambda: [device for job in jobs for device in self._devices(job, now)])
        return Look(at=now, devices=tuple(devices))

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

    def _series(self, job: RecordedJob) -> list[DeviceSeries]:
        return series_of(self._reader.read(job.ranks), pods=job.pods)

    def _devices(self, job: RecordedJob, now: float) -> Iterable[Device]:
        for rank, lines in self._reader.read(job.ranks).items():
            last = lines[-1]
            for use in last.devices if _speaks_of(last, now) else ():
                device = device_of(use, pod=job.pods.get(rank), reading=reading_of(use, at=last.at))
                yield replace(device, namespace=job.namespace if device.pod is not None else None)


def _speaks_of(line: UseLine, now: float) -> bool:
    return now - line.at <= max(line.seconds, RecordedSource.interval_seconds) + _LATE_SECONDS
