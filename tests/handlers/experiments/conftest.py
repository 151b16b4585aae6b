"""A Jupyter server whose MLflow, a real one, stands behind a proxy that can fail; and runs to find there."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from tests.conftest import Mlflow, until
from tests.jupyter import Server, running
from tests.mlflow_proxy import MlflowProxy, proxying

PASSWORD = "s3cret-of-the-tracking-server"


@dataclass
class Panel:
    """What a browser asks, and what stands behind it."""

    server: Server
    http: httpx.Client
    proxy: MlflowProxy
    mlflow: Mlflow
    made: list[str] = field(default_factory=list)

    def get(self, path: str, status: int = 200, **query: Any) -> Any:
        answer = self.http.get(path, params=query)
        assert answer.status_code == status, answer.text
        return answer.json()

    def post(self, path: str, status: int = 200, **body: Any) -> Any:
        answer = self.http.post(path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def search(self, experiment: str, status: int = 200, **more: Any) -> Any:
        return self.post("/runs/search", status, experiment_ids=[experiment], **more)

    def experiment(self, name: str = "") -> str:
        """Make an experiment."""
        made = self.mlflow.ask("experiments/create", {"name": f"{name or 'experiment'} {uuid.uuid4().hex[:6]}"})
        return str(made["experiment_id"])

    def run(
        self,
        experiment: str,
        name: str = "run",
        *,
        metrics: dict[str, Any] | None = None,
        params: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
        points: list[dict[str, Any]] | None = None,
        ended: bool = True,
        seconds: float = 60,
    ) -> str:
        """Make a run."""
        began = int(time.time() * 1000)
        body = {"experiment_id": experiment, "run_name": name, "start_time": began, "tags": pairs(tags or {})}
        run_id = str(self.mlflow.ask("runs/create", body)["run"]["info"]["run_id"])
        entries = [
            {"key": key, "value": value, "timestamp": began, "step": 0} for key, value in (metrics or {}).items()
        ]
        entries += points or []
        for at in range(0, len(entries), 1000):
            self.mlflow.ask("runs/log-batch", {"run_id": run_id, "metrics": entries[at : at + 1000]})
        for some in [pairs(params or {})]:
            self.mlflow.ask("runs/log-batch", {"run_id": run_id, "params": some})
        if ended:
            end = began + int(seconds * 1000)
            self.mlflow.ask("runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": end})
        return run_id


def pairs(values: dict[str, str]) -> list[dict[str, str]]:
    """As MLflow has keys and values."""
    return [{"key": key, "value": value} for key, value in values.items()]


@pytest.fixture(scope="package")
def panel(tmp_path_factory: pytest.TempPathFactory, mlflow: Mlflow) -> Iterator[Panel]:
    """One for all tests of the package; each makes experiments of its own."""
    base = tmp_path_factory.mktemp("panel")
    until(lambda: _is_up(mlflow), what="MLflow's start")
    with proxying(mlflow.url) as proxy:
        address = proxy.url.replace("http://", f"http://ada:{PASSWORD}@")
        with running(base, f"--WindlassApp.tracking_uri={address}") as server, server.client() as http:
            yield Panel(server=server, http=http, proxy=proxy, mlflow=mlflow)


def _is_up(mlflow: Mlflow) -> bool:
    try:
        return httpx.get(f"{mlflow.url}/health", timeout=10).status_code == 200
    except httpx.HTTPError:
        return False
