"""Jobs in a Kubernetes cluster: the engine protocol over the cluster's objects and this server's copies of logs.

The cluster is the truth and the disk a copy: whatever server asks, with whatever ledger, finds the same jobs. What
costs time or memory (the client, the watches) is loaded when there is a way to a cluster, and not with the server.
"""

from __future__ import annotations

import asyncio
import importlib
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from windlass.engines.base import EngineCapacity, EngineCheck, JobSpec, JobStatus, LaunchPlan, LogSlice
from windlass.engines.kubernetes.cluster.connected import ClusterAccess, Opened
from windlass.engines.kubernetes.cluster.settings import ClusterSettings
from windlass.engines.kubernetes.would_hold import would_hold
from windlass.errors import Unavailable

if TYPE_CHECKING:
    from windlass.contract.cluster import ClusterOffers, JobPlacement
    from windlass.costs.holding import Held, Holding
    from windlass.engines.kubernetes.jobs.cluster_jobs import ClusterJobs
    from windlass.engines.kubernetes.sending.bundle_upload import OpenStore
    from windlass.engines.kubernetes.sending.planning import Check

FIRST_LOOK_SECONDS = 3.0
"""How long taking over waits for the cluster; what comes later comes by the watch."""
CHECK_SECONDS = 1.0
"""How long the panel's first question waits for it."""
KINDS = ("PyTorchJob", "TrainJob", "Job")


