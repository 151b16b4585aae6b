"""From the pods that are seen to the rows of what each took: looked at again and again, counted once.

What a pod took on a day follows from when it began to hold, so that a restart in the middle, two replicas or a watch
that was away count nothing twice and leave nothing out. Of a pod that went while nobody looked it is known that it held
on until it was seen last; the rest is unknown, and the row says so.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timezone

from windlass.contract.hub import Metrics
from windlass.costs.book import PriceBook
from windlass.costs.holding import Held

from .amounts import LONGEST_NOTE, NANO, DayAmount, day_of, days_of, in_window, nano
from .held_text import better
from .holders import Holder
from .idleness import DeviceSeconds, Window, next_window, seconds_of
from .prices import PriceVersion, book_of, came_into_force, prices_text
from .records import IdleChange, OpenPod, PodChange, SpendingRecords
from .unseen import LOOKED_BACK_SECONDS, unseen_change
from .watching import PodWatch

MOST_REMEMBERED = 50_000

Prices = Callable[[], Awaitable[PriceBook | None]]
Ask = Callable[[Collection[Holder], Window], Awaitable[Metrics | None]]
GroupsOf = Callable[[str], Collection[str] | None]


class Accountant:
    """For one hub; `look` by one task at a time.

    Args:
        watch: the pods.
        records: where rows are kept.
        prices: in force now; None where they cannot be read.
        groups_of: a user's groups, as the hub says; None while it does not.
        ask: figures of these pods' GPUs over a window; None where there are none. Left out: nobody can say.
        wall: POSIX seconds.
    """

    def __init__(
        self,
        *,
        watch: PodWatch,
        records: SpendingRecords,
        prices: Prices,
        groups_of: GroupsOf,
        ask: Ask | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._watch = watch
        self._records = records
        self._prices = prices
        self._groups_of = groups_of
        self._ask = ask
        self._wall = wall
        self._final: set[str] = set()
        """Uids of pods whose amounts are final."""

    async def look(self) -> None:
        """Bring the rows up to now. Raises SpendingAway.

        While the cluster cannot be read nothing is written: what holds on is counted once it can.
        """
        if self._watch.problem is not None:
            return
        now, seen = self._wall(), self._watch.holders()
        opened = {pod.holder.uid: pod for pod in await self._records.open_pods()}
        book = await self.book(now)
        strangers = seen.keys() - opened.keys() - self._final
        if strangers:
            self._final |= await self._records.closed(strangers)
        changes = [
            change
            for uid, holder in seen.items()
            if uid not in self._final and (change := self._change(holder, opened.get(uid), book, now)) is not None
        ]
        changes += [self._vanished(pod, book) for uid, pod in opened.items() if uid not in seen]
        if changes:
            await self._records.keep(changes)
        unseen = await self._records.unseen_jobs(since=now - LOOKED_BACK_SECONDS)
        if unseen:
            await self._records.keep([unseen_change(job, groups=self._groups_of(job.owner)) for job in unseen])
        ended = [change.holder.uid for change in changes if change.closed]
        self._final |= set(ended)
        if len(self._final) > MOST_REMEMBERED:
            self._final.clear()  # Those that are looked at again are asked for again.
        self._watch.forget([uid for uid, holder in seen.items() if uid in self._final or holder.held.since is None])

    async def book(self, now: float) -> PriceBook:
        """All prices, each with the time in which it held; those that came into force just now are kept."""
        versions = [*await self._records.price_versions()]
        current = await self._prices()
        if current is not None:
            text = prices_text(current, at=now)
            if not versions or versions[-1].text != text:
                since = versions[-1].at if versions else now
                version = PriceVersion(at=came_into_force(current, since=since, now=now), text=text)
                await self._records.keep_prices(version)
                versions.append(version)
        return book_of(versions)

    async def look_at_use(self) -> bool:
        """Ask what was idle in the next time that is over; whether there is more to ask. Raises SpendingAway."""
        if self._ask is None:
            return False
        now, since = self._wall(), await self._records.idle_until()
        window = next_window(since, now=now)
        if window is None:
            return False
        holders = [
            holder
            for holder in await self._records.held_in(start=window.start, end=window.end)
            if holder.held.gpus and not holder.held.shares
        ]
        seconds: Mapping[tuple[str, str], DeviceSeconds] = {}
        if holders:
            metrics = await self._ask(holders, window)
            if metrics is None:
                return False  # Asked again later: Prometheus keeps what it has.
            seconds = seconds_of(metrics)
        book = book_of(await self._records.price_versions())
        changes = [
            change
            for holder in holders
            if (found := seconds.get((holder.namespace, holder.pod))) is not None
            and (change := _idle(holder, found, window, book)) is not None
        ]
        await self._records.keep_idle(changes, since=since, until=window.end)
        return next_window(window.end, now=now) is not None

    def _change(self, holder: Holder, before: OpenPod | None, book: PriceBook, now: float) -> PodChange | None:
        held = holder.held if before is None else better(before.holder.held, holder.held)
        if held.since is None:
            return None  # It has no node, and holds nothing.
        seen_at = now
        if held.ended and held.until is None:
            if before is None:
                return self._unknown(replace(holder, held=held), seen_at=held.since, book=book)
            return self._unknown(replace(holder, held=held), seen_at=before.seen_at, book=book)
        # Days before the last look were whole then, unless more is known of the pod by now.
        same = before is not None and before.holder.held == held
        first = day_of(before.seen_at) if before is not None and same else None
        days = days_of(held, book, now=now, first_day=first)
        return self._made(replace(holder, held=held), seen_at=seen_at, closed=held.ended, days=days)

    def _vanished(self, pod: OpenPod, book: PriceBook) -> PodChange:
        return self._unknown(pod.holder, seen_at=pod.seen_at, book=book)

    def _unknown(self, holder: Holder, *, seen_at: float, book: PriceBook) -> PodChange:
        """It went while nobody looked: what it held until it was seen last is all that is known."""
        held: Held = replace(holder.held, until=seen_at, ended=True)
        moment = datetime.fromtimestamp(seen_at, tz=timezone.utc).isoformat(timespec="seconds")
        note = f"It is not known when {holder.pod} ended, after {moment}: counted until then."
        days = days_of(held, book, now=seen_at) or [DayAmount(day=day_of(seen_at), usd=0, gpu_hours=0)]
        days[-1] = replace(days[-1], note=(days[-1].note or note)[:LONGEST_NOTE])
        return self._made(replace(holder, held=held), seen_at=seen_at, closed=True, days=days)

    def _made(self, holder: Holder, *, seen_at: float, closed: bool, days: list[DayAmount]) -> PodChange:
        groups = self._groups_of(holder.owner)
        told = None if groups is None else tuple(sorted(groups))
        return PodChange(holder=holder, seen_at=seen_at, closed=closed, days=tuple(days), groups=told)


def _idle(holder: Holder, found: DeviceSeconds, window: Window, book: PriceBook) -> IdleChange | None:
    """What of a pod's part of a window was seen and was idle; None where it held nothing in it."""
    took = in_window(holder.held, book, start=window.start, end=window.end)
    span = holder.held.span(start=window.start, end=window.end, now=window.end)
    seconds = 0.0 if span is None else span[1] - span[0]
    devices = (holder.held.gpus or 0) * seconds
    if not devices or took.gpu_hours is None:
        return None
    known, idle = (min(1.0, part / devices) for part in (found.known, found.idle))
    gpu_hours = float(took.gpu_hours)
    usd = None if took.gpu_usd is None else round(float(took.gpu_usd) * idle * NANO)
    return IdleChange(
        uid=holder.uid,
        day=day_of(window.start),
        known_gpu_hours=min(round(gpu_hours * known * NANO), nano(took.gpu_hours) or 0),
        idle_gpu_hours=round(gpu_hours * idle * NANO),
        idle_usd=usd,
    )
