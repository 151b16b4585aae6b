"""GPUs as each user sees them: now, over the last minutes, and what of it should be told.

What is told is of the last minutes, and is worked out every few seconds only.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from windlass.contract.gpus import GpuHistory, GpuSnapshot
from windlass.contract.socket import GpusEvent
from windlass.errors import NotFound
from windlass.metrics import judging
from windlass.metrics.prometheus.devices import nothing_told_of
from windlass.metrics.reading import Condition, DeviceSeries, Look
from windlass.metrics.sampler import Sampler
from windlass.services.gpus.charts import chart
from windlass.services.gpus.feed import Event, Feed, View
from windlass.services.gpus.holdings import JobHoldings
from windlass.services.gpus.money import Money
from windlass.services.gpus.owners import OwnerFinder
from windlass.services.gpus.snapshots import Judged, compose
from windlass.services.gpus.unseen import unseen
from windlass.services.gpus.who import Who, identify
from windlass.services.gpus.wire import wire_condition

RECENT_SECONDS = 300.0
RECENT_POINTS = 100
JUDGING_SECONDS = 5.0
JUDGED_IN_ALARM = 60
"""Nor is it judged more often than so many times in an alarm's time: readings of all of that are gone through."""


@dataclass(frozen=True, kw_only=True)
class GpuWatchStandsOn:
    """What it asks."""

    sampler: Sampler
    owners: OwnerFinder
    holdings: JobHoldings
    money: Money
    thresholds: judging.Settings
    own_pod: str | None = None
    """The pod this server runs in, where it does."""
    all_pods_are_theirs: bool = False
    """The hub shows a user nothing but their own; other sources tell of the pods of all who use this server."""


class Judgement:
    """What one user is told of the last minutes, and does not want to be told again."""

    def __init__(self, settings: judging.Settings) -> None:
        self._settings = settings
        self._judged = Judged()
        self._judged_at = float("-inf")
        self._dismissed: dict[str, str | None] = {}
        """Devices that nothing more is to be told of, each with the job that held it then."""

    def renew(self, look: Look, *, who: Mapping[str, Who], recent: Callable[[], Sequence[DeviceSeries]]) -> None:
        """Judge afresh, when the last time was some seconds ago."""
        pause = max(JUDGING_SECONDS, self._settings.alarm_seconds / JUDGED_IN_ALARM)
        if 0 <= look.at - self._judged_at < pause:
            return
        self._judged_at = look.at
        held = [device for device in look.devices if who[device.id].is_held]
        lines = {line.device_id: line for line in recent()} if held else {}
        holdings = {device.id: who[device.id].holding for device in held}
        verdicts = judging.judge(held, lines.values(), self._settings, holdings, now=look.at)
        self._dismissed = {
            device_id: job_id
            for device_id, job_id in self._dismissed.items()
            if not _is_over(device_id, job_id, verdicts, who)
        }
        threshold = self._settings.idle_threshold
        idle = {
            device.id: judging.idle_since(
                lines[device.id].readings,
                threshold=threshold,
                now=look.at,
                held_since=holdings[device.id].since,
            )
            for device in held
            if device.id in lines
        }
        known = {device_id: since for device_id, since in idle.items() if since is not None}
        self._judged = Judged(idle_since=known, alarms=verdicts.alarms)

    def shown(self) -> Judged:
        """Without what was dismissed."""
        left = [alarm for alarm in self._judged.alarms if alarm.device_id not in self._dismissed]
        return replace(self._judged, alarms=left)

    def dismiss(self, alarm_id: str) -> None:
        """Hide one until it is over, in whatever way the device does little meanwhile. Raises NotFound."""
        alarm = next((alarm for alarm in self._judged.alarms if alarm.id == alarm_id), None)
        if alarm is None:
            raise NotFound("There is no such alarm: the device may have been used again.")
        self._dismissed[alarm.device_id] = alarm.job_id


def _about(condition: Condition, theirs: Collection[str | None]) -> Condition | None:
    """The condition without the names of others' pods; None where it is about those alone."""
    own = [pod for pod in condition.pods if pod in theirs]
    if len(own) == len(condition.pods):
        return condition
    return nothing_told_of(own) if own else None


def _is_over(device_id: str, job_id: str | None, verdicts: judging.Verdicts, who: Mapping[str, Who]) -> bool:
    """Whether what was dismissed is past. A device that is not seen, or not for long enough, may go on as before."""
    if device_id in who:
        its = who[device_id]
        if not its.is_held or its.holding.job_id != job_id:
            return True
    return device_id in verdicts.judged and all(alarm.device_id != device_id for alarm in verdicts.alarms)


