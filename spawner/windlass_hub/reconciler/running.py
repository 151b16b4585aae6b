"""The task that drives it: watches, the Lease, the rows and the sweep, each at its own pace until the service ends.

Nothing that fails ends it: what was away is asked again, and what it could not do is in the rows.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from windlass.kube.errors import KubeError

from .finishing import Finisher
from .keeping import Keeper
from .leadership import Leadership
from .notifying import Notifier
from .records import RecordsAway
from .seen_jobs import SeenJobs
from .sweeping import Sweeper

log = logging.getLogger("windlass_hub.reconciler")

FIRST_SECONDS = 30.0
"""How long the first lists are waited for before it goes on without."""
TICK_SECONDS = 15.0
SHORTEST_PAUSE_SECONDS = 1.0
LEASE_SECONDS = 5.0
SWEEP_SECONDS = 900.0
PRUNE_SECONDS = 3600.0
KINDS_SECONDS = 300.0


class Reconciler:
    """Begins with `start` on the event loop of its client, and ends with `close`.

    Args:
        jobs: what the cluster has; calls `news.set` when something has changed.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        *,
        jobs: SeenJobs,
        keeper: Keeper,
        finisher: Finisher,
        sweeper: Sweeper,
        leadership: Leadership,
        notifier: Notifier | None,
        news: asyncio.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._jobs = jobs
        self._keeper = keeper
        self._finisher = finisher
        self._sweeper = sweeper
        self._leadership = leadership
        self._notifier = notifier
        self._news = news
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []
        self._swept_at = self._looked_at = self._pruned_at = clock()
        self._records_problem: str | None = None

    @property
    def problem(self) -> str | None:
        """What keeps it from its work right now, as a sentence."""
        return self._records_problem or self._leadership.problem or self._jobs.problem or self._finisher.problem

    async def start(self) -> None:
        """Begin; waits for nothing."""
        self._tasks = [
            asyncio.create_task(self._keep_lease(), name="windlass-reconciler-lease"),
            asyncio.create_task(self._work(), name="windlass-reconciler"),
        ]

    async def close(self) -> None:
        """End in the middle of whatever it does, and let another replica go on."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._leadership.let_go()
        await self._jobs.stop()
        if self._notifier is not None:
            await self._notifier.close()

    async def _keep_lease(self) -> None:
        while True:
            held = self._leadership.holds
            try:
                if await self._leadership.hold() and not held:
                    self._news.set()
            except Exception:
                # Without this task nobody would ever act, and nothing would say so.
                log.exception("The Lease met an error of its own")
            await asyncio.sleep(LEASE_SECONDS)

    async def _work(self) -> None:
        try:
            await self._jobs.start(seconds=FIRST_SECONDS)
        except KubeError as error:
            log.warning("The jobs in the cluster are not known yet: %s", error.message)
        except Exception:
            # The kinds are looked for again, and the watches begun with them.
            log.exception("The watches met an error of their own")
        while True:
            try:
                await self.once()
            except Exception:
                # Whatever it is: rows wait, and a task that died would look healthy.
                log.exception("The reconciler met an error of its own")
            await self._wait()

    async def once(self) -> None:
        """Do what is due now, where this replica is the one to act."""
        if not self._jobs.kinds or self._clock() - self._looked_at >= KINDS_SECONDS:
            self._looked_at = self._clock()
            await self._look_for_kinds()
        if not self._leadership.holds:
            return
        may_act = self._acts
        try:
            await self._keeper.keep_ended()
            await self._finisher.work_off(may_act=may_act)
            if self._clock() - self._pruned_at >= PRUNE_SECONDS:
                await self._keeper.prune()
                self._pruned_at = self._clock()
        except RecordsAway as error:
            if self._records_problem is None:
                log.warning("%s Ended jobs wait.", error)
            self._records_problem = str(error)
        else:
            self._records_problem = None
        if self._clock() - self._swept_at >= SWEEP_SECONDS:
            self._swept_at = self._clock()
            await self._sweeper.sweep(may_act=may_act)

    def _acts(self) -> bool:
        return self._leadership.holds

    async def _look_for_kinds(self) -> None:
        try:
            await self._jobs.look_for_kinds()
        except KubeError as error:
            log.info("Which kinds of job the cluster serves could not be asked: %s", error.message)

    async def _wait(self) -> None:
        await asyncio.sleep(SHORTEST_PAUSE_SECONDS)
        try:
            await asyncio.wait_for(self._news.wait(), TICK_SECONDS)
        except asyncio.TimeoutError:
            return
        self._news.clear()
