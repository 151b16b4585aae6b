"""A hub with a user's namespace on a cluster, the service's own account there, and a reconciler in parts."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest_asyncio
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.crds import install
from tests.cluster.operator import Operator
from tests.hub.service.on_a_cluster import cluster_settings, make_namespace, service_client

from windlass.kube.client import KubeClient
from windlass.kube.errors import NotFound
from windlass.kube.names import object_name, pod_labels, spec_annotations
from windlass.kube.resources import PODS, PYTORCH_JOBS
from windlass.tracking.client import MlflowRest
from windlass_hub.profiles.model import Prices
from windlass_hub.reconciler.finishing import Finisher
from windlass_hub.reconciler.keeping import Keeper
from windlass_hub.reconciler.notifying import Notifier
from windlass_hub.reconciler.records import JobRecord
from windlass_hub.reconciler.seen_jobs import SeenJobs
from windlass_hub.reconciler.sweeping import Sweeper
from windlass_hub.reconciler.usage import PodUsage
from windlass_hub.service.audit_database import AuditDatabase
from windlass_hub.service.job_records import JobRecords
from windlass_hub.settings import Settings

OWNER = "ada"
PRODUCT = "Tesla-T4"
PRICES = Prices(cpu_core_hour=0.04, memory_gib_hour=0.005, gpu_hour={PRODUCT: 0.35})
KEEP_DAYS = 700
LIMITS = {"nvidia.com/gpu": "1", "cpu": "2", "memory": "4Gi"}


class Clock:
    """Seconds that pass when the test says."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass
class Servers:
    """Whose servers run; None: nobody can say."""

    names: Collection[str] | None = ()

    async def running(self) -> Collection[str] | None:
        return self.names


@dataclass
class Desk:
    """What a test needs. The parts are made anew by `parts`, as after a restart of the service."""

    cluster: Cluster
    client: KubeClient
    settings: Settings
    namespace: str
    records: JobRecords
    jobs: SeenJobs
    clock: Clock = field(default_factory=Clock)
    wall: Clock = field(default_factory=lambda: Clock(time.time()))
    servers: Servers = field(default_factory=Servers)
    mlflow_url: str = ""
    notifier: Notifier | None = None
    prices: Prices | None = PRICES
    audit: list[tuple[str, str, str, dict[str, Any]]] = field(default_factory=list)

    def parts(self) -> tuple[Keeper, Finisher]:
        keeper = Keeper(
            jobs=self.jobs,
            records=self.records,
            prices=self._prices,
            decide=self._decide,
            keep_days=KEEP_DAYS,
            clock=self.clock,
            wall=self.wall,
        )
        finisher = Finisher(
            client=self.client,
            jobs=self.jobs,
            records=self.records,
            servers=self.servers,
            mlflow=self._mlflow if self.mlflow_url else None,
            notifier=self.notifier,
            grace_seconds=600,
            decide=self._decide,
            clock=self.clock,
            wall=self.wall,
        )
        return keeper, finisher

    def sweeper(self) -> Sweeper:
        return Sweeper(self.client, jobs=self.jobs, decide=self._decide, clock=self.clock, wall=self.wall)

    async def create_job(
        self,
        *,
        job_id: str | None = None,
        workers: int = 0,
        namespace: str | None = None,
        owner: str = OWNER,
        cluster: dict[str, Any] | None = None,
        restarts: str = "Never",
    ) -> Job:
        """A PyTorchJob as the engine of a user's server makes it."""
        job_id = job_id or f"j{uuid.uuid4().hex[:12]}"
        name = object_name("train", job_id)
        labels = pod_labels(job_id=job_id, owner=owner)
        spec = {"id": job_id, "name": "train", "owner": owner, "notebook": "train.ipynb", "bundle_sha256": "0" * 64}
        container = {
            "name": "pytorch",
            "image": "example.invalid/torch:1",
            "resources": {"limits": LIMITS, "requests": LIMITS},
        }
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        replica = {"restartPolicy": restarts, "template": template}
        replicas = {"Master": {"replicas": 1, **replica}}
        if workers:
            replicas["Worker"] = {"replicas": workers, **replica}
        body = {
            "metadata": {
                "name": name,
                "labels": {key: value for key, value in labels.items() if key != "job-type"},
                "annotations": spec_annotations({**spec, "cluster": cluster or {}}),
            },
            "spec": {"nprocPerNode": "1", "runPolicy": {"cleanPodPolicy": "None"}, "pytorchReplicaSpecs": replicas},
        }
        where = namespace or self.namespace
        await self.cluster.create(PYTORCH_JOBS, body, namespace=where)
        return Job(desk=self, namespace=where, name=name, job_id=job_id)

    async def pass_(self, parts: tuple[Keeper, Finisher] | None = None) -> None:
        """Look at everything once."""
        keeper, finisher = parts or self.parts()
        await keeper.keep_ended()
        await finisher.work_off()

    async def rows(self) -> list[JobRecord]:
        return list(await self.records.ended())

    def decisions(self, action: str) -> list[str]:
        return [decision for found, _, decision, _ in self.audit if found == action]

    async def _prices(self) -> Prices | None:
        return self.prices

    def _decide(self, action: str, target: str, decision: str, **detail: Any) -> None:
        self.audit.append((action, target, decision, detail))

    @asynccontextmanager
    async def _mlflow(self) -> AsyncIterator[MlflowRest]:
        async with MlflowRest(self.mlflow_url, environ={}) as opened:
            yield opened


