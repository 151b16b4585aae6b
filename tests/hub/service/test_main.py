"""The service as a process of its own, as a Deployment runs it: with a cluster, a ConfigMap, and a hub elsewhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.hub.service.conftest import CATALOGUE, PREFIX
from tests.hub.service.hub_double import RIGHTS, SERVICE_TOKEN, HubDouble
from tests.hub.service.on_a_cluster import ACCOUNT, certificates_of, cluster_settings, make_namespace, service_client
from tornado.testing import bind_unused_port

from windlass.kube.resources import CONFIG_MAPS
from windlass_hub.settings import ENVIRONMENT, Settings


def environment(settings: Settings, url: str, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTERHUB_", "WINDLASS_"))}
    return {
        **kept,
        "JUPYTERHUB_API_TOKEN": SERVICE_TOKEN,
        "JUPYTERHUB_CLIENT_ID": "service-windlass",
        "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
        "JUPYTERHUB_SERVICE_URL": url,
        ENVIRONMENT: settings.model_dump_json(exclude_defaults=True),
        **more,
    }


@contextmanager
def running(base: Path, given: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with (base / "log").open("wb") as log:
        command = [sys.executable, "-m", "windlass_hub.service"]
        process = subprocess.Popen(command, cwd=base, env=given, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait(20)


def asking(url: str, headers: dict[str, str]) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"{url}{PREFIX}api/", headers=headers, timeout=20, verify=False)


def free_address() -> str:
    socket, port = bind_unused_port()
    socket.close()
    return f"http://127.0.0.1:{port}"


async def answering(url: str, process: subprocess.Popen[bytes], base: Path) -> None:
    async def answers() -> bool:
        assert process.poll() is None, (base / "log").read_text()
        try:
            async with httpx.AsyncClient(verify=False) as client:
                return (await client.get(f"{url}{PREFIX}api/health", timeout=5)).status_code == 200
        except httpx.HTTPError:
            return False

    await eventually(answers, seconds=60, what="the service's start")


@pytest.mark.cluster
async def test_it_serves_a_cluster_with_the_rights_of_its_account(
    tmp_path: Path, hub_double: HubDouble, cluster: Cluster, settings: Settings
) -> None:
    cluster.needs("token-request")
    settings = await cluster_settings(settings, cluster)
    catalogue = f"configmap:{settings.hub_namespace}/windlass-profiles"
    settings = settings.model_copy(update={"profiles": catalogue})
    await service_client(cluster, settings)
    body = {"metadata": {"name": "windlass-profiles"}, "data": {"profiles.yaml": CATALOGUE}}
    await cluster.create(CONFIG_MAPS, body, namespace=settings.hub_namespace)
    namespace = await make_namespace(cluster, settings, "ann")
    token = await cluster.account_token(settings.hub_namespace, ACCOUNT)
    kubeconfig = cluster.kubeconfig(tmp_path / "kubeconfig", token=token)
    ann = hub_double.add("ann", *RIGHTS["plain"], groups=("team-a",))
    url = free_address()
    given = environment(settings, url, KUBECONFIG=str(kubeconfig), JUPYTERHUB_API_URL=hub_double.url)
    headers = {"Authorization": f"token {ann}"}
    with running(tmp_path, given) as process:
        await answering(url, process, tmp_path)
        async with httpx.AsyncClient(
            base_url=f"{url}{PREFIX}api/", headers=headers, timeout=20, verify=False
        ) as client:
            me = (await client.get("me")).json()
            granted = (await client.post("token")).json()
            profiles = (await client.get("profiles")).json()
            capacity = (await client.get("capacity")).json()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert (me["jobs_namespace"], granted["namespace"], granted["server"]) == (namespace, namespace, cluster.url)
    # Beside those that sign, the file may have the server's own.
    assert certificates_of(cluster) in (granted["ca_pem"] or "")
    assert [profile["slug"] for profile in profiles["items"]] == ["cpu", "t4"]
    assert (capacity["source"], capacity["problem"]) == ("kubernetes", None)
    log = (tmp_path / "log").read_text()
    assert "token.issue" in log
    for secret in (granted["token"], ann, SERVICE_TOKEN, token):
        assert secret not in log


async def test_what_is_away_at_the_start_is_named_and_keeps_nothing_else_from_working(
    tmp_path: Path, hub_double: HubDouble, settings: Settings
) -> None:
    (tmp_path / "taken").touch()
    update = {
        "spawner": "kubernetes",
        "isolation": "beside",
        "profiles": "configmap:hub/windlass-profiles",
        "database": f"sqlite:///{tmp_path}/taken/audit.sqlite",
        "prometheus_url": free_address(),
    }
    url = free_address()
    nowhere = str(tmp_path / "none")
    given = environment(
        settings.model_copy(update=update), url, JUPYTERHUB_API_URL=hub_double.url, KUBECONFIG=nowhere, HOME=nowhere
    )
    headers = {"Authorization": f"token {hub_double.add('ann', *RIGHTS['plain'])}"}
    with running(tmp_path, given) as process:
        await answering(url, process, tmp_path)
        async with httpx.AsyncClient(
            base_url=f"{url}{PREFIX}api/", headers=headers, timeout=20, verify=False
        ) as client:
            me = (await client.get("me")).json()
            answers: dict[str, Any] = {
                path: await client.request("POST" if path == "token" else "GET", path)
                for path in ("token", "prices", "capacity", "metrics?names=cpu_cores")
            }

            async def told() -> bool:
                return (await client.get("health")).json()["troubled"] == ["audit", "profiles"]

            await eventually(told, what="the trouble in health")
    assert me["name"] == "ann"
    assert me["jobs_namespace"].startswith("wl-")
    assert answers["token"].status_code == answers["prices"].status_code == 503
    assert "no Kubernetes" in answers["token"].json()["detail"]
    assert (answers["capacity"].json()["source"], answers["capacity"].json()["complete"]) == ("unknown", False)
    assert answers["metrics?names=cpu_cores"].status_code == 503


async def test_under_the_name_of_a_kubernetes_service_it_listens_at_the_pod_s_own_address(
    tmp_path: Path, hub_double: HubDouble, settings: Settings
) -> None:
    here = free_address()
    named = here.replace("127.0.0.1", "hub.jupyterhub.invalid")
    with running(tmp_path, environment(settings, named, JUPYTERHUB_API_URL=hub_double.url)) as process:
        await answering(here, process, tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"JUPYTERHUB_API_TOKEN": ""}, "JUPYTERHUB_API_TOKEN must be set"),
        ({ENVIRONMENT: json.dumps({"colour": "blue"})}, f"{ENVIRONMENT} cannot be used"),
    ],
)
def test_what_it_cannot_start_with_is_said(
    tmp_path: Path, settings: Settings, change: dict[str, str], words: str
) -> None:
    given = {**environment(settings, free_address()), **change}
    done = subprocess.run(
        [sys.executable, "-m", "windlass_hub.service"], env=given, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert SERVICE_TOKEN not in done.stderr


def test_an_address_that_is_taken_is_said(tmp_path: Path, settings: Settings) -> None:
    socket, port = bind_unused_port()
    given = environment(settings, f"http://127.0.0.1:{port}")
    done = subprocess.run(
        [sys.executable, "-m", "windlass_hub.service"], env=given, capture_output=True, text=True, timeout=60
    )
    socket.close()
    assert (done.returncode, f"Cannot listen at 127.0.0.1:{port}" in done.stderr) == (1, True), done.stderr
