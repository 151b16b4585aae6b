"""One user's view of GPUs while somebody looks: made once for all their tabs, and told in few bytes when it can be.

A whole snapshot is sent when something of it has changed that is no reading; else the readings alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from windlass.contract.gpus import GpuDevice, GpuSnapshot
from windlass.contract.socket import GpuReadingsEvent, GpusEvent
from windlass.errors import WindlassError
from windlass.metrics.reading import Look

WHOLE_SECONDS = 30.0
"""So often all of it is sent whatever has changed: what owners hold of the memory, how far apart ranks are."""

_log = logging.getLogger(__name__)

Event = GpusEvent | GpuReadingsEvent


@dataclass(frozen=True, kw_only=True)
class View:
    """What there is to see at one moment."""

    snapshot: GpuSnapshot
    job_usd: Mapping[str, float] = field(default_factory=dict)
    """What live jobs cost so far, where it is known."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """A view, as it is told to whoever has the one before."""

    number: int
    whole_number: int
    """Of the last view that had to be told whole."""
    view: View
    readings: GpuReadingsEvent


class Feed:
    """Looks while somebody listens."""

    def __init__(
        self,
        *,
        looks: Callable[[], AbstractAsyncContextManager[AsyncIterator[Look]]],
        see: Callable[[Look], Awaitable[View]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._looks = looks
        self._see = see
        self._clock = clock
        self._told: Told | None = None
        self._shape: object = None
        self._whole_at = 0.0
        self._last_look: Look | None = None
        self._rung = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.listeners = 0

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Look for as long as this lasts; it ends with the last who listens."""
        self.listeners += 1
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="windlass-gpu-feed")
        try:
            yield
        finally:
            self.listeners -= 1
            if not self.listeners:
                await self.close()

    async def views(self) -> AsyncIterator[Told]:
        """The newest view, then each newer one; whoever is slow misses those between."""
        seen = 0
        while True:
            while self._told is None or self._told.number == seen:
                await self._rung.wait()
            seen = self._told.number
            yield self._told

    async def see_again(self) -> None:
        """Make a new view of the last look: something else than readings has changed."""
        if self._last_look is not None:
            await self._make(self._last_look)

    async def close(self) -> None:
        """Look no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        async with self._looks() as looks:
            async for look in looks:
                self._last_look = look
                await self._make(look)

    async def _make(self, look: Look) -> None:
        try:
            view = await self._see(look)
        except WindlassError as error:  # the ledger is locked, say: the next look is soon
            _log.info("GPUs could not be shown: %s", error)
            return
        now, shape = self._clock(), shape_of(view.snapshot)
        number = 1 if self._told is None else self._told.number + 1
        whole = self._told is None or shape != self._shape or now - self._whole_at >= WHOLE_SECONDS
        readings = readings_of(view)
        if not whole and self._told is not None and readings == self._told.readings:
            return
        if whole:
            self._shape, self._whole_at = shape, now
        whole_number = number if whole or self._told is None else self._told.whole_number
        self._told = Told(number=number, whole_number=whole_number, view=view, readings=readings)
        self._rung.set()
        self._rung = asyncio.Event()


def readings_of(view: View) -> GpuReadingsEvent:
    """The readings of a view alone."""
    snapshot = view.snapshot
    return GpuReadingsEvent(
        readings={device.id: device.now for device in snapshot.devices if device.now is not None},
        engine=snapshot.engine,
        usd_per_hour=snapshot.usd_per_hour,
        job_usd={job_id: round(usd, 4) for job_id, usd in view.job_usd.items()},
    )


def shape_of(snapshot: GpuSnapshot) -> object:
    """What of a snapshot, when it changes, is not told by readings; compared by `==`."""
    server, groups = snapshot.server, snapshot.groups
    return (
        [_device_shape(device) for device in snapshot.devices],
        [(group.job_id, group.name, group.devices, group.straggler_rank, group.usd_per_hour) for group in groups],
        [(alarm.id, alarm.usd_per_hour) for alarm in snapshot.alarms],
        [(condition.source, condition.code) for condition in snapshot.conditions],
        server and (server.profile, server.usd_per_hour, server.started_at, server.stops_at, server.notes),
        snapshot.usd_note,
    )


def _device_shape(device: GpuDevice) -> object:
    owners = [(owner.kind, owner.label, owner.notebook, owner.rank, owner.pod, owner.pid) for owner in device.owners]
    held = (device.job_id, device.rank, device.pod, owners, device.owners_known, device.idle_since is not None)
    what = (device.id, device.name, device.mig_profile, device.index, device.node, device.memory_total_bytes)
    return what, held, device.usd_per_hour, device.problem, device.now is not None, device.sources
