"""The MLflow deployment: valid to Kubernetes, and its arguments answer to the names that pods will use."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import kubernetes_validate
import pytest
import yaml
from tests.conftest import until

MANIFEST = Path(__file__).parents[2] / "hub-config" / "mlflow" / "mlflow.yaml"


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(MANIFEST.read_text()))


@pytest.fixture(scope="module")
def server(objects: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MLflow itself with the container's own arguments, but for the address, on a database of its own."""
    [deployment] = [o for o in objects if o["kind"] == "Deployment"]
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    changed = {"--host=0.0.0.0": "--host=127.0.0.1", "--port=5000": f"--port={port}", "--workers=2": "--workers=1"}
    arguments = [changed.get(argument, argument) for argument in container["args"]]
    assert len(set(container["args"]) & set(changed)) == len(changed)
    directory = tmp_path_factory.mktemp("mlflow")
    environment = {
        **os.environ,
        "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{directory}/mlflow.db",
        "MLFLOW_ARTIFACTS_DESTINATION": str(directory / "artifacts"),
        **{item["name"]: item["value"] for item in container["env"] if "value" in item},
    }
    with subprocess.Popen(
        [sys.executable, "-m", "mlflow", *arguments],
        cwd=directory,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            until(lambda: _answers(url), seconds=120, what="MLflow")
            yield url
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 15)


def _answers(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{url}/health").status_code == 200
    return False


def test_every_object_is_valid(objects: list[dict[str, Any]]) -> None:
    for manifest in objects:
        kubernetes_validate.validate(manifest, "1.30", strict=True)


def test_no_password_stands_in_it(objects: list[dict[str, Any]]) -> None:
    [deployment] = [o for o in objects if o["kind"] == "Deployment"]
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    plain = {item["name"] for item in container["env"] if "value" in item}
    assert plain == {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION"}
    assert not [o for o in objects if o["kind"] == "Secret"]


def test_its_namespace_admits_its_pods(objects: list[dict[str, Any]]) -> None:
    """The namespace enforces Pod Security `restricted`: a pod that offends it never comes to be."""
    by_kind = {item["kind"]: item for item in objects}
    assert by_kind["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    pod = by_kind["Deployment"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["automountServiceAccountToken"] is False


def test_probes_service_and_policy_meet_at_the_server_s_port(objects: list[dict[str, Any]]) -> None:
    by_kind = {item["kind"]: item for item in objects}
    labels = by_kind["Deployment"]["spec"]["template"]["metadata"]["labels"]
    [container] = by_kind["Deployment"]["spec"]["template"]["spec"]["containers"]
    [port] = container["ports"]
    assert f"--port={port['containerPort']}" in container["args"]
    for probe in ("readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/health", "port": port["name"]}
    [served] = by_kind["Service"]["spec"]["ports"]
    assert served["targetPort"] == port["name"]
    assert f"mlflow.mlflow.svc:{served['port']}" in next(a for a in container["args"] if "--allowed-hosts" in a)
    policy = by_kind["NetworkPolicy"]["spec"]
    assert policy["ingress"][0]["ports"] == [{"port": port["containerPort"], "protocol": "TCP"}]
    for selector in (by_kind["Service"]["spec"]["selector"], policy["podSelector"]["matchLabels"]):
        assert selector.items() <= labels.items()


@pytest.mark.mlflow
@pytest.mark.parametrize("host", ["mlflow:5000", "mlflow.mlflow.svc:5000", "mlflow.mlflow.svc.cluster.local:5000"])
def test_it_answers_to_the_names_of_its_service(server: str, host: str) -> None:
    answer = httpx.get(f"{server}/api/2.0/mlflow/experiments/search?max_results=1", headers={"Host": host})
    assert answer.status_code == 200


@pytest.mark.mlflow
def test_it_refuses_other_names_but_lets_the_kubelet_probe(server: str) -> None:
    stranger = {"Host": "evil.example:5000"}
    assert httpx.get(f"{server}/api/2.0/mlflow/experiments/search?max_results=1", headers=stranger).status_code == 403
    assert httpx.get(f"{server}/health", headers={"Host": "10.1.2.3:5000"}).status_code == 200
