"""What was sent for a run: this server's own copy, else the one in MLflow, which is looked through before it is kept.

The bundle in MLflow makes a run reproducible where its job was never known: on another server, or after the ledger was
lost. Whoever can write to MLflow can put anything there, so its hash is held against the run's tag and its content
against what a bundle can be.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from windlass.bundle.archive import read_manifest
from windlass.bundle.received import check_received
from windlass.errors import ArtifactTooLarge, Conflict, NotFound
from windlass.ledger.jobs import JobLedger
from windlass.ledger.tables import JobRow
from windlass.services.bundles import Bundles
from windlass.services.experiments.detail import BUNDLE_FILE
from windlass.services.experiments.jobs import jobs_of
from windlass.services.experiments.reading import RunReader
from windlass.services.experiments.records import RunRecord
from windlass.services.experiments.rows import JOB_TAG
from windlass.services.queries import Download
from windlass.services.reproduce.record_runs import RecordRuns
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.tracking import Tracking

SHA_TAG = "windlass.bundle_sha256"
NO_JOB = "No job of Windlass made this run, so there is no record of what was sent: only what the run logged itself."
_SHA256 = re.compile(r"[0-9a-f]{64}")
_RUNNER_BYTES = 32 << 20


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A bundle on this server's disk."""

    path: Path
    sha256: str
    job: JobRow | None
    """The job it was sent for, if the ledger knows it as the asker's."""
    carrier: RunRecord
    """The run with the job's record: the run itself, or another of its job."""


class SentBundles:
    """Finds what was sent. Methods raise NotFound, Conflict, BundleRefused, Unavailable and MlflowRefused.

    Args:
        most_bytes: what the files of a bundle may have in all.
    """

    def __init__(
        self,
        *,
        tracking: Tracking,
        ledger: JobLedger,
        bundles: Bundles,
        runs: RunReader,
        records: RecordRuns,
        most_bytes: int,
    ) -> None:
        self._tracking = tracking
        self._ledger = ledger
        self._bundles = bundles
        self._runs = runs
        self._records = records
        self._most_bytes = most_bytes + _RUNNER_BYTES

    async def find(self, record: RunRecord, *, owner: str) -> Sent:
        """What was sent for a run, brought here if need be."""
        if JOB_TAG not in record.tags:
            raise NotFound(NO_JOB)
        job = (await jobs_of([record], ledger=self._ledger, owner=owner)).get(record.tags[JOB_TAG])
        sha256 = job.bundle_sha256 if job is not None else record.tags.get(SHA_TAG)
        if sha256 is None or not _SHA256.fullmatch(sha256):
            raise Conflict(
                f"The run's tag {SHA_TAG} is missing or no hash, so that nothing tells what was sent for it. "
                "Send the notebook instead."
            )
        path = self._bundles.path(sha256)
        carrier = record
        if not path.is_file():
            carrier = await self._fetch(record, sha256)
        return Sent(path=path, sha256=sha256, job=job, carrier=carrier)

    async def of_run(self, run_id: str, *, owner: str) -> Download:
        """The same of a run by its id, as a file to hand out."""
        record = await self._runs.known(run_id)
        sent = await self.find(record, owner=owner)
        manifest = await asyncio.to_thread(read_manifest, sent.path)
        stem = PurePosixPath(str(manifest.get("notebook") or "notebook")).stem
        return Download(path=sent.path, file_name=f"{stem}-{record.id}.tar.gz")

    async def manifest(self, sent: Sent) -> dict[str, Any]:
        """What a bundle says of itself; it is looked through again, whoever wrote it."""
        return await asyncio.to_thread(check_received, sent.path, most_bytes=self._most_bytes)

    async def _fetch(self, record: RunRecord, sha256: str) -> RunRecord:
        """Bring the bundle over from MLflow; answers the run that had it."""
        for candidate in [record, *await self._records.beside(record)]:
            if candidate.tags.get(SHA_TAG, sha256) == sha256 and await self._has_fetched(candidate, sha256):
                return candidate
        raise NotFound(
            "What was sent is neither on this server nor among the run's artifacts in MLflow "
            f"({BUNDLE_FILE}): the job may not have ended yet, or its record was removed. Send the notebook instead."
        )

    async def _has_fetched(self, record: RunRecord, sha256: str) -> bool:
        await asyncio.to_thread(self._bundles.prepare)
        descriptor, name = tempfile.mkstemp(prefix=".", suffix=".partial", dir=self._bundles.folder)
        partial = Path(name)
        try:
            try:
                found = await self._copy(record, descriptor)
            except MlflowRefused as refused:
                if refused.is_missing:
                    return False
                raise
            if found != sha256:
                raise Conflict(
                    f"The bundle in MLflow is not what was sent: its hash is {found[:12]}…, and the run's tag says "
                    f"{sha256[:12]}…. It was changed or damaged; send the notebook instead."
                )
            await asyncio.to_thread(check_received, partial, most_bytes=self._most_bytes)
            partial.chmod(0o400)
            partial.replace(self._bundles.path(sha256))
        finally:
            partial.unlink(missing_ok=True)
        return True

    async def _copy(self, record: RunRecord, descriptor: int) -> str:
        """Copy the artifact into a file; answers its sha256."""
        digest = hashlib.sha256()
        size_bytes = 0
        with os.fdopen(descriptor, "wb") as file:
            reads = await self._tracking.reads()
            async with reads.artifacts.stream(run_id=record.id, path=BUNDLE_FILE) as streamed:
                async for chunk in streamed.chunks:
                    size_bytes += len(chunk)
                    if size_bytes > self._most_bytes:
                        raise ArtifactTooLarge(
                            f"The bundle in MLflow is larger than this server takes ({self._most_bytes >> 20} MiB). "
                            "An admin can raise c.WindlassApp.max_bundle_bytes."
                        )
                    digest.update(chunk)
                    await asyncio.to_thread(file.write, chunk)
        return digest.hexdigest()