@dataclass
class Job:
    """A job in the cluster."""

    desk: Desk
    namespace: str
    name: str
    job_id: str

    @property
    def master(self) -> str:
        return f"{self.name}-master-0"

    async def found(self) -> dict[str, Any]:
        return await self.desk.cluster.admin.get(PYTORCH_JOBS, self.name, namespace=self.namespace)

    async def annotations(self) -> dict[str, str]:
        return (await self.found())["metadata"].get("annotations") or {}

    async def cost(self) -> dict[str, Any]:
        return json.loads((await self.annotations())["windlass.io/cost"])

    async def runs(self) -> None:
        """Wait until all its pods run."""

        async def running() -> bool:
            pods, _ = await self.desk.cluster.admin.list(PODS, namespace=self.namespace)
            mine = [pod for pod in pods if pod["metadata"]["name"].startswith(f"{self.name}-")]
            return bool(mine) and all(pod.get("status", {}).get("phase") == "Running" for pod in mine)

        await eventually(running, what="the pods run")

    async def becomes(self, outcome: str, *, pod: str | None = None) -> None:
        """Let its master (or another pod) become so, and wait until the job has ended for the reconciler."""
        kubelet = self.desk.cluster.kubelet
        assert kubelet is not None
        await kubelet.become(self.namespace, pod or self.master, outcome)
        await self.is_seen(lambda seen: seen is not None and _ended(seen.observed.job))

    async def is_seen(self, condition: Callable[[Any], bool]) -> None:
        await eventually(lambda: condition(self.desk.jobs.find(self.namespace, self.job_id)), what="it is seen")

    async def remove(self) -> None:
        await self.desk.cluster.admin.delete(
            PYTORCH_JOBS, self.name, namespace=self.namespace, propagation="Background"
        )
        # Its pods go after it; how long one held what it asked for is known when it is seen to be gone.
        await self.is_seen(lambda seen: seen is not None and seen.observed.job is None and _all_over(seen.usages))

    async def is_there(self) -> bool:
        try:
            await self.found()
        except NotFound:
            return False
        return True


def _all_over(usages: Iterable[PodUsage]) -> bool:
    return all(usage.ended or usage.since is None for usage in usages)


def _ended(job: dict[str, Any] | None) -> bool:
    conditions = ((job or {}).get("status") or {}).get("conditions") or []
    return any(each["type"] in ("Succeeded", "Failed") and each["status"] == "True" for each in conditions)


@pytest_asyncio.fixture
async def operator(cluster: Cluster) -> AsyncIterator[Operator]:
    cluster.needs_stand_ins()
    await install(cluster, PYTORCH_JOBS)
    made = cluster.operator("PyTorchJob", jobs=False).start()
    yield made
    made.stop()


@pytest_asyncio.fixture
async def desk(cluster: Cluster, operator: Operator, tmp_path: Path) -> AsyncIterator[Desk]:
    assert cluster.kubelet is not None
    await cluster.kubelet.add_node(
        "gpu-1", labels={"nvidia.com/gpu.product": PRODUCT}, cpu="48", memory="192Gi", **{"nvidia.com/gpu": "8"}
    )
    settings = await cluster_settings(Settings(spawner="kubernetes"), cluster)
    client = await service_client(cluster, settings)
    database = AuditDatabase(url=f"sqlite:///{tmp_path}/hub.sqlite")
    namespace = await make_namespace(cluster, settings, OWNER)
    jobs = SeenJobs(client, hub_id=settings.hub_id, on_change=lambda: None)
    await jobs.start(seconds=20)
    made = Desk(
        cluster=cluster,
        client=client,
        settings=settings,
        namespace=namespace,
        records=JobRecords(database),
        jobs=jobs,
    )
    yield made
    await jobs.stop()
    if made.notifier is not None:
        await made.notifier.close()
    database.close()
