"""The tasks that drive it: the Lease, new rows, what is left of them, and the sweep, each at its own pace.

None waits for another: an MLflow that hangs, or the many requests of a sweep, keep no job that ends from being written
down. Nothing that fails ends one: what was away is asked again, and what could not be done is in the rows.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

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
        self._looked_at = clock()
        self._rows = asyncio.Event()
        """There are new ones, or this replica is the one to act from now on."""
        self._records_problems: dict[str, str] = {}
        """By the task that met it."""

    @property
    def problem(self) -> str | None:
        """What keeps it from its work right now, as a sentence."""
        records = next(iter(self._records_problems.values()), None)
        return records or self._leadership.problem or self._jobs.problem or self._finisher.problem

    @property
    def acts(self) -> bool:
        """Whether this replica is the one to act, now."""
        return self._leadership.holds

    @property
    def jobs(self) -> SeenJobs:
        """What the cluster has."""
        return self._jobs

    async def start(self) -> None:
        """Begin; waits for nothing."""
        work = {
            "lease": self._repeat("lease", self._hold, self._until_lease),
            "rows": self._keep_rows(),
            "steps": self._repeat("steps", self._work_off, lambda: _pause(self._rows)),
            "sweep": self._repeat("sweep", self._sweep, lambda: asyncio.sleep(SWEEP_SECONDS)),
        }
        self._tasks = [asyncio.create_task(each, name=f"windlass-reconciler-{name}") for name, each in work.items()]

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

    async def _repeat(
        self, name: str, work: Callable[[], Awaitable[None]], pause: Callable[[], Awaitable[None]]
    ) -> None:
        while True:
            try:
                await work()
            except RecordsAway as error:
                if name not in self._records_problems:
                    log.warning("%s Ended jobs wait.", error)
                self._records_problems[name] = str(error)
            except Exception:
                # Whatever it is: rows wait, and a task that died would look healthy.
                log.exception("The reconciler met an error of its own (%s)", name)
            else:
                self._records_problems.pop(name, None)
            await pause()

    async def _hold(self) -> None:
        held = self._leadership.holds
        if await self._leadership.hold() and not held:
            self._news.set()
            self._rows.set()

    async def _until_lease(self) -> None:
        await asyncio.sleep(LEASE_SECONDS)

    async def _keep_rows(self) -> None:
        try:
            await self._jobs.start(seconds=FIRST_SECONDS)
        except KubeError as error:
            log.warning("The jobs in the cluster are not known yet: %s", error.message)
        except Exception:
            # The kinds are looked for again, and the watches begun with them.
            log.exception("The watches met an error of their own")
        await self._repeat("rows", self._look, lambda: _pause(self._news))

    async def _look(self) -> None:
        if not self._jobs.kinds or self._clock() - self._looked_at >= KINDS_SECONDS:
            self._looked_at = self._clock()
            await self._look_for_kinds()
        if self._leadership.holds and await self._keeper.keep_ended():
            self._rows.set()

    async def _work_off(self) -> None:
        if self._leadership.holds:
            await self._finisher.work_off(may_act=self._acts)

    async def _sweep(self) -> None:
        if self._leadership.holds:
            await self._keeper.prune()
            await self._sweeper.sweep(may_act=self._acts)

    def _acts(self) -> bool:
        return self._leadership.holds

    async def _look_for_kinds(self) -> None:
        try:
            await self._jobs.look_for_kinds()
        except KubeError as error:
            log.info("Which kinds of job the cluster serves could not be asked: %s", error.message)


async def _pause(event: asyncio.Event) -> None:
    """Until it is set, or it is time to look anyhow."""
    await asyncio.sleep(SHORTEST_PAUSE_SECONDS)
    try:
        await asyncio.wait_for(event.wait(), TICK_SECONDS)
    except asyncio.TimeoutError:
        return
    event.clear()
