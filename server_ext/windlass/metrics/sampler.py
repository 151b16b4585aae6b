"""Asks the sources, each at its own pace and once however many look, and keeps what they said for a while.

While nobody looks, and nothing is to be recorded, nothing runs and nothing is held of a driver. It knows sources and
readings; who looks, and what for, it does not.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from windlass.metrics.aging import AgingReadings
from windlass.metrics.keeping import KeptReadings
from windlass.metrics.merging import merge, merge_series
from windlass.metrics.reading import Condition, Device, DeviceSeries, GpuSource, Look, Reading, SourceName
from windlass.metrics.recording import ReadingFiles

INTERVAL_SECONDS = 1.0
KEEP_SECONDS = 900.0
PAST_STEP_SECONDS = 15.0
FIRST_SECONDS = 1.5
"""How long the first look waits for all sources to answer; later, and after that, each is shown as it comes."""
WRITTEN_SECONDS = 60.0
"""What is recorded comes to disk so often: a server that is killed loses a minute."""
LINGER_SECONDS = 3.0
"""How long it goes on after a single question: who asks again each second is answered without a new beginning."""

_WHO: Mapping[SourceName, str] = {
    "nvml": "The NVIDIA driver has",
    "dcgm": "Prometheus has",
    "job": "Jobs' own readings have",
}

_log = logging.getLogger(__name__)


@runtime_checkable
class Rests(Protocol):
    """A source that holds something while it is asked."""

    async def rest(self) -> None:
        """Let go of it until it is asked again."""
        ...


@dataclass(kw_only=True)
class _Kept:
    device: Device
    readings: KeptReadings


class Sampler:
    """One for a server. To be made anywhere, used on one event loop."""

    def __init__(
        self,
        sources: Iterable[GpuSource],
        *,
        interval_seconds: float = INTERVAL_SECONDS,
        keep_seconds: float = KEEP_SECONDS,
        record: bool = False,
        files: ReadingFiles | None = None,
        own_pod: str | None = None,
        linger_seconds: float = LINGER_SECONDS,
        first_seconds: float = FIRST_SECONDS,
    ) -> None:
        """Asks nothing yet.

        Args:
            sources: each is asked at its own pace.
            interval_seconds: no source is asked more often.
            keep_seconds: how long each reading is kept.
            record: go on when nobody looks, and keep means of longer ago.
            files: keep those of this machine's devices, too, for a server that starts again.
            own_pod: the pod this runs in, where it does.
            linger_seconds: how long to go on after a single question.
            first_seconds: how long the first look waits for sources that have not answered.
        """
        self._sources = tuple(sources)
        self._interval = interval_seconds
        self._keep = keep_seconds
        self._record = record
        self._files = files if record else None
        self._has_loaded = False
        self._own_pod = own_pod
        self._linger_seconds = linger_seconds
        self._first_seconds = first_seconds
        self._lingers_until = 0.0
        self._leaving: asyncio.Task[None] | None = None
        self._looks: dict[GpuSource, Look] = {}
        self._latest: Look | None = None
        self._count = 0
        self._arrived = asyncio.Event()
        self._kept: dict[str, _Kept] = {}
        self._past: list[DeviceSeries] = []
        self._lookers = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._turn = asyncio.Lock()

    @property
    def is_running(self) -> bool:
        """Whether sources are being asked."""
        return bool(self._tasks)

    @property
    def keep_seconds(self) -> float:
        """How far back `recent` goes."""
        return self._keep

    async def record(self) -> None:
        """Begin to record, if it is to; nothing else begins before somebody looks."""
        if self._files is not None and not self._has_loaded:
            self._has_loaded = True
            for each in await asyncio.to_thread(self._files.load):
                self._keep_readings_of(each.device, known=each.readings)
        await self._settle()

    @contextlib.asynccontextmanager
    async def looking(self, *, linger: bool = False) -> AsyncIterator[AsyncIterator[Look]]:
        """Looks as they come, for as long as the context lasts; whoever is slow finds the newest.

        `linger`: go on a while after it, for somebody may look again.
        """
        self._lookers += 1
        try:
            await self._settle()
            yield self._coming()
        finally:
            self._lookers -= 1
            if linger:
                self._lingers_until = asyncio.get_running_loop().time() + self._linger_seconds
            if linger and not self._lookers and self._leaving is None:
                self._leaving = asyncio.create_task(self._leave_later(), name="windlass-gpus-linger")
            elif self._leaving is None:
                await self._settle()

    async def now(self) -> Look:
        """All sources' present answer: the one at hand while they are asked, else it begins and soon ends again."""
        async with self.looking(linger=True):
            while self._latest is None:
                await self._arrived.wait()
            return self._latest

    def recent(self) -> list[DeviceSeries]:
        """The last minutes of each device."""
        return self._since(time.time() - self._keep)

    async def history(self, *, start: float, end: float, step: float) -> list[DeviceSeries]:
        """Readings from `start` to `end` (POSIX seconds): what was kept here, and what sources remember."""
        own = self._since(start)
        remembered = await asyncio.gather(
            *(source.history(start=start, end=end, step=step) for source in self._sources)
        )
        lines = merge_series([*own, *(line for lines in remembered for line in lines)], self._devices)
        return [_until(line, end) for line in lines]

    async def close(self) -> None:
        """Stop, and close the sources."""
        self._record, self._lookers = False, 0
        if self._leaving is not None:
            self._leaving.cancel()
            await asyncio.gather(self._leaving, return_exceptions=True)
        await self._settle()
        if self._files is not None:
            await self._write_new(self._files)
            self._files.close()
        await asyncio.gather(*(source.close() for source in self._sources))

    @property
    def _devices(self) -> Sequence[Device]:
        return self._latest.devices if self._latest is not None else ()

    async def _settle(self) -> None:
        """Let it run exactly while it is to."""
        async with self._turn:
            wanted = self._record or self._lookers > 0
            if wanted and not self._tasks:
                # What was seen before somebody looked again is no answer to them.
                self._looks.clear()
                self._latest = None
                self._tasks = [
                    asyncio.create_task(self._keep_asking(source), name=f"windlass-gpus-{source.name}")
                    for source in self._sources
                ]
                self._tasks.append(asyncio.create_task(self._remember(), name="windlass-gpus-past"))
                if self._files is not None:
                    writing = self._keep_writing(self._files)
                    self._tasks.append(asyncio.create_task(writing, name="windlass-gpus-recording"))
                self._tasks.append(asyncio.create_task(self._begin_without(), name="windlass-gpus-first"))
            elif not wanted and self._tasks:
                tasks, self._tasks = self._tasks, []
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await self._let_rest()

    async def _leave_later(self) -> None:
        """Wait until the last question is long enough ago."""
        loop = asyncio.get_running_loop()
        try:
            left = self._linger_seconds
            while left > 0:
                await asyncio.sleep(left)
                left = self._lingers_until - loop.time()
        finally:
            self._leaving = None
        await self._settle()

    async def _let_rest(self) -> None:
        await asyncio.gather(*(source.rest() for source in self._sources if isinstance(source, Rests)))

    async def _keep_asking(self, source: GpuSource) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self._looks[source] = await _asked(source)
            if len(self._looks) == len(self._sources) or self._latest is not None:
                self._take_in()
            # A source that was slow is not asked twice at once to make up for it.
            due = max(due + max(self._interval, source.interval_seconds), loop.time())
            await asyncio.sleep(due - loop.time())

    async def _begin_without(self) -> None:
        """Show what there is when others take long to answer: sources that answer seldom would say it late."""
        await asyncio.sleep(self._first_seconds)
        if self._latest is None:
            self._take_in()

    async def _remember(self) -> None:
        """Ask sources for the minutes before somebody looked: an alarm needs them."""
        now = time.time()
        asked = await asyncio.gather(
            *(source.history(start=now - self._keep, end=now, step=PAST_STEP_SECONDS) for source in self._sources)
        )
        self._past = [line for lines in asked for line in lines]

    async def _coming(self) -> AsyncIterator[Look]:
        seen = 0
        while True:
            while self._count == seen or self._latest is None:
                await self._arrived.wait()
            seen = self._count
            yield self._latest

    def _take_in(self) -> None:
        looks = list(self._looks.values())
        unanswered = [_unanswered(source) for source in self._sources if source not in self._looks]
        devices = tuple(merge(looks, own_pod=self._own_pod))
        self._latest = Look(
            at=max((look.at for look in looks), default=time.time()),
            devices=devices,
            pods=tuple(use for look in looks for use in look.pods),
            conditions=(*(condition for look in looks for condition in look.conditions), *unanswered),
        )
        for device in devices:
            kept = self._kept.get(device.id) or self._keep_readings_of(device)
            kept.device = device
            if device.reading is not None:
                kept.readings.add(device.reading)
        self._count += 1
        self._arrived.set()
        self._arrived = asyncio.Event()

    def _keep_readings_of(self, device: Device, *, known: AgingReadings | None = None) -> _Kept:
        readings = KeptReadings(keep_seconds=self._keep, record=self._record, known=known)
        kept = self._kept[device.id] = _Kept(device=device, readings=readings)
        return kept

    async def _keep_writing(self, files: ReadingFiles) -> None:
        while True:
            await asyncio.sleep(WRITTEN_SECONDS)
            await self._write_new(files)

    async def _write_new(self, files: ReadingFiles) -> None:
        """Put what is new of this machine's devices on disk."""
        appended: dict[str, tuple[Device, list[Reading]]] = {}
        for kept in self._kept.values():
            new, has_aged = kept.readings.take_new()
            if kept.device.node is not None or kept.device.pod not in (None, self._own_pod) or not new:
                continue
            if has_aged and kept.readings.recorded is not None:
                await asyncio.to_thread(files.rewrite, kept.device, list(kept.readings.recorded))
            else:
                appended[kept.device.id] = (kept.device, new)
        await asyncio.to_thread(files.append, appended)

    def _since(self, start: float) -> list[DeviceSeries]:
        forgotten = time.time() - self._keep
        for kept in self._kept.values():
            kept.readings.forget(before=forgotten)
        self._kept = {name: kept for name, kept in self._kept.items() if not kept.readings.is_empty}
        own = [_line(kept, start) for kept in self._kept.values()]
        return merge_series([*own, *self._past], self._devices)


