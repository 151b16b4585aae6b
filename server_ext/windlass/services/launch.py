"""Hands a job of the ledger to its engine: the one place where a JobSpec is made.

Made from the ledger's row alone, so that a job whose server was killed between "written down" and "handed over" can
be handed over by the next one; the engine takes the same id only once.
"""

from __future__ import annotations

from windlass.contract.jobs import GitState, JobRequest
from windlass.engines.base import JobSpec, JobStatus
from windlass.ledger.tables import JobRow
from windlass.services.engines import Engines
from windlass.services.environments import ChosenEnvironment, Environments
from windlass.services.settings import Settings
from windlass.tracking.tracking import Tracking


class Launcher:
    """Starts jobs that the ledger holds."""

    def __init__(self, *, settings: Settings, engines: Engines, environments: Environments, tracking: Tracking) -> None:
        self._settings = settings
        self._engines = engines
        self._environments = environments
        self._tracking = tracking

    @property
    def tracks(self) -> bool:
        """Whether jobs are tracked at all."""
        return self._tracking.mode != "off"

    async def launch(self, row: JobRow, *, environment: ChosenEnvironment | None = None) -> JobStatus | None:
        """Give the job to its engine; returns how it stands. Raises InvalidRequest, StorageFull and Unavailable."""
        engine = self._engines.get(row.engine)
        await engine.submit(await self._spec(row, environment))
        return await engine.status(row.id)

    async def halt(self, row: JobRow, *, reason: str) -> None:
        """End a job that its engine was given after all."""
        await self._engines.get(row.engine).stop(row.id, reason=reason)

    async def _spec(self, row: JobRow, environment: ChosenEnvironment | None) -> JobSpec:
        request = JobRequest.model_validate(row.request)
        if environment is None:
            environment = await self._environments.choose(requested=None, notebook_kernel=row.environment)
        tracking = await self._tracking.job_environment(
            job_id=row.id,
            owner=row.owner,
            notebook=row.notebook,
            bundle_sha256=row.bundle_sha256 or "",
            experiment=row.experiment,
            git=GitState.model_validate(row.git) if row.git else None,
        )
        return JobSpec(
            id=row.id,
            name=row.name,
            owner=row.owner,
            notebook=row.notebook,
            bundle_path=self._settings.bundles_dir / f"{row.bundle_sha256}.tar.gz",
            bundle_sha256=row.bundle_sha256 or "",
            python=row.python,
            environment={**environment.variables, **tracking},
            kind=request.kind,
            cluster=request.cluster.model_dump(mode="json") if request.cluster else None,
            workers=request.workers,
            processes_per_worker=request.processes_per_worker,
            gpus_per_worker=request.gpus_per_worker,
            time_limit_seconds=request.time_limit_seconds,
            retries=request.retries,
            imports=tuple(row.imports or ()),
            created_at=row.created_us / 1_000_000,
        )
