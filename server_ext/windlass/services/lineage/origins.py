"""What a run came from: its job, what that sent, and the notebook that this was made of."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timezone

from windlass.contract.lineage import LineageKind, LineageNode
from windlass.errors import InvalidRequest, NotFound
from windlass.ledger.tables import JobRow
from windlass.services.experiments.records import RunRecord
from windlass.services.experiments.rows import COST, GPU_HOURS, JOB_TAG, notebook_of, shortened
from windlass.services.lineage.chain import Chain
from windlass.services.paths import RootFolder
from windlass.services.present import present
from windlass.services.reproduce.sent import SHA_TAG

_UNKNOWN_JOB = "Not a job of this server's list: sent from another server, or deleted."
_MOVED = "Not in this server's folder: moved, or of another server."


class Origins:
    """Adds to a chain what a run came from."""

    def __init__(self, *, root: RootFolder) -> None:
        self._root = root

    async def add(self, chain: Chain, record: RunRecord, jobs: Mapping[str, JobRow]) -> int | None:
        """Put in the links before a run; answers the place of the last. None when nothing tells what made it."""
        job_id = record.tags.get(JOB_TAG)
        job = jobs.get(job_id or "")
        place: int | None = None
        notebook = job.notebook if job is not None else notebook_of(record)
        if notebook:
            place = chain.add(await self._notebook(notebook, record))
        sha256 = job.bundle_sha256 if job is not None else record.tags.get(SHA_TAG)
        if sha256:
            place = chain.add(_bundle(sha256, job), after=place)
        return chain.add(_job(job_id, job, record), after=place) if job_id else place

    async def _notebook(self, path: str, record: RunRecord) -> LineageNode:
        try:
            await asyncio.to_thread(self._root.notebook, path)
            missing = False
        except (NotFound, InvalidRequest):
            missing = True
        commit = record.tags.get("mlflow.source.git.commit")
        detail = f"commit {commit[:10]}" if commit else None
        return LineageNode(
            kind=LineageKind.NOTEBOOK,
            id=path,
            label=shortened(path.rpartition("/")[2] or path),
            detail=_MOVED if missing else detail,
            missing=missing,
        )


def _bundle(sha256: str, job: JobRow | None) -> LineageNode:
    size = f"{job.bundle_bytes / 1024:,.0f} KiB" if job is not None and job.bundle_bytes is not None else None
    return LineageNode(kind=LineageKind.BUNDLE, id=shortened(sha256), label=sha256[:12], detail=size)


def _job(job_id: str, row: JobRow | None, record: RunRecord) -> LineageNode:
    """The ledger's job with what it cost: as the ledger knows it, else as its record in MLflow says."""
    if row is None:
        return LineageNode(
            kind=LineageKind.JOB,
            id=shortened(job_id),
            label=shortened(record.tags.get("windlass.job_name") or job_id),
            detail=_UNKNOWN_JOB,
            cost_usd=record.number(COST),
            gpu_hours=record.number(GPU_HOURS),
            missing=True,
        )
    job = present(row)
    return LineageNode(
        kind=LineageKind.JOB,
        id=job.id,
        label=shortened(job.name),
        detail=job.state.value,
        at=datetime.fromtimestamp(row.created_us / 1_000_000, tz=timezone.utc),
        cost_usd=job.cost_usd if job.cost_usd is not None else record.number(COST),
        gpu_hours=job.gpu_hours if job.gpu_hours is not None else record.number(GPU_HOURS),
    )
