"""Jobs that an engine knows and the ledger does not, written down again.

The engine's own record of a job and the bundle's manifest hold nearly all that the ledger had; what they do not
(an environment's display name, a rerun's origin) is left open rather than guessed.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import PurePosixPath
from typing import Any, Protocol, runtime_checkable

from windlass.bundle.archive import read_manifest
from windlass.contract.cluster import ClusterOptions
from windlass.contract.jobs import GitState, JobRequest
from windlass.engines.base import Engine, JobSpec, JobStatus
from windlass.errors import WindlassError
from windlass.ledger.jobs import JobLedger
from windlass.ledger.tables import JobRow
from windlass.services.bundles import Bundles
from windlass.services.folding import fold

REBUILT = "The job ledger was damaged; this entry was rebuilt from the job's own files."
FOUND = "This job was not in the ledger; its entry was made from the job's own files."

_log = logging.getLogger(__name__)


@runtime_checkable
class RemembersSpecs(Protocol):
    """An engine that can still say what a job was submitted as."""

    async def spec(self, job_id: str) -> JobSpec | None:
        """The job as submitted; None when unknown."""
        ...


class Rebuild:
    """Fills the ledger from an engine."""

    def __init__(self, *, ledger: JobLedger, bundles: Bundles, engine: Engine, damaged: bool) -> None:
        self._ledger = ledger
        self._bundles = bundles
        self._engine = engine
        self._notice = REBUILT if damaged else FOUND

    async def write_down(self, statuses: list[JobStatus]) -> None:
        """Write down those of an engine's jobs that the ledger lacks and nobody has deleted."""
        if not isinstance(self._engine, RemembersSpecs):
            return
        known = await self._ledger.known_ids()
        lost = [(await self._engine.spec(status.job_id), status) for status in statuses if status.job_id not in known]
        rows = [await asyncio.to_thread(self._row, spec, status) for spec, status in lost if spec is not None]
        if rows:
            await self._ledger.insert_found(rows)
            _log.info("%d jobs of the %s engine were written down again.", len(rows), self._engine.name)

    def _row(self, spec: JobSpec, status: JobStatus) -> JobRow:
        manifest = self._manifest(spec)
        path = self._bundles.path(spec.bundle_sha256)
        row = JobRow(
            id=spec.id,
            owner=spec.owner,
            name=spec.name,
            notebook=spec.notebook,
            experiment=spec.environment.get("MLFLOW_EXPERIMENT_NAME") or PurePosixPath(spec.notebook).stem,
            engine=self._engine.name,
            kind=status.kind or spec.kind or "python",
            request=_request(spec, manifest).model_dump(mode="json"),
            python=spec.python,
            bundle_sha256=spec.bundle_sha256,
            bundle_bytes=path.stat().st_size if path.is_file() else None,
            git=_git(manifest),
            imports=list(spec.imports),
            state="submitted",
            status={},
            sent_notices=[self._notice],
            runs=[],
            created_us=int(spec.created_at * 1_000_000),
        )
        for name, value in fold(status).values.items():
            setattr(row, name, value)
        return row

    def _manifest(self, spec: JobSpec) -> dict[str, Any]:
        try:
            return read_manifest(self._bundles.path(spec.bundle_sha256))
        except (WindlassError, OSError) as error:
            _log.info("The bundle of job %s cannot be read: %s", spec.id, error)
            return {}


def _request(spec: JobSpec, manifest: dict[str, Any]) -> JobRequest:
    parameters = manifest.get("parameters")
    return JobRequest(
        notebook=spec.notebook,
        name=spec.name,
        kind=spec.kind,
        cluster=ClusterOptions.model_validate(spec.cluster) if spec.cluster else None,
        workers=spec.workers,
        processes_per_worker=spec.processes_per_worker,
        gpus_per_worker=spec.gpus_per_worker,
        parameters=parameters if isinstance(parameters, dict) else {},
        time_limit_seconds=spec.time_limit_seconds,
        retries=spec.retries,
    )


def _git(manifest: dict[str, Any]) -> dict[str, Any] | None:
    git = manifest.get("git")
    if not isinstance(git, dict):
        return None
    return {name: git.get(name) for name in GitState.model_fields}
