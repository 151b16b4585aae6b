"""A real JupyterHub with the hub service as it is deployed, on an emulated cluster where a second costs dollars.

Nothing of the hub side is replaced: hub, proxy, spawner, service, database and roles are the real ones. `do` runs what
tests want of the cluster.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import httpx
import yaml
from tests.cluster.cluster import Cluster
from tests.cluster.crds import install
from tests.cluster.kubelet import Kubelet
from tests.cluster.servers import emulated
from tests.conftest import until
from tests.hub import real_hub
from tests.hub.service.on_a_cluster import ACCOUNT, make_namespace, service_client

from windlass.kube.names import object_name, pod_labels
from windlass.kube.resources import PODS, PYTORCH_JOBS, TRAIN_JOBS, Resource
from windlass_hub.settings import Settings

T = TypeVar("T")
PRODUCT = "Tesla-T4"
PEOPLE = {
    "ann": ("research", "training"),
    "bob": ("training",),
    "cyn": (),
    "wendy": ("platform",),
    "rita": ("finance",),
}
CATALOGUE = f"""
version: 1
profiles:
  - {{slug: cpu, display_name: CPU only, cpu: 2, memory: 4G, images: [base], default: true}}
images:
  - {{slug: base, display_name: Base, image: "registry.example/base:1"}}
prices: {{cpu_core_hour: 3600, memory_gib_hour: 0, gpu_hour: {{{PRODUCT}: 3600}}}}
"""
Z2JH_VALUES = Path(__file__).parents[3] / "hub-config" / "prometheus" / "z2jh-values.yaml"
EXTRA = """
os.environ["KUBECONFIG"] = {hub!r}
for service in c.JupyterHub.services:
    if service["name"] == "windlass":
        service["environment"]["KUBECONFIG"] = {service!r}
c.WindlassSpawner.namespace = {namespace!r}
c.WindlassSpawner.port = {port}
c.WindlassSpawner.cmd = ["jupyterhub-singleuser"]
c.JupyterHub.services = [*c.JupyterHub.services, *{services!r}]
c.JupyterHub.load_roles = [*c.JupyterHub.load_roles, *{roles!r}]
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


