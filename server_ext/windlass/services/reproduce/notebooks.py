"""The notebook of a run: as it ran, and against that of another run.

A job of this server has it in its engine, where it fills while the job runs; else it is in the run's record in MLflow.
What comes from MLflow is somebody's file: it is handed on only when it is a notebook, and nothing in it is trusted.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

from windlass.bundle.archive import read_sent_notebook
from windlass.bundle.diff import diff_notebooks
from windlass.contract.jobs import NotebookDiff
from windlass.errors import ArtifactTooLarge, Conflict, FieldError, InvalidRequest, NotFound, Upstream, WindlassError
from windlass.ledger.jobs import JobLedger
from windlass.services.engines import Engines
from windlass.services.experiments.detail import NOTEBOOK_FILE
from windlass.services.experiments.jobs import jobs_of
from windlass.services.experiments.reading import RunReader
from windlass.services.experiments.records import RunRecord
from windlass.services.experiments.rows import JOB_TAG, notebook_of
from windlass.services.reproduce.record_runs import RecordRuns
from windlass.services.reproduce.sent import NO_JOB, SentBundles
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.tracking import Tracking

MOST_BYTES = 128 << 20


class _Side(NamedTuple):
    ran: dict[str, Any] | None
    """As it ran."""
    sent: dict[str, Any] | None
    """As it was sent."""
    why: str | None
    """What is missing, when both are."""


class RunNotebooks:
    """Notebooks of runs. Methods raise NotFound, Unavailable, MlflowRefused and Upstream."""

    def __init__(
        self,
        *,
        tracking: Tracking,
        runs: RunReader,
        records: RecordRuns,
        ledger: JobLedger,
        engines: Engines,
        sent: SentBundles,
    ) -> None:
        self._tracking = tracking
        self._runs = runs
        self._records = records
        self._ledger = ledger
        self._engines = engines
        self._sent = sent

    async def ran(self, run_id: str, *, owner: str) -> bytes:
        """The notebook as it ran, as nbformat JSON. Raises ArtifactTooLarge, too."""
        record = await self._runs.known(run_id)
        content = await self._ran(record, owner=owner)
        await asyncio.to_thread(_document, content)
        return content

    async def diff(self, run_id: str, other_id: str | None, *, owner: str) -> NotebookDiff:
        """The notebook of one run (`then`) against that of another (`now`). Raises InvalidRequest, too.

        Both as they ran, parameters in a cell of their own; both as they were sent where one has not run.
        """
        if not other_id:
            message = "Name the run to compare with."
            raise InvalidRequest(message, fields=[FieldError(field="with", message=message)])
        records = [await self._runs.known(run_id), await self._runs.known(other_id)]
        then, now = await asyncio.gather(*(self._side(record, owner=owner) for record in records))
        notebook = notebook_of(records[1]) or notebook_of(records[0]) or ""
        if then.ran is None or now.ran is None:
            then, now = await asyncio.gather(
                self._with_sent(records[0], then, owner=owner), self._with_sent(records[1], now, owner=owner)
            )
        pairs = ((then.ran, now.ran), (then.sent, now.sent), (then.ran or then.sent, now.ran or now.sent))
        pair = next(((one, other) for one, other in pairs if one is not None and other is not None), None)
        if pair is None:
            message = " ".join(
                f"Run {record.id[:8]}: {side.why}"
                for record, side in zip(records, (then, now), strict=True)
                if side.ran is None and side.sent is None
            )
            return NotebookDiff(notebook=notebook, exists=False, identical=False, message=message, cells=[])
        cells = await asyncio.to_thread(diff_notebooks, *pair)
        return NotebookDiff(
            notebook=notebook, exists=True, identical=all(cell.change == "same" for cell in cells), cells=cells
        )

    async def _side(self, record: RunRecord, *, owner: str) -> _Side:
        try:
            content = await self._ran(record, owner=owner)
            return _Side(await asyncio.to_thread(_document, content), None, None)
        except (NotFound, Upstream, ArtifactTooLarge) as error:
            if isinstance(error, MlflowRefused):
                raise
            return _Side(None, None, str(error))

    async def _with_sent(self, record: RunRecord, side: _Side, *, owner: str) -> _Side:
        try:
            sent = await self._sent.find(record, owner=owner)
            return side._replace(sent=await asyncio.to_thread(read_sent_notebook, sent.path))
        except (NotFound, Conflict, InvalidRequest, ArtifactTooLarge):
            return side

    async def _ran(self, record: RunRecord, *, owner: str) -> bytes:
        if JOB_TAG not in record.tags:
            raise NotFound(NO_JOB)
        job = (await jobs_of([record], ledger=self._ledger, owner=owner)).get(record.tags[JOB_TAG])
        if job is not None:
            try:
                content = await self._engines.get(job.engine).executed_notebook(job.id)
            except WindlassError:
                # The cluster may be away, or the engine no longer set up: MLflow may have it all the same.
                content = None
            if content is not None:
                return content
        for candidate in [record, *await self._records.beside(record)]:
            content = await self._from_mlflow(candidate)
            if content is not None:
                return content
        raise NotFound(
            "There is no executed notebook of this run (yet): it is put beside the run when its job has ended."
        )

    async def _from_mlflow(self, record: RunRecord) -> bytes | None:
        reads = await self._tracking.reads()
        try:
            content, size = await reads.artifacts.read(run_id=record.id, path=NOTEBOOK_FILE, limit_bytes=MOST_BYTES)
        except MlflowRefused as refused:
            if refused.is_missing:
                return None
            raise
        if len(content) >= MOST_BYTES and size != len(content):
            raise ArtifactTooLarge(f"The notebook as it ran has more than {MOST_BYTES >> 20} MiB: download it.")
        return content


def _document(content: bytes) -> dict[str, Any]:
    """Raises Upstream for what is no notebook."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and isinstance(found.get("cells"), list):
        return found
    raise Upstream(f"What MLflow has as {NOTEBOOK_FILE} is no notebook: it was changed or damaged.")
