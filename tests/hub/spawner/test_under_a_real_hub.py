"""A real JupyterHub whose servers are pods: refusals do not end it, restarts forget nothing, renames keep homes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.hub import real_hub

from windlass.kube.resources import PERSISTENT_VOLUME_CLAIMS, PODS, RESOURCE_QUOTAS

pytestmark = [pytest.mark.cluster, pytest.mark.skipif(bool(real_hub.MISSING), reason=real_hub.MISSING or "")]

EXTRA = """
os.environ["KUBECONFIG"] = {kubeconfig!r}
c.WindlassSpawner.namespace = {namespace!r}
c.WindlassSpawner.port = {port}
c.WindlassSpawner.cmd = ["jupyterhub-singleuser"]
c.WindlassSpawner.consecutive_failure_limit = 2
c.WindlassSpawner.storage_pvc_ensure = True
c.WindlassSpawner.storage_capacity = "1M"
c.JupyterHub.allow_named_servers = True
"""


class _Server(BaseHTTPRequestHandler):
    """What JupyterHub asks a new server: whether it answers."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", "6")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_request(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def answering() -> Iterator[int]:
    """The port of something that answers as a user's server does."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


async def test_a_hub_on_kubernetes(cluster: Cluster, tmp_path: Path, answering: int) -> None:
    kubelet = cluster.kubelet or pytest.skip("Real pods would need a real image.")
    kubelet.pod_ip = "127.0.0.1"
    namespace = await cluster.namespace()
    kubeconfig = cluster.kubeconfig(tmp_path / "kubeconfig")
    base = tmp_path / "hub"
    base.mkdir()
    extra = EXTRA.format(kubeconfig=str(kubeconfig), namespace=namespace, port=answering)
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}}
    await cluster.create(RESOURCE_QUOTAS, quota, namespace=namespace)
    with real_hub.running(base, settings={"spawner": "kubernetes"}, extra=extra) as hub:
        for _ in range(4):  # more than consecutive_failure_limit
            answer = await asyncio.to_thread(hub.api, "POST", "users/ann/server", json={"profile": "cpu"})
            assert answer.status_code in {202, 400, 403}, answer.text
            await eventually(lambda: not hub.server("ann").get("pending"), what="the end of the refused start")
        assert "Your quota does not allow this server" in hub.log
        assert "Traceback" not in hub.log
        await cluster.admin.delete(RESOURCE_QUOTAS, "q", namespace=namespace)

        await asyncio.to_thread(hub.start_server, "ann", {"profile": "cpu"})
        (before,), _ = await cluster.admin.list(PODS, namespace=namespace)
        await asyncio.to_thread(hub.restart, kill=True)
        assert hub.server("ann")["state"]["windlass"]["chosen"]["profile"] == "cpu"
        (after,), _ = await cluster.admin.list(PODS, namespace=namespace)
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        await asyncio.to_thread(hub.stop_server, "ann")

        await asyncio.to_thread(hub.start_server, "ann", {"profile": "cpu"}, name="old")
        refused = await asyncio.to_thread(hub.api, "PATCH", "users/ann/servers/old", json={"name": "new"})
        assert refused.status_code == 400
        await asyncio.to_thread(hub.stop_server, "ann", name="old")
        await asyncio.to_thread(hub.ask, "PATCH", "users/ann/servers/old", json={"name": "new"})
        await asyncio.to_thread(hub.start_server, "ann", {"profile": "cpu"}, name="new")
        claims, _ = await cluster.admin.list(PERSISTENT_VOLUME_CLAIMS, namespace=namespace)
        assert {claim["metadata"]["name"] for claim in claims} == {"claim-ann", "claim-ann--old"}