class KubernetesEngine:
    """Runs jobs by the operators of a cluster.

    `data_dir`: where copies lie. `checks`: what looks at a job before it is sent; the usual questions
    when None. `environ`: this process's environment, which leads to the cluster. Everything else is a field of
    `ClusterSettings`.
    """

    name = "kubernetes"
    display_name = "Kubernetes"

    def __init__(
        self,
        *,
        data_dir: Path,
        checks: Sequence[Check] | None = None,
        environ: Mapping[str, str] = os.environ,
        **options: Any,
    ) -> None:
        self._data_dir = data_dir.absolute()
        self._settings = ClusterSettings(**options)
        self._checks = checks
        self._open_store: OpenStore | None = None
        self._access = ClusterAccess(settings=self._settings, on_open=self._opened, environ=environ)
        self._jobs: ClusterJobs | None = None
        self._loading = asyncio.Lock()
        self._changes: asyncio.Queue[JobStatus | None] = asyncio.Queue()

    def keep_bundles_with(self, open_store: OpenStore) -> None:
        """Put bundles that are too large for a ConfigMap into the MLflow that this opens."""
        self._open_store = open_store
        if self._jobs is not None:
            self._jobs.upload.open_store = open_store

    async def check(self) -> EngineCheck:
        """Whether jobs can be sent to a cluster now, and if not, what stands in the way."""
        obstacle = await asyncio.to_thread(self._access.obstacle)
        if obstacle is not None:
            return EngineCheck(available=False, message=obstacle)
        await self._loaded()
        self._access.begin()
        await self._access.settled(CHECK_SECONDS)
        opened = self._access.opened
        if opened is None:
            return EngineCheck(available=False, message=self._access.trouble or "Connecting to the cluster.")
        message = None
        if opened.silent_since is not None:
            message = "The cluster does not answer: jobs are shown as they last stood."
        elif opened.watch.forbidden:
            message = f"Your account may not {', '.join(opened.watch.forbidden)}: some of what happens is not shown."
        kinds = tuple(kind for kind in KINDS if kind in opened.facts.kinds)
        return EngineCheck(available=True, message=message, kinds=kinds)

    async def capacity(self) -> EngineCapacity:
        """How many jobs run and wait; what the cluster has is said by `offers`."""
        if self._jobs is None:
            return EngineCapacity()
        running, queued = self._jobs.counts()
        return EngineCapacity(running=running, queued=queued)

    async def plan(self, spec: JobSpec) -> LaunchPlan:
        """What `submit` would make. Raises InvalidRequest, Forbidden and Unavailable."""
        return await (await self._ready()).plan(spec)

    async def submit(self, spec: JobSpec) -> None:
        """Make the job in the cluster; one of this id that is there already is left as it is.

        Raises InvalidRequest and Forbidden (nothing is left), Unavailable, and Conflict where its bundle is gone.
        """
        await (await self._ready()).submit(spec)

    async def adopt(self) -> list[JobStatus]:
        """All jobs of this user that are known by now. The rest comes by `watch` when the cluster has answered."""
        reachable = await asyncio.to_thread(self._access.obstacle) is None
        if not reachable and not await asyncio.to_thread(self._has_copies):
            return []
        jobs = await self._loaded()
        if reachable:
            self._access.begin()
            await self._access.settled(FIRST_LOOK_SECONDS)
        return await asyncio.to_thread(jobs.statuses)

    async def status(self, job_id: str) -> JobStatus | None:
        """One job as it was last seen; None when there is none. Raises Unavailable where that cannot be known."""
        return await asyncio.to_thread((await self._loaded()).status, job_id)

    async def spec(self, job_id: str) -> JobSpec | None:
        """The job as it was submitted, for a ledger that does not have it."""
        return (await self._loaded()).spec(job_id)

    async def watch(self) -> AsyncIterator[JobStatus]:
        """Statuses as they change, until `close`."""
        while (status := await self._changes.get()) is not None:
            yield status

    async def logs(self, job_id: str, *, rank: int | None, offset: int, limit_bytes: int) -> LogSlice:
        """Output from `offset` on, as far as it was copied. Raises NotFound."""
        jobs = await self._loaded()
        return await jobs.logs(job_id, rank=rank, offset=max(0, offset), limit_bytes=limit_bytes)

    async def executed_notebook(self, job_id: str) -> bytes | None:
        """The executed notebook as it is now; None before there is one. Raises NotFound."""
        path = (await self._loaded()).notebook(job_id)
        with suppress(FileNotFoundError):
            return await asyncio.to_thread(path.read_bytes)
        return None

    async def use_folder(self, job_id: str, *, follow: bool = False) -> Path:
        """Where a job's ranks have their folders, in this server's copy. Raises NotFound."""
        return (await self._loaded()).use_folder(job_id, follow=follow)

    async def notebook_version(self, job_id: str) -> str | None:
        """A token that changes when the executed notebook does: one `stat`. Raises NotFound."""
        try:
            found = (await self._loaded()).notebook(job_id).stat()
        except FileNotFoundError:
            return None
        return f"{found.st_mtime_ns:x}-{found.st_size:x}"

    async def stop(self, job_id: str, *, reason: str) -> None:
        """End the job for good, or as soon as the cluster answers. Raises NotFound and Forbidden."""
        await (await self._loaded()).stop(job_id, reason=reason)

    async def remove(self, job_id: str) -> None:
        """Delete a job that has ended, here and in the cluster. Raises Conflict and Unavailable."""
        await (await self._loaded()).remove(job_id)

    async def offers(self) -> ClusterOffers:
        """What the cluster offers this user. Raises Unavailable and Forbidden."""
        return await (await self._ready()).offers()

    async def placement(self, job_id: str) -> JobPlacement:
        """Where a job is: its pods and its time line. Raises NotFound."""
        return await (await self._loaded()).placement(job_id)

    async def holding(self, job_id: str) -> Holding | None:
        """What a job's pods held and hold; None for a job that is not known."""
        return (await self._loaded()).holding(job_id)

    async def would_hold(self, spec: JobSpec) -> list[Held]:
        """What a job's pods would hold, as far as that is known before they are placed."""
        return would_hold(spec)

    async def mark_recorded(self, job_id: str) -> None:
        """Note on the job in the cluster that its record is in MLflow; what cannot be noted now is tried again."""
        await (await self._loaded()).mark_recorded(job_id)

    async def close(self) -> None:
        """End every watch; jobs go on."""
        self._changes.put_nowait(None)
        if self._jobs is not None:
            await self._jobs.close()
        await self._access.close()

    async def _ready(self) -> ClusterJobs:
        """The inside, where there is a way to a cluster. Raises Unavailable."""
        obstacle = await asyncio.to_thread(self._access.obstacle)
        if obstacle is not None:
            raise Unavailable(obstacle)
        return await self._loaded()

    async def _loaded(self) -> ClusterJobs:
        """The inside, with what lies on the disk."""
        async with self._loading:
            if self._jobs is None:
                module = "windlass.engines.kubernetes.jobs.cluster_jobs"
                try:
                    loaded: Any = await asyncio.to_thread(importlib.import_module, module)
                except ModuleNotFoundError as error:
                    raise Unavailable(f"The Kubernetes engine lacks {error.name}: see `windlass doctor`.") from error
                jobs: ClusterJobs = loaded.ClusterJobs(
                    data_dir=self._data_dir,
                    settings=self._settings,
                    access=self._access,
                    emit=self._changes.put_nowait,
                    open_store=self._open_store,
                    **({} if self._checks is None else {"checks": self._checks}),
                )
                await jobs.load()
                self._jobs = jobs
            return self._jobs

    async def _opened(self, opened: Opened) -> None:
        await (await self._loaded()).open(opened)

    def _has_copies(self) -> bool:
        folder = self._data_dir / "kubernetes" / "jobs"
        return folder.is_dir() and any(folder.iterdir())
