"""A real MLflow server with its basic-auth app: who may do what there is MLflow's word, not ours."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from tests.conftest import until

ADMIN, HUB = "admin", "hub-service"
PASSWORD = "a-long-password-1"


@dataclass
class BasicAuthMlflow:
    """MLflow, asked by plain REST. Accounts: `admin`, `hub-service` (an admin too), and those that tests make."""

    url: str
    folder: Path
    known: set[str] = field(default_factory=set)

    def call(self, method: str, path: str, *, user: str = ADMIN, **options: Any) -> httpx.Response:
        """A request as an account, whatever it answers."""
        return httpx.request(method, f"{self.url}/api/{path}", auth=(user, PASSWORD), timeout=60, **options)

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """The same, and it must succeed."""
        answer = self.call(method, path, **options)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def account(self, name: str, *, admin: bool = False) -> None:
        """An account, made once."""
        if name not in self.known:
            self.known.add(name)
            self.ask("POST", "2.0/mlflow/users/create", json={"username": name, "password": PASSWORD})
            if admin:
                self.ask("PATCH", "2.0/mlflow/users/update-admin", json={"username": name, "is_admin": True})

    def grant(self, name: str, model: str, permission: str) -> None:
        """Give an account a permission on a model, in the place of the one it had."""
        body = {"username": name, "resource_type": "registered_model", "resource_id": model}
        self.call("POST", "3.0/mlflow/users/permissions/revoke", json=body)
        body["permission"] = permission
        self.ask("POST", "3.0/mlflow/users/permissions/grant", json=body)

    def model(self, name: str, *, versions: int = 3) -> str:
        """A model with versions, made by the admin."""
        self.ask("POST", "2.0/mlflow/registered-models/create", json={"name": name})
        for _ in range(versions):
            self.version(name)
        return name

    def version(self, name: str, *, user: str = ADMIN) -> httpx.Response:
        """Register a version, of a run of its own."""
        run = self.ask("POST", "2.0/mlflow/runs/create", json={"experiment_id": "0"})["run"]["info"]
        metric = {"run_id": run["run_id"], "key": "accuracy", "value": 0.9, "timestamp": 1, "step": 0}
        self.ask("POST", "2.0/mlflow/runs/log-metric", json=metric)
        source = f"{run['artifact_uri']}/model"
        body = {"name": name, "source": source, "run_id": run["run_id"]}
        return self.call("POST", "2.0/mlflow/model-versions/create", user=user, json=body)

    def run(self, *, experiment: str = "0", path: str = "model") -> str:
        """A run with a model among its artifacts; its id."""
        info = self.ask("POST", "2.0/mlflow/runs/create", json={"experiment_id": experiment})["run"]["info"]
        place = info["artifact_uri"].removeprefix("mlflow-artifacts:").strip("/")
        url = f"2.0/mlflow-artifacts/artifacts/{place}/{path}/MLmodel"
        assert self.call("PUT", url, content=b"flavors: {}").is_success
        return str(info["run_id"])

    def experiment(self, name: str) -> str:
        """An experiment; its id."""
        return str(self.ask("POST", "2.0/mlflow/experiments/create", json={"name": name})["experiment_id"])

    def permission(self, name: str, model: str) -> str:
        """What an account may do with a model, as MLflow decides it."""
        query = {"username": name, "resource_type": "registered_model", "resource_id": model}
        return str(self.ask("GET", "3.0/mlflow/users/permissions/get", params=query)["permission"])

    def versions(self, name: str) -> list[dict[str, Any]]:
        """A model's versions, the newest first."""
        query = {"filter": f"name = '{name}'", "order_by": "version_number DESC"}
        return list(self.ask("GET", "2.0/mlflow/model-versions/search", params=query).get("model_versions", []))

    def set_alias(self, name: str, alias: str, version: int | str, *, user: str = ADMIN) -> httpx.Response:
        """Move an alias past Windlass."""
        body = {"name": name, "alias": alias, "version": str(version)}
        return self.call("POST", "2.0/mlflow/registered-models/alias", user=user, json=body)

    def aliases(self, name: str) -> dict[str, str]:
        """What the aliases are at."""
        found = self.ask("GET", "2.0/mlflow/registered-models/get", params={"name": name})["registered_model"]
        return {alias["alias"]: alias["version"] for alias in found.get("aliases", [])}

    def credentials(self, name: str) -> str:
        """An account's credentials, as the hub's files have them."""
        return f'MLFLOW_TRACKING_USERNAME: "{name}"\nMLFLOW_TRACKING_PASSWORD: "{PASSWORD}"\n'


@contextmanager
def running(folder: Path) -> Iterator[BasicAuthMlflow]:
    """The server, with the hub service's account."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    settings = folder / "auth.ini"
    settings.write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{folder}/auth.db\nadmin_username = {ADMIN}\n"
        f"admin_password = {PASSWORD}\nauth_cache_ttl_seconds = 600\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    command = [sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "1", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")},
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "of-the-tests",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    with (folder / "mlflow.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        server = BasicAuthMlflow(url=f"http://127.0.0.1:{port}", folder=folder, known={ADMIN})
        until(lambda: _answers(server, process, folder), seconds=120, what="MLflow's start")
        server.account(HUB, admin=True)
        yield server
    finally:
        _end(process)


def _answers(server: BasicAuthMlflow, process: subprocess.Popen[bytes], folder: Path) -> bool:
    assert process.poll() is None, (folder / "mlflow.log").read_text()[-3000:]
    try:
        return httpx.get(f"{server.url}/health", timeout=5).is_success
    except httpx.HTTPError:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    started = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for each in started:
        each.terminate()
    _, alive = psutil.wait_procs(started, timeout=10)
    for each in alive:
        each.kill()
    process.wait(10)
