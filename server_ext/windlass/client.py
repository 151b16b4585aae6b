"""The small REST client that the magics and the command line use: the contract's models over HTTP, nothing more.

It finds the servers of this user by their runtime files, or starts one without a browser. It imports nothing of the
server's inside, so that a kernel of any environment can have it.
"""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx
from pydantic import ValidationError

from windlass.contract.base import JsonValue, WireModel
from windlass.contract.cluster import JobPlacement
from windlass.contract.info import CheckList, Info
from windlass.contract.jobs import (
    Job,
    JobList,
    JobRequest,
    JobState,
    LogPage,
    NotebookDiff,
    RerunRequest,
    StopRequest,
)
from windlass.contract.preview import EnvironmentList, JobPreview
from windlass.contract.problem import Problem
from windlass.errors import Unavailable
from windlass.runtime_files import ServerRecord, data_dir, living_records, runtime_dir

__all__ = ["ClientError", "ServerRecord", "WindlassClient", "choose_server", "discover", "start_headless"]

M = TypeVar("M", bound=WireModel)

PREFIX = "windlass/v1/"
CONNECT_SECONDS = 5.0
READ_SECONDS = 120.0
DISCOVERY_SECONDS = 5.0
START_SECONDS = 60.0
LOG_LINES_SHOWN = 5
_TOKEN = re.compile(r"token=[^&\s]+")

_started: list[subprocess.Popen[bytes]] = []
"""Kept, so that those that have ended are reaped when the next child is started; a kernel may live for weeks."""