@dataclass
class CostlyHub:
    """`metrics_token` is that of the service `prometheus`, with the role that hub-config gives it."""

    hub: real_hub.Hub
    cluster: Cluster
    settings: Settings
    loop: asyncio.AbstractEventLoop
    metrics_token: str
    namespaces: dict[str, str] = field(default_factory=dict)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` gives, on the loop of the cluster's clients."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def namespace(self, user: str) -> str:
        """Of a user's jobs, made as the spawner makes it."""
        if user not in self.namespaces:
            self.namespaces[user] = self.do(make_namespace(self.cluster, self.settings, user))
        return self.namespaces[user]

    def pod(self, name: str, *, user: str, job_id: str, product: str = PRODUCT, experiment: str = "resnet") -> None:
        """A running pod of a job, with one card, that holds it since a minute."""
        limits = {"cpu": "1", "memory": "4Gi", "nvidia.com/gpu": "1"}
        container = {
            "name": "pytorch",
            "image": "example.invalid/torch:1",
            "env": [{"name": "MLFLOW_EXPERIMENT_NAME", "value": experiment}],
            "resources": {"limits": limits, "requests": limits},
        }
        spec = {"containers": [container], "restartPolicy": "Never"}
        spec["nodeSelector"] = {"nvidia.com/gpu.product": product}
        body = {"metadata": {"name": name, "labels": pod_labels(job_id=job_id, owner=user)}, "spec": spec}
        self.do(self.cluster.create(PODS, body, namespace=self.namespace(user)))

        def running() -> Any:
            found = self.do(self.cluster.admin.get(PODS, name, namespace=self.namespace(user)))
            return found["status"] if (found.get("status") or {}).get("phase") == "Running" else None

        conditions = until(running, what=f"{name} runs")["conditions"]
        at = datetime.now(timezone.utc) - timedelta(minutes=1)
        earlier = [{**each, "lastTransitionTime": at.strftime("%Y-%m-%dT%H:%M:%SZ")} for each in conditions]
        self._told(PODS, name, {"conditions": earlier}, user=user)

    def becomes(self, name: str, outcome: str, *, user: str) -> None:
        """Let a pod end."""
        assert self.cluster.kubelet is not None
        self.do(self.cluster.kubelet.become(self.namespace(user), name, outcome))

    def ended_job(self, *, user: str, job_id: str, seconds: int) -> None:
        """A PyTorchJob that its operator calls succeeded, of which no pod was ever there."""
        name, labels = object_name("train", job_id), pod_labels(job_id=job_id, owner=user)
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "pytorch", "image": "i:1"}]}}
        spec = {"pytorchReplicaSpecs": {"Master": {"replicas": 1, "restartPolicy": "Never", "template": template}}}
        metadata = {"name": name, "labels": {key: each for key, each in labels.items() if key != "job-type"}}
        self.do(self.cluster.create(PYTORCH_JOBS, {"metadata": metadata, "spec": spec}, namespace=self.namespace(user)))
        begun, ended = "2026-11-20T10:00:00Z", f"2026-11-20T10:{seconds // 60:02}:{seconds % 60:02}Z"
        conditions = [
            {"type": kind, "status": "True", "lastTransitionTime": at, "lastUpdateTime": at, "reason": kind}
            for kind, at in (("Created", begun), ("Running", begun), ("Succeeded", ended))
        ]
        status = {"conditions": conditions, "startTime": begun, "completionTime": ended, "replicaStatuses": {}}
        self._told(PYTORCH_JOBS, name, status, user=user)

    def _told(self, resource: Resource, name: str, status: Mapping[str, Any], *, user: str) -> None:
        change = {"status": dict(status)}
        namespace = self.namespace(user)
        self.do(self.cluster.admin.patch(resource, name, change, namespace=namespace, subresource="status"))

    def metrics(self) -> str:
        """What the service exposes, asked as Prometheus asks."""
        url = f"{self.hub.service_url}/hubs/services/windlass/metrics"
        answer = httpx.get(url, headers={"Authorization": f"Bearer {self.metrics_token}"}, timeout=30)
        return answer.text if answer.is_success else ""

    def figure(self, series: str) -> float | None:
        """The value of one series of it; None while it is not there."""
        lines = [line for line in self.metrics().splitlines() if line.startswith(f"{series} ")]
        return float(lines[0].rpartition(" ")[2]) if lines else None


@contextmanager
def running(base: Path, *, settings: Mapping[str, Any] | None = None) -> Iterator[CostlyHub]:
    """A hub of one's own.

    Args:
        base: an empty folder.
        settings: what differs from the usual `windlass_hub.Settings`: budgets, Prometheus.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="clients of the cluster", daemon=True)
    thread.start()
    server = emulated()
    kubelet = Kubelet(server.credentials(server.emulator.api.tokens.kubelet if server.emulator else None)).start()
    kubelet.pod_ip = "127.0.0.1"
    answering = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    threading.Thread(target=answering.serve_forever, args=(0.05,), daemon=True).start()
    cluster = Cluster(server=server, kubelet=kubelet)

    def do(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(60)

    try:
        with _hub(base, cluster, do, port=answering.server_address[1], settings=settings or {}) as (hub, all_of, token):
            made = CostlyHub(hub=hub, cluster=cluster, settings=all_of, loop=loop, metrics_token=token)
            hub.wait_for_service()
            until(lambda: bool(made.metrics()), what="the service's figures")
            yield made
    finally:
        do(cluster.close())
        kubelet.stop()
        server.stop()
        answering.shutdown()
        answering.server_close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()


@contextmanager
def _hub(
    base: Path, cluster: Cluster, do: Any, *, port: int, settings: Mapping[str, Any]
) -> Iterator[tuple[real_hub.Hub, Settings, str]]:
    given = {
        "spawner": "kubernetes",
        "isolation": "beside",
        "hub_namespace": do(cluster.namespace("hub")),
        "hub_id": "costly",
        "service_account": ACCOUNT,
        **settings,
    }
    all_of = Settings.model_validate(given)
    do(_prepare(cluster, all_of))
    token = do(cluster.account_token(all_of.hub_namespace, ACCOUNT))
    prometheus = secrets.token_hex(16)
    services, roles = _of_the_chart(prometheus)
    extra = EXTRA.format(
        hub=str(cluster.kubeconfig(base / "hub.kubeconfig")),
        service=str(cluster.kubeconfig(base / "service.kubeconfig", token=token)),
        namespace=all_of.hub_namespace,
        port=port,
        services=services,
        roles=roles,
    )
    with real_hub.running(base, catalogue=CATALOGUE, people=PEOPLE, settings=given, extra=extra) as hub:
        yield hub, all_of, prometheus


async def _prepare(cluster: Cluster, settings: Settings) -> None:
    await install(cluster, PYTORCH_JOBS, TRAIN_JOBS)
    await service_client(cluster, settings)
    assert cluster.kubelet is not None
    for name, product in (("gpu-1", PRODUCT), ("gpu-2", "H900")):
        labels = {"nvidia.com/gpu.product": product}
        await cluster.kubelet.add_node(name, labels=labels, cpu="48", memory="192Gi", **{"nvidia.com/gpu": "8"})


def _of_the_chart(token: str) -> tuple[Sequence[dict[str, Any]], Sequence[dict[str, Any]]]:
    """Services and roles as Zero to JupyterHub makes them of hub-config's values: it gives each service its token."""
    values = yaml.safe_load(Z2JH_VALUES.read_text())["hub"]
    services = [{"name": name, "api_token": token, **(more or {})} for name, more in values["services"].items()]
    return services, [{"name": name, **role} for name, role in values["loadRoles"].items()]
