"""Keeps every job's record, copy and followers in step with what the watch sees, and says what has changed.

One loop looks at jobs one after the other as they change; a slow one looks again at those whose reason changes with
time alone. A job's end is said only when its log has been read to its end: what asks for the record then has all of it.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from windlass.contract.hub import StartingNode
from windlass.engines.base import JobStatus, State
from windlass.engines.job_folder.record import JobRecord, read_record, read_spec
from windlass.engines.kubernetes.cluster.connected import Opened
from windlass.engines.kubernetes.cluster.node_facts import NodeFacts
from windlass.engines.kubernetes.cluster.settings import ClusterSettings
from windlass.engines.kubernetes.jobs.live_job import LiveJob, begin
from windlass.engines.kubernetes.jobs.queue_places import QueuePlaces
from windlass.engines.kubernetes.jobs.recovered import bring_back_bundle, spec_of
from windlass.engines.kubernetes.jobs.settling import Settler
from windlass.engines.kubernetes.jobs.standing import stale, stand
from windlass.engines.kubernetes.kinds.choosing import KINDS
from windlass.engines.kubernetes.logs.following import FollowingSlots, LogFollower
from windlass.engines.kubernetes.logs.mirror import Mirror
from windlass.engines.kubernetes.model import Observed, Phase
from windlass.engines.kubernetes.observing import queueing
from windlass.hub.broker import HubBroker

PODS_LEAVE_SECONDS = 60.0
"""How long pods may take to go after their job was removed; their grace period and some."""
TICK_SECONDS = 10.0
STEADY_TICKS = 6
SOON_SECONDS = 0.5
"""What ranks report is collected for so long before a job is looked at."""
STOPPING = "being stopped"

_log = logging.getLogger(__name__)


class LiveJobs:
    """All jobs of this engine that this server knows."""

    def __init__(
        self,
        *,
        mirror: Mirror,
        bundles: Path,
        settings: ClusterSettings,
        emit: Callable[[JobStatus], None],
        broker: Callable[[], HubBroker | None] = lambda: None,
    ) -> None:
        self._mirror = mirror
        self._bundles = bundles
        self._settings = settings
        self._emit = emit
        self._broker = broker
        self._nodes = NodeFacts()
        self._jobs: dict[str, LiveJob] = {}
        self._removed: set[str] = set()
        self._opened: Opened | None = None
        self._slots = FollowingSlots()
        self._adopting = asyncio.Lock()
        self._places = QueuePlaces(on_change=self._look_soon)
        self._settler = Settler(write=self._write, hold=self._hold_last)
        self._tasks: set[asyncio.Task[None]] = set()
        self._soon: dict[str, asyncio.TimerHandle] = {}
        self.unconfirmed: list[LiveJob] = []
        """Jobs that were to be stopped when it was not known whether the cluster had taken them."""
        self.starting: list[StartingNode] = []
        """Nodes that are being started, where the hub says."""

    def __iter__(self) -> Iterator[LiveJob]:
        return iter(list(self._jobs.values()))

    def get(self, job_id: str) -> LiveJob | None:
        """A job; None when this server does not know it."""
        return self._jobs.get(job_id)

    def load(self) -> None:
        """Know the jobs of which there is a copy, as they were last. Reads the disk."""
        for job_id in self._mirror.job_ids():
            if job_id in self._jobs:
                continue
            mirror = self._mirror.job(job_id)
            spec, record = read_spec(mirror.folder), read_record(mirror.folder)
            kind = KINDS.get((record.kind if record else None) or (spec.kind if spec else None) or "")
            if spec is None or kind is None:
                continue
            job = LiveJob(mirror=mirror, spec=spec, kind=kind, record=record)
            if record is not None:
                self._jobs[job_id] = job
            elif job.wish is not None:
                # It was never seen in the cluster, and must not run should it be there. Without a wish whoever sent it
                # sends it again.
                self.unconfirmed.append(job)

    async def open(self, opened: Opened) -> None:
        """The cluster answers: take over what is there, and settle what is there no more."""
        self._opened = opened
        for job_id in opened.watch.job_ids():
            await self._guarded_look(job_id)
        for job in list(self._jobs.values()):
            if not job.is_final and opened.watch.seen(job.id) is None:
                await self._guarded_look(job.id)
        self._start(self._follow_changes(opened), name="windlass-cluster-changes")
        self._start(self._look_now_and_then(), name="windlass-cluster-ticks")

    def take(self, job: LiveJob) -> None:
        """A job that was just sent; the watch may have told of it before."""
        self._jobs.setdefault(job.id, job)

    async def forget(self, job_id: str) -> None:
        """A job is removed: read no more of it, and do not take it over again while its object goes."""
        self._removed.add(job_id)
        timer = self._soon.pop(job_id, None)
        if timer is not None:
            timer.cancel()
        job = self._jobs.pop(job_id, None)
        if job is not None and job.follower is not None:
            await job.follower.stop()
        if self._opened is not None:
            self._opened.watch.forget(job_id)

    async def look(self, job_id: str) -> None:
        """See how a job stands now, and say so where that is news."""
        opened = self._opened
        if opened is None:
            return
        seen = opened.watch.seen(job_id)
        job = self._jobs.get(job_id)
        if job is None and seen is not None:
            async with self._adopting:
                job = self._jobs.get(job_id) or await self._adopt(opened, job_id, seen)
        if job is None:
            return
        async with job.looking:
            await self._look(opened, job)

    async def _look(self, opened: Opened, job: LiveJob) -> None:
        seen = opened.watch.seen(job.id)
        if job.is_final or job.ending:
            return
        if seen is None:
            await self._settler.look_for(opened, job)
            return
        if job.home != opened.home:
            await asyncio.to_thread(job.keep_home, opened.home)
        self._follow(opened, job, seen)
        await self._hold(opened, job, seen)
        phase = job.kind.phase(seen)
        if seen.job is None and self._is_leaving(job, seen):
            await self._say_leaving(job, seen)
        elif phase.state.is_final:
            job.ending = True
            self._start(self._settler.finish(opened, job, seen, phase), name=f"end of job {job.id}")
        else:
            await self._stand(opened, job, seen, phase)

    async def say(self, job: LiveJob, reason: str) -> None:
        """Say something of a job that nothing in the cluster says; of one that has ended, nothing. Raises OSError."""
        async with job.looking:
            if not job.is_final:
                await self._write(job, replace(job.record, reason=reason))

    async def give_up(self, job: LiveJob) -> None:
        """A job that is in another cluster than the one at hand is to be stopped. Raises OSError."""
        await self._settler.give_up(job)

    async def close(self) -> None:
        """End every loop and follower; what was read is written."""
        for timer in self._soon.values():
            timer.cancel()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, self._places.close(), return_exceptions=True)
        await asyncio.gather(*(job.follower.stop() for job in self._jobs.values() if job.follower is not None))

    async def _adopt(self, opened: Opened, job_id: str, seen: Observed) -> LiveJob | None:
        """A job of this user that this server has not sent."""
        item = seen.job or seen.last
        if job_id in self._removed or item is None or item["metadata"].get("deletionTimestamp"):
            return None
        mirror, kind = self._mirror.job(job_id), KINDS.get(item.get("kind", ""))
        spec = await asyncio.to_thread(read_spec, mirror.folder) or spec_of(item, bundles=self._bundles)
        if spec is None or kind is None or (self._settings.owner and spec.owner != self._settings.owner):
            return None
        await bring_back_bundle(opened.client, item, spec)
        job = await asyncio.to_thread(begin, mirror, spec, kind)
        # Whoever sent it may have told of it meanwhile: there is one of each, as each has a follower.
        return self._jobs.setdefault(job_id, job)

    def _follow(self, opened: Opened, job: LiveJob, seen: Observed) -> None:
        if job.follower is None:
            job.follower = LogFollower(
                opened.client,
                namespace=opened.namespace,
                mirror=job.mirror,
                container=job.kind.container,
                world_size=job.spec.world_size,
                processes_per_worker=job.spec.processes_per_worker,
                slots=self._slots,
                on_change=lambda _changed: self._look_soon(job.id),
            )
        ranked = ((job.kind.node_rank(pod), pod) for pod in seen.pods)
        job.follower.see([(rank, pod) for rank, pod in ranked if rank is not None])

    async def _hold(self, opened: Opened, job: LiveJob, seen: Observed) -> None:
        """Keep what the job's pods hold. Raises OSError."""
        job.holdings.look(seen, self._nodes.get)
        if self._nodes.may_ask(job.holdings.nodes()):
            self._start(self._learn_nodes(opened, job), name="windlass-cluster-node-facts")
        await asyncio.to_thread(job.holdings.save)

    async def _learn_nodes(self, opened: Opened, job: LiveJob) -> None:
        names = job.holdings.nodes()
        if await self._nodes.learn(names, client=opened.client, broker=self._broker()):
            self._look_soon(job.id)

    async def _hold_last(self, opened: Opened, job: LiveJob, seen: Observed) -> None:
        """Keep what the pods of a job that has ended held: no later look tells what their nodes are. Raises OSError."""
        job.holdings.look(seen, self._nodes.get)
        if names := job.holdings.nodes():
            await self._nodes.learn(names, client=opened.client, broker=self._broker())
            job.holdings.look(seen, self._nodes.get)
        job.holdings.end(at=time.time())
        await asyncio.to_thread(job.holdings.save)

    def _is_leaving(self, job: LiveJob, seen: Observed) -> bool:
        """Whether pods of a job whose object is gone are still waited for."""
        if job.gone_at is None:
            job.gone_at = time.monotonic()
        return bool(seen.pods) and time.monotonic() - job.gone_at < PODS_LEAVE_SECONDS

    async def _say_leaving(self, job: LiveJob, seen: Observed) -> None:
        count = len(seen.pods)
        reason = f"{STOPPING}: {count} pod{'s are' if count > 1 else ' is'} ending"
        await self._write(job, replace(job.record, reason=reason))

    async def _stand(self, opened: Opened, job: LiveJob, seen: Observed, phase: Phase) -> None:
        ranks = await asyncio.to_thread(job.ranks)
        self._find_place(opened, job, seen, phase)
        record = stand(
            kind=job.kind,
            seen=seen,
            phase=phase,
            ranks=ranks,
            world_size=job.spec.world_size,
            starting=self.starting,
            position=job.position,
        )
        stopping = job.stop_trouble or (STOPPING if job.wish is not None else None)
        if stopping is not None and not record.state.is_final:
            record = replace(record, reason=stopping)
        silent_since = opened.silent_since
        await self._write(job, record if silent_since is None else stale(record, seen_at=silent_since))

    def _find_place(self, opened: Opened, job: LiveJob, seen: Observed, phase: Phase) -> None:
        queue = queueing.queue_of(seen)
        if phase.state is not State.QUEUED or queue is None or seen.workload is None:
            job.position = None
            return
        job.position = self._places.place(opened, job.id, queue=queue, workload=seen.workload["metadata"]["name"])

    async def _write(self, job: LiveJob, record: JobRecord) -> None:
        status = await asyncio.to_thread(job.stand, record)
        if status is not None and job.id not in self._removed:
            self._emit(status)

    async def _follow_changes(self, opened: Opened) -> None:
        async for job_id in opened.watch.changes():
            await self._guarded_look(job_id)

    async def _look_now_and_then(self) -> None:
        was_silent = False
        for tick in itertools.count(1):
            await asyncio.sleep(TICK_SECONDS)
            is_silent = self._opened is not None and self._opened.silent_since is not None
            turned, was_silent = is_silent is not was_silent, is_silent
            for job in list(self._jobs.values()):
                if is_silent and not job.is_final:
                    job.holdings.look_away()
                if not job.is_final and (turned or self._may_be_news(job, thorough=tick % STEADY_TICKS == 0)):
                    await self._guarded_look(job.id)
                # Whoever else waits for the loop must not wait for all of them.
                await asyncio.sleep(0)

    def _may_be_news(self, job: LiveJob, *, thorough: bool) -> bool:
        """Whether a job may stand otherwise than was said without its watch or its log having told.

        Asks no disk, as a look does: there may be a thousand jobs of which nothing is new.
        """
        goes_on = job.wish is None and job.gone_at is None
        if job.record.state is State.RUNNING and goes_on and not thorough:
            return False
        seen = self._opened.watch.seen(job.id) if self._opened is not None else None
        if seen is None or seen.job is None or not goes_on or job.record.state is State.QUEUED:
            return True
        if thorough and (job.follower is None or not job.follower.is_ours):
            # Another server of the user reads its log.
            return True
        try:
            phase, size = job.kind.phase(seen), job.spec.world_size
            now = stand(kind=job.kind, seen=seen, phase=phase, ranks=(), world_size=size, starting=self.starting)
        except Exception:  # noqa: BLE001 - the look that follows says what was not understood
            return True
        return (now.state, now.reason) != (job.record.state, job.record.reason)

    def _look_soon(self, job_id: str) -> None:
        if job_id not in self._soon:
            loop = asyncio.get_running_loop()
            self._soon[job_id] = loop.call_later(SOON_SECONDS, self._look_at, job_id)

    def _look_at(self, job_id: str) -> None:
        self._soon.pop(job_id, None)
        self._start(self._guarded_look(job_id), name=f"look at job {job_id}")

    async def _guarded_look(self, job_id: str) -> None:
        try:
            await self.look(job_id)
        except OSError as error:
            _log.warning("How job %s stands cannot be written down: %s", job_id, error)
        except Exception:  # noqa: BLE001 - one job that was not understood must not hide all others
            _log.exception("Job %s was not understood", job_id)

    def _start(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
