"""What is asked about jobs: lists, one job, its output, its notebooks. A user finds only their own."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from windlass.bundle.archive import read_sent_notebook
from windlass.bundle.diff import diff_notebooks
from windlass.contract.jobs import Job, JobList, JobState, LogPage, NotebookDiff
from windlass.engines.base import Engine
from windlass.errors import InvalidRequest, NotFound
from windlass.ledger.jobs import JobFilter, JobLedger
from windlass.services.bundles import Bundles
from windlass.services.cursors import page_cursor, read_page_cursor
from windlass.services.engines import Engines
from windlass.services.logs import page_of
from windlass.services.paths import RootFolder
from windlass.services.present import present


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file to hand out."""

    path: Path
    file_name: str


class JobQueries:
    """Answers about jobs. Every method raises NotFound for a job that is not the owner's."""

    def __init__(self, *, ledger: JobLedger, engines: Engines, bundles: Bundles, root: RootFolder) -> None:
        self._ledger = ledger
        self._engines = engines
        self._bundles = bundles
        self._root = root

    async def list(
        self,
        *,
        owner: str,
        states: tuple[JobState, ...] = (),
        notebook: str | None = None,
        text: str | None = None,
        limit: int,
        cursor: str | None = None,
    ) -> JobList:
        """A page of jobs, newest first. Raises InvalidRequest for a cursor that is none."""
        before = None if cursor is None else read_page_cursor(cursor)
        wanted = JobFilter(
            owner=owner, states=tuple(state.value for state in states), notebook=notebook, text=text or None
        )
        rows = await self._ledger.page(wanted, limit=limit + 1, before=before)
        more = len(rows) > limit
        rows = rows[:limit]
        return JobList(
            items=[present(row) for row in rows],
            next_cursor=page_cursor(rows[-1].created_us, rows[-1].id) if more else None,
        )

    async def get(self, job_id: str, *, owner: str) -> Job:
        """One job."""
        return present(await self._ledger.get(job_id, owner=owner))

    async def engine_of(self, job_id: str, *, owner: str) -> Engine:
        """The engine that a job runs on."""
        row = await self._ledger.get(job_id, owner=owner)
        return self._engines.get(row.engine)

    async def logs(self, job_id: str, *, owner: str, rank: int | None, offset: int, limit_bytes: int) -> LogPage:
        """A part of a job's output."""
        engine = await self.engine_of(job_id, owner=owner)
        return page_of(await engine.logs(job_id, rank=rank, offset=offset, limit_bytes=limit_bytes))

    async def notebook_version(self, job_id: str, *, owner: str) -> str:
        """Changes when the executed notebook does. Raises NotFound before there is one."""
        version = await (await self.engine_of(job_id, owner=owner)).notebook_version(job_id)
        if version is None:
            raise _no_notebook()
        return version

    async def notebook(self, job_id: str, *, owner: str) -> bytes:
        """The executed notebook as it is now. Raises NotFound before there is one."""
        content = await (await self.engine_of(job_id, owner=owner)).executed_notebook(job_id)
        if content is None:
            raise _no_notebook()
        return content

    async def bundle(self, job_id: str, *, owner: str) -> Download:
        """What was sent. Raises Conflict when it is gone."""
        row = await self._ledger.get(job_id, owner=owner)
        stem = PurePosixPath(row.notebook).stem
        path = self._bundles.existing(row.bundle_sha256)
        return Download(path=path, file_name=f"{stem}-{row.id}.tar.gz")

    async def diff(self, job_id: str, *, owner: str) -> NotebookDiff:
        """The notebook now against the notebook as sent. Raises Conflict when what was sent is gone."""
        row = await self._ledger.get(job_id, owner=owner)
        return await asyncio.to_thread(self._diff, row.notebook, self._bundles.existing(row.bundle_sha256))

    def _diff(self, notebook: str, bundle: Path) -> NotebookDiff:
        then = read_sent_notebook(bundle)
        try:
            now = json.loads((self._root.path / self._root.notebook(notebook)).read_bytes())
            cells = diff_notebooks(then, now)
        except (NotFound, InvalidRequest) as error:
            return _no_diff(notebook, str(error))
        except (OSError, ValueError, RecursionError):
            return _no_diff(notebook, f"{notebook} cannot be read as a notebook now.")
        return NotebookDiff(
            notebook=notebook,
            exists=True,
            identical=all(cell.change == "same" for cell in cells),
            cells=cells,
        )


def _no_notebook() -> NotFound:
    return NotFound("There is no executed notebook yet: it appears when the first cell runs.")


def _no_diff(notebook: str, why: str) -> NotebookDiff:
    return NotebookDiff(notebook=notebook, exists=False, identical=False, message=why, cells=[])
