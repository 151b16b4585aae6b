"""What can be done with jobs in a cluster, put together from its parts: the inside of the engine.

Loaded when it is first needed: it brings the cluster's client with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from windlass.contract.cluster import ClusterOffers, JobPlacement
from windlass.costs.holding import Holding
from windlass.engines.base import JobSpec, JobStatus, LaunchPlan, LogSlice, State
from windlass.engines.job_folder import logreader
from windlass.engines.job_folder.record import read_spec
from windlass.engines.kubernetes.cluster.connected import NOT_YET, ClusterAccess, Opened
from windlass.engines.kubernetes.cluster.offers import offers
from windlass.engines.kubernetes.cluster.settings import ClusterSettings
from windlass.engines.kubernetes.jobs.live_job import LiveJob
from windlass.engines.kubernetes.jobs.live_jobs import LiveJobs
from windlass.engines.kubernetes.jobs.marking import RecordMarks
from windlass.engines.kubernetes.jobs.placements import before_seen, placement_of
from windlass.engines.kubernetes.jobs.stopping import Stopper, remove_objects
from windlass.engines.kubernetes.jobs.sweeping import SWEEP_SECONDS, sweep
from windlass.engines.kubernetes.kinds.choosing import KINDS
from windlass.engines.kubernetes.logs.mirror import Mirror
from windlass.engines.kubernetes.refusals import refusal
from windlass.engines.kubernetes.sending.bundle_upload import BundleUpload, OpenStore
from windlass.engines.kubernetes.sending.planning import Check
from windlass.engines.kubernetes.sending.sender import Sending
from windlass.engines.kubernetes.sending.usual_checks import USUAL_CHECKS
from windlass.errors import Conflict, NotFound, Unavailable, WindlassError
from windlass.kube.errors import KubeError

STARTING_SECONDS = 15.0
LOOK_FOR_KINDS_SECONDS = 60.0
"""How often it is seen whether what the cluster serves has to be read anew (`cluster.FACTS_SECONDS`)."""
_LARGEST_PAGE_BYTES = 8 * 1024 * 1024


class ClusterJobs:
    """All methods are called in one event loop."""

    def __init__(
        self,
        *,
        data_dir: Path,
        settings: ClusterSettings,
        access: ClusterAccess,
        emit: Callable[[JobStatus], None],
        checks: Sequence[Check] = USUAL_CHECKS,
        open_store: OpenStore | None = None,
    ) -> None:
        self._settings = settings
        self._access = access
        self.upload = BundleUpload(open_store=open_store)
        """Takes bundles that no ConfigMap can hold to where pods fetch them."""
        self._mirror = Mirror(data_dir)
        self._bundles = data_dir / "bundles"
        self._live = LiveJobs(
            mirror=self._mirror, bundles=self._bundles, settings=settings, emit=emit, broker=lambda: access.broker
        )
        self._stopper = Stopper(access=access, live=self._live)
        self._sending = Sending(
            settings=settings,
            access=access,
            mirror=self._mirror,
            live=self._live,
            upload=self.upload,
            checks=checks,
        )
        self._submitting: set[str] = set()
        self._marks = RecordMarks()
        self._tasks: list[asyncio.Task[None]] = []

    async def load(self) -> None:
        """Know what lies on the disk."""
        await asyncio.to_thread(self._live.load)

    async def open(self, opened: Opened) -> None:
        """The cluster answers."""
        await self._stopper.resume(opened)
        await self._live.open(opened)
        self._tasks = [
            asyncio.create_task(self._sweep_now_and_then(opened), name="windlass-cluster-sweep"),
            asyncio.create_task(self._see_nodes_start(), name="windlass-cluster-nodes"),
            asyncio.create_task(self._see_operators_come(), name="windlass-cluster-kinds"),
        ]

    async def plan(self, spec: JobSpec) -> LaunchPlan:
        """What `submit` would make. Raises InvalidRequest, Forbidden and Unavailable."""
        return await self._sending.plan(spec)

    async def submit(self, spec: JobSpec) -> None:
        """Make the job. Raises InvalidRequest, Forbidden, Conflict and Unavailable; nothing is left then."""
        self._submitting.add(spec.id)
        try:
            await self._sending.submit(spec)
        finally:
            self._submitting.discard(spec.id)
            await asyncio.shield(self._stop_if_wished(spec.id))

    def statuses(self) -> list[JobStatus]:
        """All jobs that are known. Reads files."""
        return [job.status() for job in self._live]

    def status(self, job_id: str) -> JobStatus | None:
        """One job. Reads files. Raises Unavailable where the cluster may know it and cannot be asked."""
        job = self._live.get(job_id)
        if job is not None:
            return job.status()
        if self._access.opened is None:
            raise Unavailable(self._access.trouble or NOT_YET)
        return None

    def spec(self, job_id: str) -> JobSpec | None:
        """A job as it was submitted."""
        job = self._live.get(job_id)
        return (
            None if job is None else replace(job.spec, bundle_path=self._bundles / f"{job.spec.bundle_sha256}.tar.gz")
        )

    def holding(self, job_id: str) -> Holding | None:
        """What the pods of a job held and hold; None for a job that is not known."""
        job = self._live.get(job_id)
        if job is None:
            return None
        began_at = job.record.started_at
        return job.holdings.holding(expected=job.spec.workers, ran=began_at is not None, began_at=began_at)

    async def placement(self, job_id: str) -> JobPlacement:
        """Where a job is, or was. Raises NotFound."""
        job = self._existing(job_id)
        opened = self._access.opened
        seen = opened.watch.seen(job_id) if opened is not None else None
        kept = await asyncio.to_thread(job.kept_placement) if seen is None or seen.job is None else None
        if kept is not None:
            return kept
        namespace = opened.namespace if opened is not None else self._settings.namespace or ""
        if seen is None:
            return before_seen(job, namespace=namespace)
        first_line_at = await asyncio.to_thread(job.first_line_at)
        return placement_of(job, seen, namespace=namespace, first_line_at=first_line_at)

    async def offers(self) -> ClusterOffers:
        """What the cluster offers. Raises Unavailable and Forbidden."""
        opened, facts = await self._access.get(), await self._access.facts()
        try:
            return await offers(
                opened.client,
                namespace=opened.namespace,
                server=opened.connection.server,
                facts=facts,
                broker=self._access.broker,
                environ=self._access.environ,
                usual_image=self._settings.image,
            )
        except KubeError as error:
            raise refusal(error, doing="say what it offers") from error

    async def logs(self, job_id: str, *, rank: int | None, offset: int, limit_bytes: int) -> LogSlice:
        """Output from `offset` on. Raises NotFound."""
        job = self._existing(job_id)
        if rank is not None and not 0 <= rank < job.spec.world_size:
            raise NotFound(f"There is no rank {rank}; the job has {job.spec.world_size} ranks, counted from 0.")
        if job.follower is not None and (rank is None or rank >= job.spec.processes_per_worker):
            job.follower.attend()
        ended, folder = job.is_final, job.mirror.folder
        limit_bytes = min(limit_bytes, _LARGEST_PAGE_BYTES)
        if rank is None:
            return await asyncio.to_thread(
                logreader.read_merged, folder, offset=offset, limit_bytes=limit_bytes, ended=ended
            )
        return await asyncio.to_thread(
            logreader.read_rank, folder, rank=rank, offset=offset, limit_bytes=limit_bytes, ended=ended
        )

    def notebook(self, job_id: str) -> Path:
        """Where the executed notebook lies, once there is one. Raises NotFound."""
        return self._existing(job_id).mirror.folder.executed

    def use_folder(self, job_id: str, *, follow: bool) -> Path:
        """Where the ranks' folders are copied to; with `follow`, from all pods for a while. Raises NotFound."""
        job = self._existing(job_id)
        if follow and job.follower is not None and job.spec.workers > 1:
            job.follower.attend()
        return job.mirror.folder.ranks

    async def stop(self, job_id: str, *, reason: str) -> None:
        """End a job for good. Raises NotFound and Forbidden."""
        job = self._live.get(job_id)
        if job is None:
            job = await asyncio.to_thread(self._unconfirmed, job_id)
            if job_id in self._submitting:
                # Its objects come one after the other: `submit` stops it when all are there.
                await asyncio.to_thread(job.wish_end, reason)
                return
        if not job.is_final:
            await self._stopper.stop(job, reason=reason)

    async def remove(self, job_id: str) -> None:
        """Forget a job that has ended. Raises Conflict while it lives, and Unavailable while its objects cannot go."""
        job = self._live.get(job_id)
        if job is None:
            return
        if not job.is_final:
            raise Conflict(f"The job {job_id} has not ended; stop it first.")
        if await asyncio.to_thread(self._access.obstacle) is None:
            opened = await self._access.get()
            try:
                await remove_objects(opened.client, job, namespace=opened.namespace, facts=opened.facts)
            except KubeError as error:
                raise refusal(error, doing="remove the job") from error
        await self._live.forget(job_id)
        await asyncio.to_thread(job.mirror.remove)

    async def mark_recorded(self, job_id: str) -> None:
        """A job's record is in MLflow: say so in the cluster."""
        job = self._live.get(job_id)
        if job is not None:
            await self._marks.mark(self._access.opened, job)

    def counts(self) -> tuple[int, int]:
        """How many jobs run, and how many wait."""
        living = [job.record.state for job in self._live if not job.is_final]
        running = sum(state in (State.RUNNING, State.RESTARTING) for state in living)
        return running, len(living) - running

    async def close(self) -> None:
        """Let go of everything; jobs go on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stopper.close()
        await self._live.close()

    def _existing(self, job_id: str) -> LiveJob:
        job = self._live.get(job_id)
        if job is None:
            raise NotFound(f"There is no job {job_id}; it may have been deleted.")
        return job

    async def _stop_if_wished(self, job_id: str) -> None:
        """A job that was to be stopped while it was sent. Raises Forbidden."""
        try:
            sent = await asyncio.to_thread(self._unconfirmed, job_id)
        except NotFound:
            return
        job = self._live.get(job_id) or sent
        if sent.wish is not None and not job.is_final:
            await self._stopper.stop(job, reason=sent.wish)

    def _unconfirmed(self, job_id: str) -> LiveJob:
        """A job of which it is not known whether the cluster has taken it. Raises NotFound."""
        mirror = self._mirror.job(job_id)
        spec = read_spec(mirror.folder)
        kind = KINDS.get(spec.kind or "") if spec is not None else None
        if spec is None or kind is None:
            raise NotFound(f"There is no job {job_id}; it may have been deleted.")
        return LiveJob(mirror=mirror, spec=spec, kind=kind, record=None)

    async def _sweep_now_and_then(self, opened: Opened) -> None:
        while True:
            await sweep(opened, list(self._live), owner=self._settings.owner)
            await self._marks.try_again(opened)
            await asyncio.sleep(SWEEP_SECONDS)

    async def _see_operators_come(self) -> None:
        """Kinds that are served by now are watched, also where nobody has asked for anything."""
        while True:
            await asyncio.sleep(LOOK_FOR_KINDS_SECONDS)
            with suppress(WindlassError):
                await self._access.facts()

    async def _see_nodes_start(self) -> None:
        """On a hub: which nodes are being started, while a job waits for one."""
        while self._access.broker is not None:
            if any(job.record.state is State.PENDING for job in self._live):
                with suppress(WindlassError):
                    self._live.starting = (await self._access.broker.capacity()).starting
            await asyncio.sleep(STARTING_SECONDS)
