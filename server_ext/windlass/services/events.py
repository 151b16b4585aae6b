"""Carries what happens from the engines to the ledger, and rings the bell.

An engine's watch is begun before its jobs are adopted, so nothing falls between. Statuses that arrive together are
written together. What the engine and the ledger disagree about after a restart is settled here, once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress

from windlass.engines.base import Engine, JobStatus
from windlass.errors import NotFound, Unavailable, WindlassError
from windlass.ledger.jobs import FINAL_STATES, JobChange, JobLedger
from windlass.ledger.tables import JobRow
from windlass.services.changes import ChangeHub
from windlass.services.folding import fold
from windlass.services.launch import Launcher
from windlass.services.rebuild import Rebuild

TOGETHER = 200
RETRY_SECONDS = (0.2, 1.0, 5.0, 15.0)
HANDOVER_SECONDS = 30.0
"""A job that was written down this long ago and that no engine has, was left behind by a server that died."""
FOREIGN_SECONDS = 1.0
LOST = "The engine no longer knows this job, so its end was not seen. Look at its log, or run it again."

_log = logging.getLogger(__name__)


class EnginePump:
    """Keeps the ledger's rows of one engine as the engine sees its jobs."""

    def __init__(
        self,
        *,
        engine: Engine,
        ledger: JobLedger,
        hub: ChangeHub,
        launcher: Launcher,
        rebuild: Rebuild,
        on_end: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._ledger = ledger
        self._hub = hub
        self._launcher = launcher
        self._rebuild = rebuild
        self._on_end = on_end
        self._recorded: set[str] = set()
        """Ids of jobs that the ledger is known to have, or to have had."""
        self.live: set[str] = set()
        """Ids of the jobs that have not ended."""
        self._arrived: asyncio.Queue[JobStatus] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to watch, take over the jobs there are, and settle what the ledger and the engine disagree about."""
        watching = asyncio.Event()
        self._tasks.append(asyncio.create_task(self._watch(watching), name=f"windlass-watch-{self._engine.name}"))
        await watching.wait()
        adopted = await self._engine.adopt()
        await self._store(adopted)
        await self._settle({status.job_id for status in adopted})
        self._tasks.append(asyncio.create_task(self._write(), name=f"windlass-pump-{self._engine.name}"))
        self._tasks.append(asyncio.create_task(self._settle_late(), name=f"windlass-settle-{self._engine.name}"))

    async def close(self) -> None:
        """Stop listening."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watch(self, watching: asyncio.Event) -> None:
        failures = 0
        while True:
            try:
                statuses = self._engine.watch()
                watching.set()
                if failures:
                    self._arrive(*await self._engine.adopt())
                async for status in statuses:
                    failures = 0
                    self._arrive(status)
                return  # The engine was closed.
            except Exception:  # noqa: BLE001 - whatever broke it: without a watch the list stands still, unnoticed
                _log.exception("The watch of the %s engine broke; beginning anew.", self._engine.name)
            await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
            failures += 1

    def _arrive(self, *statuses: JobStatus) -> None:
        for status in statuses:
            self._arrived.put_nowait(status)

    async def _write(self) -> None:
        while True:
            statuses = [await self._arrived.get()]
            while len(statuses) < TOGETHER and not self._arrived.empty():
                statuses.append(self._arrived.get_nowait())
            await self._store_stubbornly(statuses)

    async def _store_stubbornly(self, statuses: list[JobStatus]) -> None:
        """Store, again and again while the disk is full or the file is locked: a change is never dropped."""
        failures = 0
        while not await self._is_stored(statuses):
            await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
            failures += 1

    async def _is_stored(self, statuses: list[JobStatus]) -> bool:
        try:
            await self._store(statuses)
        except WindlassError as error:
            _log.warning("What happened to %d jobs could not be written down yet: %s", len(statuses), error)
            return False
        except Exception:  # noqa: BLE001 - a status that nobody foresaw must not silence all that come after it
            _log.exception("What happened to jobs %s was not understood.", [status.job_id for status in statuses])
        return True

    async def _store(self, statuses: list[JobStatus]) -> None:
        for status in statuses:
            ended = status.removed or status.state.is_final
            (self.live.discard if ended else self.live.add)(status.job_id)
        newest = {status.job_id: status for status in statuses if not status.removed}
        # A cluster may answer long after the start, and another server of the same user may have sent jobs to it.
        unknown = [status for status in newest.values() if status.job_id not in self._recorded]
        if unknown:
            await self._rebuild.write_down(unknown)
            self._recorded.update(status.job_id for status in unknown)
        changed = await self._ledger.apply([fold(status) for status in newest.values()])
        # Also when nothing changed here: another server on the same ledger may have written it first.
        self._hub.announce()
        if any(row.state in FINAL_STATES for row in changed):
            self._on_end()

    async def _settle_late(self) -> None:
        """Look again at jobs that another server was handing over when this one started, until all is known."""
        settled = False
        while not settled:
            await asyncio.sleep(HANDOVER_SECONDS)
            known = {status.job_id for status in await self._engine.adopt()}
            settled = await self._settle(known)

    async def _settle(self, known: set[str]) -> bool:
        """Hand over what was left behind; what the engine has forgotten is lost, and said to be.

        False where the engine could not say: its cluster is away, and its jobs may live.
        """
        settled = True
        for row in await self._ledger.unfinished(engine=self._engine.name):
            if row.id in known:
                continue
            # Asked again: a job that was sent since the engine was looked through is no lost one.
            try:
                status = await self._engine.status(row.id)
            except Unavailable:
                settled = False
                continue
            if status is not None:
                await self._store([status])
            elif row.state != "submitted":
                await self._end(row, state="lost", reason=LOST)
            elif row.created_us / 1_000_000 < time.time() - HANDOVER_SECONDS:
                settled = await self._has_handed_over(row) and settled
        return settled

    async def _has_handed_over(self, row: JobRow) -> bool:
        """False where the engine is away: the job waits for it."""
        try:
            status = await self._launcher.launch(row)
        except Unavailable as error:
            _log.info("Job %s could not be handed over yet: %s", row.id, error)
            return False
        except WindlassError as error:
            await self._end(row, state="failed", reason=f"It could not be started: {error}")
        else:
            await self._store([status] if status else [])
            await self._halt_if_stopped(row)
        return True

    async def _halt_if_stopped(self, row: JobRow) -> None:
        """Stop is final: also when it came while the job was handed over."""
        with suppress(NotFound):
            if (await self._ledger.get(row.id)).state == "stopped":
                await self._launcher.halt(row, reason="Stopped before it had started.")

    async def _end(self, row: JobRow, *, state: str, reason: str) -> None:
        values = {"state": state, "status": {**row.status, "reason": reason}, "ended_at": time.time()}
        await self._ledger.apply([JobChange(job_id=row.id, values=values)])
        self._hub.announce()


class ForeignWatch:
    """Rings when another server has written to the shared ledger; looks only while somebody listens."""

    def __init__(self, *, ledger: JobLedger, hub: ChangeHub) -> None:
        self._ledger = ledger
        self._hub = hub
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._look(), name="windlass-foreign-changes")

    async def close(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _look(self) -> None:
        known: int | None = None
        while True:
            await asyncio.sleep(FOREIGN_SECONDS)
            if not self._hub.listeners:
                continue
            try:
                now = await self._ledger.foreign_changes()
            except WindlassError as error:
                _log.debug("The ledger could not be asked for changes: %s", error)
                continue
            if known is not None and now != known:
                self._hub.announce()
            known = now
