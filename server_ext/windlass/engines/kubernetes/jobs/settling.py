"""How jobs end on this server: after their log was read, or with what can be said where nobody saw the end.

That the watch does not show a job is no proof that it is gone. It may be too new; the API server may have forgotten
the kind for a moment, as it does while it starts; or this server may look at another cluster by now than the one the
job was sent to. An end is for ever, so each of these is told apart first.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from windlass.engines.base import State
from windlass.engines.job_folder.ranks import RankStatus
from windlass.engines.job_folder.record import JobRecord
from windlass.engines.kubernetes.cluster.connected import Opened
from windlass.engines.kubernetes.jobs.live_job import LiveJob, elsewhere
from windlass.engines.kubernetes.jobs.placements import placement_of
from windlass.engines.kubernetes.jobs.standing import stand, stopped, unseen
from windlass.engines.kubernetes.model import Observed, Phase
from windlass.kube.errors import KubeError, NotFound
from windlass.kube.names import object_name

FINISH_SECONDS = 20.0
"""How long the end of a log is waited for when the job has ended."""
FINISHED_AT_ONCE = 8
KIND_GONE_SECONDS = 600.0
"""How long the API may not serve a kind before its jobs are taken to be gone with it."""
VANISHED = "Its object is no longer in the cluster, and was not removed by this server: how it ended was not seen."
KIND_VANISHED = "The cluster no longer serves {kind}, and its jobs went with that: how this one ended was not seen."
_LOG_IS_SHORT = "The end of the log could not be read from the cluster."

_log = logging.getLogger(__name__)


class Settler:
    """Writes ends down by `write`, and what pods held at the end by `hold`; both raise OSError."""

    def __init__(
        self,
        *,
        write: Callable[[LiveJob, JobRecord], Awaitable[None]],
        hold: Callable[[Opened, LiveJob, Observed], Awaitable[None]],
    ) -> None:
        self._write = write
        self._hold = hold
        self._finishing = asyncio.Semaphore(FINISHED_AT_ONCE)

    async def finish(self, opened: Opened, job: LiveJob, seen: Observed, phase: Phase) -> None:
        """Read the log to its end, then say how the job ended. Raises OSError."""
        async with self._finishing:
            complete = True
            if job.follower is not None:
                complete = await job.follower.finish(seconds=FINISH_SECONDS)
                await job.follower.stop()
                job.follower = None
        ranks = await asyncio.to_thread(job.ranks)
        record = stand(kind=job.kind, seen=seen, phase=phase, ranks=ranks, world_size=job.spec.world_size)
        if record.state is State.LOST:
            record = await _by_their_word(job, record, ranks)
        if job.wish is not None:
            record = stopped(record, reason=job.wish, at=time.time())
        elif record.ended_at is None and record.state is not State.LOST:
            record = replace(record, ended_at=time.time())
        if not complete:
            record = record.with_notices(_LOG_IS_SHORT)
        first_line_at = await asyncio.to_thread(job.first_line_at)
        placement = placement_of(job, seen, namespace=opened.namespace, first_line_at=first_line_at)
        await asyncio.to_thread(job.keep_placement, placement)
        await self._hold(opened, job, opened.watch.seen(job.id) or seen)
        await self._write(job, record)
        opened.watch.forget(job.id)

    async def look_for(self, opened: Opened, job: LiveJob) -> None:
        """The watch does not show the job: settle it if it is gone. Raises OSError."""
        if not job.is_at(opened.home):
            await self._write(job, replace(job.record, reason=elsewhere(job)))
            return
        try:
            why = await self._gone(opened, job)
        except KubeError as error:
            _log.debug("Whether job %s is still there is not known: %s", job.id, error)
            return
        if why is None:
            return
        ranks = await asyncio.to_thread(job.ranks)
        record = await _by_their_word(job, replace(job.record, state=State.LOST, reason=why), ranks)
        if job.wish is not None:
            record = stopped(record, reason=job.wish, at=time.time())
        job.holdings.end(at=time.time())
        await asyncio.to_thread(job.holdings.save)
        await self._write(job, record)

    async def give_up(self, job: LiveJob) -> None:
        """A job that was sent to another cluster than the one at hand is to be stopped. Raises OSError."""
        reason = f"{elsewhere(job)}; whoever looks there again stops it"
        await self._write(job, replace(job.record, state=State.LOST, reason=reason))

    async def _gone(self, opened: Opened, job: LiveJob) -> str | None:
        """Why it is known to be gone; None while it is not. Raises a KubeError."""
        served, name = job.kind.served(opened.facts), object_name(job.spec.name, job.id)
        if served is not None:
            try:
                await opened.client.get(served, name, namespace=opened.namespace)
            except NotFound as error:
                if error.details.get("name") == name:
                    return VANISHED
            else:
                job.kind_gone_at = None
                return None
        if job.kind_gone_at is None:
            job.kind_gone_at = time.monotonic()
        if time.monotonic() - job.kind_gone_at < KIND_GONE_SECONDS:
            return None
        return KIND_VANISHED.format(kind=job.kind.name)


async def _by_their_word(job: LiveJob, record: JobRecord, ranks: Sequence[RankStatus]) -> JobRecord:
    """How a job ended whose end nobody saw, as far as its ranks have said it."""
    return unseen(record, ranks, deciding=job.deciding_ranks, heard_at=await asyncio.to_thread(job.heard_at))