class ClientError(Exception):
    """A server refused (`status` and `problem` say why), or could not be reached (`status` is None)."""

    def __init__(self, message: str, *, status: int | None = None, problem: Problem | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.problem = problem


class WindlassClient:
    """One server's REST interface. May be used by several threads. Every method raises ClientError."""

    def __init__(self, record: ServerRecord, *, timeout_seconds: float = READ_SECONDS) -> None:
        self.record = record
        self._http = httpx.Client(
            base_url=record.url.rstrip("/") + "/" + PREFIX,
            headers={"Authorization": f"windlass {record.token}"},
            timeout=httpx.Timeout(timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds)),
            # A certificate names the server's public host, never the loopback address; who holds the token's file
            # knows whom it talks to.
            verify=not _is_loopback(record.url),
            trust_env=not _is_loopback(record.url),
        )

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def info(self) -> Info:
        """What the server can do."""
        return self._model(Info, self._ask("GET", "info"))

    def doctor(self) -> CheckList:
        """The server's checks of itself."""
        return self._model(CheckList, self._ask("GET", "doctor"))

    def environments(self) -> EnvironmentList:
        """Where a job can run."""
        return self._model(EnvironmentList, self._ask("GET", "environments"))

    def preview(self, request: JobRequest) -> JobPreview:
        """What would be sent."""
        return self._model(JobPreview, self._ask("POST", "jobs/preview", body=request))

    def submit(self, request: JobRequest, *, key: str | None = None) -> Job:
        """Send a notebook; the same key makes one job, however often it is sent."""
        return self._model(Job, self._ask("POST", "jobs", body=request, headers=_key(key)))

    def jobs(
        self,
        *,
        state: Sequence[JobState | str] | None = None,
        notebook: str | None = None,
        q: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> JobList:
        """A page of jobs, newest first."""
        query = {"notebook": notebook, "q": q, "limit": limit, "cursor": cursor}
        states = [JobState(entry).value for entry in state or ()]
        return self._model(JobList, self._ask("GET", "jobs", query={**query, "state": states or None}))

    def job(self, job_id: str) -> Job:
        """One job."""
        return self._model(Job, self._ask("GET", _job(job_id)))

    def stop(self, job_id: str, reason: str | None = None) -> Job:
        """End a job for good."""
        return self._model(Job, self._ask("POST", _job(job_id, "stop"), body=StopRequest(reason=reason)))

    def rerun(self, job_id: str, parameters: dict[str, JsonValue] | None = None, *, key: str | None = None) -> Job:
        """Run the same code again; `parameters` replace the old ones unless None."""
        body = RerunRequest(parameters=parameters)
        return self._model(Job, self._ask("POST", _job(job_id, "rerun"), body=body, headers=_key(key)))

    def remove(self, job_id: str) -> None:
        """Forget a job that has ended."""
        self._ask("DELETE", _job(job_id))

    def logs(self, job_id: str, *, rank: int | None = None, offset: int = 0, limit_bytes: int | None = None) -> LogPage:
        """A part of a job's output."""
        query = {"rank": rank, "offset": offset, "limit_bytes": limit_bytes}
        return self._model(LogPage, self._ask("GET", _job(job_id, "logs"), query=query))

    def notebook(self, job_id: str) -> dict[str, Any]:
        """The executed notebook (nbformat JSON) as it is now; status 404 before there is one."""
        content: dict[str, Any] = self._ask("GET", _job(job_id, "notebook")).json()
        return content

    def placement(self, job_id: str) -> JobPlacement:
        """Where a job is in its cluster. Raises NotFound for one that runs in none."""
        return self._model(JobPlacement, self._ask("GET", _job(job_id, "placement")))

    def diff(self, job_id: str) -> NotebookDiff:
        """The notebook now against the notebook as sent."""
        return self._model(NotebookDiff, self._ask("GET", _job(job_id, "diff")))

    def download_bundle(self, job_id: str, target: Path) -> Path:
        """Write what was sent (a tar.gz) to `target`."""
        target.write_bytes(self._ask("GET", _job(job_id, "bundle")).content)
        return target

    def get(self, model: type[M], path: str, *, query: Mapping[str, Any] | None = None) -> M:
        """What is at a path below `/windlass/v1/`."""
        return self._model(model, self._ask("GET", path, query=query))

    def text(self, path: str, *, query: Mapping[str, Any] | None = None, media_type: str) -> str:
        """What is at a path below `/windlass/v1/`, as text of some kind."""
        return self._ask("GET", path, query=query, headers={"Accept": media_type}).text

    def post(self, model: type[M], path: str, *, body: WireModel, key: str | None = None) -> M:
        """What is answered to a body sent to a path below `/windlass/v1/`."""
        return self._model(model, self._ask("POST", path, body=body, headers=_key(key)))

    def _ask(
        self,
        method: str,
        path: str,
        *,
        body: WireModel | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        sent = {**(headers or {}), **({"Content-Type": "application/json"} if body else {})}
        wanted = {name: value for name, value in (query or {}).items() if value is not None}
        content = body.model_dump_json() if body else None
        try:
            answer = self._http.request(method, path, content=content, params=wanted or None, headers=sent)
        except (httpx.HTTPError, RuntimeError) as error:  # RuntimeError: the client was closed meanwhile
            why = str(error) or type(error).__name__
            raise ClientError(f"{self.record.url} could not be reached ({why}).") from error
        if answer.is_success:
            return answer
        raise _refusal(answer)

    def _model(self, model: type[M], answer: httpx.Response) -> M:
        try:
            return model.model_validate_json(answer.content)
        except ValidationError as error:
            raise ClientError(
                "The server's answer is not understood: its Windlass is of another version than this one. Install "
                "the same version in both environments, and restart JupyterLab.",
                status=answer.status_code,
            ) from error


def discover() -> list[ServerRecord]:
    """The servers of this user on this machine that answer, the newest first."""
    records = living_records()
    if not records:
        return []
    with ThreadPoolExecutor(len(records)) as pool:
        return [record for record, answers in zip(records, pool.map(_answers, records), strict=True) if answers]


def choose_server(path: Path) -> ServerRecord | None:
    """The server whose root folder holds `path`: the closest root, then one with a browser, then the newest."""
    path = path.resolve()
    holding = [record for record in discover() if path.is_relative_to(Path(record.root_dir).resolve())]
    holding.sort(key=lambda record: (-len(Path(record.root_dir).resolve().parts), record.headless))
    return holding[0] if holding else None


def start_headless(root: Path) -> ServerRecord:
    """Start a server without a browser for `root`, or find the one that was started meanwhile.

    Raises Unavailable, with the last lines of its log, when it does not come up.
    """
    root = root.resolve()
    with _one_at_a_time():
        running = next((record for record in discover() if Path(record.root_dir).resolve() == root), None)
        return running or _start(root)


def _start(root: Path) -> ServerRecord:
    log = data_dir() / "headless.log"
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Jupyter prints its address there, token and all.
    log.unlink(missing_ok=True)
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "windlass.headless", "--root", str(root)],
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _started.append(process)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        record = next((record for record in living_records() if record.pid == process.pid), None)
        if record is not None and _answers(record):
            return record
        time.sleep(0.1)
    ended = process.poll() is not None
    if not ended:
        process.terminate()
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES_SHOWN:]
    raise Unavailable(
        f"A server for {root} {'ended at once' if ended else 'did not come up'}. Its log, {log}, ends: "
        + (_TOKEN.sub("token=…", " / ".join(line.strip() for line in lines)) or "(nothing)")
    )


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """So that two commands at once start one server."""
    folder = runtime_dir()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "windlass-headless.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _answers(record: ServerRecord) -> bool:
    try:
        with closing(WindlassClient(record, timeout_seconds=DISCOVERY_SECONDS)) as client:
            client.info()
    except ClientError as error:
        # Its process lives: one that listens and is slow is busy, one that refuses the connection is coming or going.
        is_busy = isinstance(error.__cause__, httpx.ReadTimeout)
        return is_busy or error.status not in (None, 401, 403, 404)
    return True


def _refusal(answer: httpx.Response) -> ClientError:
    try:
        problem = Problem.model_validate_json(answer.content)
    except ValidationError:
        words = f"The server answered {answer.status_code} {answer.reason_phrase}."
        return ClientError(words, status=answer.status_code)
    return ClientError(problem.detail, status=answer.status_code, problem=problem)


def _is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "::1", "localhost")


def _job(job_id: str, what: str = "") -> str:
    return "/".join(filter(None, ("jobs", quote(job_id, safe=""), what)))


def _key(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Idempotency-Key": key}
