"""Which server to ask, and what to do when it goes away: for the command line and the magics alike.

All servers of one user share one ledger and one queue, so any of them can answer for any job; only the path of a
notebook needs one whose root folder holds it. It shows nothing: `say` gets the sentences a person may want to read.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from windlass.client import ClientError, ServerRecord, WindlassClient, choose_server, discover, start_headless
from windlass.contract.base import JsonValue
from windlass.contract.jobs import Job, JobList, JobRequest, LogPage, LogSegment
from windlass.errors import InvalidRequest, NotFound, Unavailable

Answer = TypeVar("Answer")
Say = Callable[[str], None]

_PATIENCE_SECONDS = 15.0
_RETRY_SECONDS = 0.5
_POLL_SECONDS = 0.4
_MOST_CANDIDATES = 5
_PAGE = 500


def project_root(path: Path) -> Path:
    """Where a server for this notebook (or folder) should be rooted: the Git work tree, else the folder."""
    folder = path if path.is_dir() else path.parent
    for candidate in (folder, *folder.parents):
        if (candidate / ".git").exists():
            return candidate
    return folder


def connect(*, near: Path, say: Say, server_pid: int | None = None) -> Connection:
    """A connection to a server that can take on `near`, a notebook or a folder.

    That is the server with `server_pid` when it runs, else the one whose root holds `near`, else (for a folder) any,
    else a headless one that is started now.

    Raises:
        Unavailable: no server runs and none could be started.
    """
    near = near.resolve()
    servers = discover()
    record = next((server for server in servers if server.pid == server_pid), None) or choose_server(near)
    if record is None and near.is_dir():
        record = next(iter(servers), None)
    if record is None:
        root = project_root(near)
        say(f"No server runs for {root}: starting one without a browser.")
        record = start_headless(root)
    return Connection(record=record, say=say)


class Connection:
    """A server that answers. When it goes away, another one of this user takes its place: jobs outlive servers.

    May be used by several threads.
    """

    def __init__(self, *, record: ServerRecord, say: Say) -> None:
        self.record = record
        self._client = WindlassClient(record)
        self._say = say
        self._changing = threading.Lock()

    def close(self) -> None:
        """Let go of the connection; the server goes on."""
        self._client.close()

    def ask(self, question: Callable[[WindlassClient], Answer], *, start_server: bool = True) -> Answer:
        """The answer to a question that may be asked twice; a new server is started for it only if `start_server`.

        Raises:
            ClientError: the server refused it.
            Unavailable: no server could be reached, nor started.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            client = self._client
            try:
                return question(client)
            except ClientError as error:
                if error.status is not None:
                    raise
                if time.monotonic() > deadline:
                    raise Unavailable(f"The server at {self.record.url} does not answer: {error}") from error
            time.sleep(_RETRY_SECONDS)
            self._change_server(instead_of=client, start_server=start_server)

    def _change_server(self, *, instead_of: WindlassClient, start_server: bool) -> None:
        with self._changing:
            if self._client is not instead_of:
                return
            root = Path(self.record.root_dir)
            record = choose_server(root)
            if record is None and start_server:
                self._say("The server went away: starting one without a browser. The jobs go on.")
                record = start_headless(root)
            if record is not None and record != self.record:
                self.record, self._client = record, WindlassClient(record)

    def relative_path(self, notebook: Path) -> str:
        """The notebook's path as the server knows it.

        Raises:
            InvalidRequest: it lies outside the server's root folder.
        """
        root = Path(self.record.root_dir)
        for path, folder in ((notebook.absolute(), root), (notebook.resolve(), root.resolve())):
            if path.is_relative_to(folder) and ".." not in path.parts:
                return path.relative_to(folder).as_posix()
        raise InvalidRequest(
            f"{notebook} lies outside {root}, the folder of the server at {self.record.url}. "
            "Move it there, or start JupyterLab in a folder above it."
        )

    def submit(self, request: JobRequest) -> Job:
        """Send a job; a submission that is repeated because the server went away makes one job all the same."""
        key = str(uuid.uuid4())
        return self.ask(lambda client: client.submit(request, key=key))

    def job(self, beginning: str) -> Job:
        """The job with this id, or the only one whose id begins so.

        Raises:
            NotFound: there is none.
            InvalidRequest: there are several; the sentence names them.
        """
        found = [job for job in self._matching(beginning) if job.id.startswith(beginning)] if beginning else []
        exact = [job for job in found if job.id == beginning]
        if exact or len(found) == 1:
            return (exact or found)[0]
        if not found:
            raise NotFound(f"There is no job whose id begins with {beginning!r}. `windlass jobs` lists them.")
        names = ", ".join(job.id for job in found[:_MOST_CANDIDATES])
        more = " ..." if len(found) > _MOST_CANDIDATES else ""
        raise InvalidRequest(f"{beginning!r} is the beginning of {len(found)} jobs: {names}{more}. Write more of it.")

    def _matching(self, beginning: str) -> Iterator[Job]:
        cursor: str | None = None
        while True:
            page = self.ask(partial(_jobs_page, beginning=beginning, cursor=cursor))
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def latest_job(self) -> Job:
        """The job sent last. Raises NotFound when there is none yet."""
        page = self.ask(lambda client: client.jobs(limit=1))
        if not page.items:
            raise NotFound("There are no jobs yet. `windlass train NOTEBOOK` sends one.")
        return page.items[0]

    def rerun(self, job_id: str, *, parameters: dict[str, JsonValue] | None) -> Job:
        """Run a job again; as `submit`, a repeated question makes one job."""
        key = str(uuid.uuid4())
        return self.ask(lambda client: client.rerun(job_id, parameters, key=key))

    def output(self, job_id: str, *, rank: int | None = None, until_end: bool = False) -> Iterator[LogSegment]:
        """The job's output from its beginning: what there is by now, or all of it until the job ends."""
        if until_end:
            for news in self.follow(job_id, log=True, rank=rank):
                if isinstance(news, LogSegment):
                    yield news
        else:
            yield from self._pages(job_id, rank=rank, offset=0)

    def follow(
        self,
        job_id: str,
        *,
        log: bool = False,
        rank: int | None = None,
        pause: Callable[[float], object] = time.sleep,
    ) -> Iterator[Job | LogSegment]:
        """The job as it is, again and again until it has ended; and its output as it comes, to the last line."""
        offset = 0
        while True:
            job = self.ask(lambda client: client.job(job_id))
            yield job
            if log:
                offset = yield from self._pages(job_id, rank=rank, offset=offset)
            if job.state.is_final:
                return
            pause(_POLL_SECONDS)

    def _pages(self, job_id: str, *, rank: int | None, offset: int) -> Generator[LogSegment, None, int]:
        """Yield the output from `offset` on, and return where it ends by now."""
        while True:
            page = self.ask(partial(_log_page, job_id=job_id, rank=rank, offset=offset))
            yield from page.segments
            if page.next_offset == offset:
                return offset
            offset = page.next_offset


def _log_page(client: WindlassClient, *, job_id: str, rank: int | None, offset: int) -> LogPage:
    return client.logs(job_id, rank=rank, offset=offset)


def _jobs_page(client: WindlassClient, *, beginning: str, cursor: str | None) -> JobList:
    return client.jobs(q=beginning, limit=_PAGE, cursor=cursor)
