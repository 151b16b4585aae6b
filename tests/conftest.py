"""What several packages of tests share."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from windlass.tracking.embedded import EmbeddedServer


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
    embedded = EmbeddedServer(data_dir=data_dir, python=sys.executable)
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
