"""The task that drives it: pods to rows, rows to budgets, budgets to warnings and quotas; again each minute.

Nothing that fails ends it: what was away is asked again. All replicas know how budgets stand; only the one that acts
writes and blocks.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from windlass.kube.errors import KubeError

from .accounting import Accountant
from .amounts import day_of
from .blocking import Blocker
from .budgeting import Block, Budgeting
from .people import People
from .records import SpendingAway, SpendingRecords
from .watching import PodWatch

log = logging.getLogger("windlass_hub.spending")

FIRST_SECONDS = 30.0
LOOK_SECONDS = 60.0
WAIT_SECONDS = 5.0
"""Between looks of a replica that does not act: it may come to."""
SHORTEST_PAUSE_SECONDS = 2.0
PRUNE_SECONDS = 3600.0
MOST_WINDOWS = 50
"""Of use that are asked for one after the other, after an outage."""


class SpendingTask:
    """Begins with `start` on the event loop of its client, and ends with `close`.

    Args:
        watch, accountant, people, budgeting, blocker, records: its parts; without a blocker nothing is blocked.
        acts: whether this replica is the one that writes.
        news: set when a pod has ended or gone.
        keep_days: after how many days rows are deleted.
        clock, wall: monotonic, and POSIX seconds.
    """

    def __init__(
        self,
        *,
        watch: PodWatch,
        accountant: Accountant,
        people: People,
        budgeting: Budgeting,
        blocker: Blocker | None,
        records: SpendingRecords,
        acts: Callable[[], bool],
        news: asyncio.Event,
        keep_days: int,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._watch = watch
        self._accountant = accountant
        self._people = people
        self._budgeting = budgeting
        self._blocker = blocker
        self._records = records
        self._acts = acts
        self._news = news
        self._keep_days = keep_days
        self._clock = clock
        self._wall = wall
        self._pruned_at: float | None = None
        self._away: str | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def problem(self) -> str | None:
        """What keeps the figures from being those of now, as a sentence."""
        blocked = self._blocker.problem if self._blocker is not None else None
        return self._away or self._watch.problem or blocked

    async def start(self) -> None:
        """Begin; waits for nothing."""
        self._task = asyncio.create_task(self._run(), name="windlass-spending")

    async def close(self) -> None:
        """End in the middle of whatever it does."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self._watch.stop()

    def look_soon(self) -> None:
        """Have the next look begin at once."""
        self._news.set()

    async def look(self) -> None:
        """Bring everything up to now, once."""
        try:
            await self._people.look()
            if self._acts():
                await self._accountant.look()
            await self._budgeting.look(may_act=self._acts())
            if self._acts():
                await self._look_at_use()
                await self._prune()
        except SpendingAway as error:
            if self._away is None:
                log.warning("%s What pods cost is counted later.", error)
            self._away = str(error)
        else:
            self._away = None
        if self._blocker is not None and self._acts():
            await self._blocker.enforce(self._blocks())

    def _blocks(self) -> dict[str, Block] | None:
        if not self._budgeting.known:
            return None
        owners = set(self._watch.namespaces.values())
        return {owner: block for owner in owners if (block := self._budgeting.block_of(owner)) is not None}

    async def _look_at_use(self) -> None:
        for _ in range(MOST_WINDOWS):
            if not await self._accountant.look_at_use():
                return

    async def _prune(self) -> None:
        now = self._clock()
        if self._pruned_at is None or now - self._pruned_at >= PRUNE_SECONDS:
            self._pruned_at = now
            await self._records.prune(before_day=day_of(self._wall()) - self._keep_days)

    async def _run(self) -> None:
        await self._guarded(self._begin)
        while True:
            await self._guarded(self.look)
            await self._pause()
            self._watch.look_again()

    async def _begin(self) -> None:
        try:
            await self._watch.start(seconds=FIRST_SECONDS)
        except KubeError as error:
            log.warning("What pods cost is not known yet: %s", error.message)

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception:
            # Whatever it is: rows wait, and a task that died would look healthy.
            log.exception("The records of costs met an error of their own")

    async def _pause(self) -> None:
        """Until a pod has ended, or it is time to look anyhow."""
        await asyncio.sleep(SHORTEST_PAUSE_SECONDS)
        try:
            await asyncio.wait_for(self._news.wait(), LOOK_SECONDS if self._acts() else WAIT_SECONDS)
        except asyncio.TimeoutError:
            return
        self._news.clear()
