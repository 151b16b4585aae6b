"""What several packages of tests share."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, settings

from windlass.tracking.embedded import EmbeddedServer

pytest_plugins = ["tests.cluster.plugin", "tests.metrics.prometheus.plugin"]

# How long an example takes, or to think one up, is the machine's business: on a busy one both vary a hundredfold.
settings.register_profile("windlass", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("windlass")

_PROGRAM = """
import sys
from windlass.runner import mlflow_hook
mlflow_hook.install(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
failed = True
try:
    exec(compile(open("notebook.py").read(), "notebook.py", "exec"), {"__name__": "__main__"})
    failed = False
finally:
    mlflow_hook.finish(failed)
"""

_FORWARD = """
import asyncio, sys
async def copy(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
async def serve(reader, writer):
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]))
    await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer), return_exceptions=True)
async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()
asyncio.run(main())
"""


def pytest_collection_finish() -> None:
    """What was imported by now stays; without it, garbage is found in a tenth of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def nothing_left_open() -> Iterator[None]:
    """What a module leaves open is a failure of its own last test, not of whichever test runs when it is found."""
    yield
    gc.collect()


@dataclass(frozen=True)
class Mlflow:
    """A real embedded MLflow server, asked by plain REST so that the tests do not trust the client under test."""

    data_dir: Path
    embedded: EmbeddedServer
    url: str

    def ask(self, endpoint: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(f"{self.url}/api/2.0/mlflow/{endpoint}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def run(self, run_id: str) -> dict[str, Any]:
        return self.ask(f"runs/get?run_id={run_id}")["run"]

    def artifacts(self, run_id: str, path: str = "") -> list[str]:
        return [file["path"] for file in self.ask(f"artifacts/list?run_id={run_id}&path={path}").get("files", [])]

    def artifact(self, run_id: str, path: str) -> bytes:
        with urllib.request.urlopen(f"{self.url}/get-artifact?path={path}&run_uuid={run_id}", timeout=60) as answer:
            return answer.read()

    def runs_of(self, job_id: str) -> list[dict[str, Any]]:
        """The runs tagged with a job, oldest first, in whatever experiment."""
        experiments = self.ask("experiments/search", {"max_results": 1000})["experiments"]
        body = {
            "experiment_ids": [experiment["experiment_id"] for experiment in experiments],
            "filter": f"tags.`windlass.job_id` = '{job_id}'",
            "order_by": ["attributes.start_time"],
        }
        return self.ask("runs/search", body).get("runs", [])


def end_embedded(embedded: EmbeddedServer) -> None:
    """End a keeper and its MLflow, and see that they are gone."""
    state = embedded.state()
    if state is None or state.pid is None:
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(state.pid)
        process.send_signal(signal.SIGTERM)
        if state.server_pid is not None:  # MLflow waits long for connections that idle; no test has any use for it now
            with contextlib.suppress(ProcessLookupError):
                os.killpg(state.server_pid, signal.SIGKILL)
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(20)
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            process.kill()
    if state.server_pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(state.server_pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mlflow]:
    """One MLflow server for all tests: it takes seconds to start. It may not be up when a test begins."""
    data_dir = tmp_path_factory.mktemp("mlflow")
    # Whatever else is tested for minutes on end, those that come after it find MLflow as it was.
    embedded = EmbeddedServer(data_dir=data_dir, python=sys.executable, keeper_options=("--idle-seconds", "3600"))
    url = embedded.ensure().url
    yield Mlflow(data_dir=data_dir, embedded=embedded, url=url)
    end_embedded(embedded)


def until(condition: Callable[[], Any], *, seconds: float = 60.0, what: str = "it") -> Any:
    """What `condition` gives once it gives something true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {seconds} s")


@contextlib.contextmanager
def forwarding(port: int, to: str) -> Iterator[None]:
    """Another address of the server, which goes away at the end."""
    process = subprocess.Popen([sys.executable, "-c", _FORWARD, str(port), to.rpartition(":")[2]])
    try:
        yield
    finally:
        process.kill()
        process.wait()


@dataclass
class MlflowJob:
    """Notebook code run as the runner runs it as far as MLflow is concerned: a process of its own, with the hook."""

    folder: Path
    job_id: str
    url: str
    wait_seconds: float = 60.0
    output: str = ""
    codes: list[int] = field(default_factory=list)

    def start(self, code: str, *, ranks: int = 1, **variables: str) -> list[subprocess.Popen[str]]:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "program.py").write_text(_PROGRAM)
        (self.folder / "notebook.py").write_text(code)
        context = {"windlass.job_id": self.job_id, "windlass.notebook": "dir/train.ipynb", "mlflow.user": "ada"}
        environment = os.environ | {
            "MLFLOW_TRACKING_URI": self.url,
            "MLFLOW_EXPERIMENT_NAME": f"experiment of {self.job_id}",
            "MLFLOW_RUN_CONTEXT": json.dumps(context),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "GIT_PYTHON_REFRESH": "quiet",
            "OMP_NUM_THREADS": "1",
        }
        environment |= variables
        command = [sys.executable, "program.py", str(self.folder)]
        return [
            subprocess.Popen(
                [*command, str(rank), str(self.wait_seconds)],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for rank in range(ranks)
        ]

    def run(self, code: str, *, ranks: int = 1, ok: bool = True, **variables: str) -> MlflowJob:
        processes = self.start(code, ranks=ranks, **variables)
        try:
            for process in processes:
                self.output += process.communicate(timeout=150)[0]
        finally:
            for process in processes:
                process.kill()
                process.communicate()
        self.codes = [process.returncode for process in processes]
        assert not ok or not any(self.codes), self.output
        return self

    @property
    def runs(self) -> list[dict[str, Any]]:
        """What the ranks wrote down, in order."""
        path = self.folder / "runs.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def mlflow_job(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., MlflowJob]:
    """Makes a job whose MLflow is the session's, or the one at `url`."""

    def make(*, folder: Path | None = None, job_id: str | None = None, url: str | None = None) -> MlflowJob:
        if url is not None:
            return MlflowJob(folder=folder or tmp_path / "job", job_id=job_id or "job", url=url, wait_seconds=0.2)
        known = job_id or f"job-{uuid.uuid4().hex[:8]}"
        return MlflowJob(folder=folder or tmp_path / "job", job_id=known, url=request.getfixturevalue("mlflow").url)

    return make


@pytest.fixture(name="until")
def fixture_until() -> Callable[..., Any]:
    return until


@pytest.fixture(name="end_embedded")
def fixture_end_embedded() -> Callable[[EmbeddedServer], None]:
    return end_embedded