class GpuWatch:
    """One for a server."""

    def __init__(self, stands_on: GpuWatchStandsOn) -> None:
        self._on = stands_on
        self._feeds: dict[str, Feed] = {}
        self._judgements: dict[str, Judgement] = {}

    async def begin(self) -> None:
        """Begin to record, if it is to be."""
        await self._on.sampler.record()

    async def close(self) -> None:
        """End all of it."""
        await asyncio.gather(*(feed.close() for feed in self._feeds.values()))
        await self._on.sampler.close()

    async def snapshot(self, *, owner: str) -> GpuSnapshot:
        """What a user sees now."""
        return (await self._seen(await self._on.sampler.now(), owner=owner)).snapshot

    async def history(self, *, owner: str, seconds: float, points: int, devices: Iterable[str] = ()) -> GpuHistory:
        """Readings of the last seconds: of some devices by id, or of all."""
        sampler, end = self._on.sampler, time.time()
        look = await self._visible(await sampler.now(), owner=owner)
        lines = await sampler.history(start=end - seconds, end=end, step=seconds / points)
        wanted = set(devices)
        chosen = [line for line in lines if not wanted or line.device_id in wanted]
        return await self._chart(look, chosen, owner=owner, end=end, seconds=seconds, points=points)

    async def dismiss(self, alarm_id: str, *, owner: str) -> None:
        """Hide an alarm until it is over. Raises NotFound for one that is not there."""
        self._judgement(owner).dismiss(alarm_id)
        feed = self._feeds.get(owner)
        if feed is not None:
            await feed.see_again()

    async def follow(self, *, owner: str) -> AsyncGenerator[Event, None]:
        """All of it with the last minutes, then what is new, for as long as it is iterated."""
        feed = self._feeds.setdefault(owner, Feed(looks=self._on.sampler.looking, see=self._seer(owner)))
        try:
            async with feed.listening():
                told_whole: int | None = None
                async for told in feed.views():
                    if told_whole is None:
                        yield GpusEvent(snapshot=told.view.snapshot, recent=await self._recent(owner))
                    elif told.whole_number > told_whole:
                        yield GpusEvent(snapshot=told.view.snapshot)
                    else:
                        yield told.readings
                        continue
                    told_whole = told.number
        finally:
            if not feed.listeners and self._feeds.get(owner) is feed:
                del self._feeds[owner]

    def _seer(self, owner: str) -> Callable[[Look], Awaitable[View]]:
        async def see(look: Look) -> View:
            return await self._seen(look, owner=owner)

        return see

    async def _recent(self, owner: str) -> GpuHistory:
        sampler, end = self._on.sampler, time.time()
        look = await self._visible(await sampler.now(), owner=owner)
        lines = sampler.recent()
        return await self._chart(look, lines, owner=owner, end=end, seconds=RECENT_SECONDS, points=RECENT_POINTS)

    async def _chart(
        self, look: Look, lines: Iterable[DeviceSeries], *, owner: str, end: float, seconds: float, points: int
    ) -> GpuHistory:
        who = await self._who(look, owner=owner)
        theirs = [line for line in lines if line.pod is None or line.device_id in who]
        return await asyncio.to_thread(
            chart,
            theirs,
            start=end - seconds,
            end=end,
            points=points,
            holdings={device_id: its.holding for device_id, its in who.items()},
            conditions=[wire_condition(condition) for condition in look.conditions],
        )

    async def _visible(self, look: Look, *, owner: str) -> Look:
        """Without the pods of others who use this server."""
        if self._on.all_pods_are_theirs:
            return look
        theirs = {None, self._on.own_pod, *(await self._on.holdings.of(owner)).pods}
        devices = tuple(device for device in look.devices if device.pod in theirs)
        pods = tuple(use for use in look.pods if use.pod in theirs)
        conditions = tuple(told for one in look.conditions if (told := _about(one, theirs)) is not None)
        return replace(look, devices=devices, pods=pods, conditions=conditions)

    async def _seen(self, look: Look, *, owner: str) -> View:
        look = await self._visible(look, owner=owner)
        who = await self._who(look, owner=owner)
        missing = unseen(look.devices, who=who, holdings=await self._on.holdings.of(owner), now=look.at)
        look = replace(look, conditions=(*look.conditions, *missing))
        judgement = self._judgement(owner)
        judgement.renew(look, who=who, recent=self._on.sampler.recent)
        rates = await self._on.money.rates(owner=owner)
        job_usd = {job_id: rate.usd for job_id, rate in rates.jobs.items() if rate.usd is not None}
        return View(snapshot=compose(look, who=who, judged=judgement.shown(), rates=rates), job_usd=job_usd)

    async def _who(self, look: Look, *, owner: str) -> dict[str, Who]:
        holdings = await self._on.holdings.of(owner)
        owners = self._on.owners
        await owners.learn(process for device in look.devices for process in device.processes or ())
        return identify(
            look.devices,
            holdings=holdings,
            owner_of=lambda process: owners.owner(process, jobs=holdings.names),
            own_pod=self._on.own_pod,
        )

    def _judgement(self, owner: str) -> Judgement:
        return self._judgements.setdefault(owner, Judgement(self._on.thresholds))