async def _asked(source: GpuSource) -> Look:
    """A source's answer; a fault of ours in it is a condition too, and no end of sampling."""
    try:
        return await source.look()
    except Exception as error:  # noqa: BLE001 - a source's fault that nobody foresaw must not silence the others
        _log.exception("GPUs could not be asked for.")
        message = f"Asking for GPUs failed here ({type(error).__name__}); the server's log says more."
        return Look(at=time.time(), conditions=(Condition(source=source.name, code="failed", message=message),))


def _unanswered(source: GpuSource) -> Condition:
    return Condition(source=source.name, code="away", message=f"{_WHO[source.name]} not answered yet.")


def _line(kept: _Kept, start: float) -> DeviceSeries:
    device = kept.device
    return DeviceSeries(
        device_id=device.id,
        uuid=device.uuid,
        label=label_of(device),
        pod=device.pod,
        memory_total_bytes=device.memory_total_bytes,
        readings=kept.readings.since(start),
        source=device.source,
    )


def label_of(device: Device) -> str:
    """A device as a person knows it: `GPU 0`, `GPU-8f… 2g.10gb`, with its node where it is another machine's."""
    what = f"{device.mig_profile or 'slice'} {device.uuid[:12]}" if device.kind == "slice" else f"GPU {device.index}"
    if device.index is None and device.kind != "slice":
        what = device.uuid[:12]
    return what if device.node is None else f"{what} on {device.node}"


def _until(line: DeviceSeries, end: float) -> DeviceSeries:
    return replace(line, readings=[reading for reading in line.readings if reading.at <= end])
