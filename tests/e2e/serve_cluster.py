"""An emulated cluster for the browser tests, whose pods are processes of this machine.

Says where it is as one line of JSON. Its one queue holds every job back until a line `admit` comes in.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.cluster.cluster import Cluster  # noqa: E402
from tests.cluster.crds import KUEUE, install  # noqa: E402
from tests.cluster.emulator.kinds import Kind  # noqa: E402
from tests.cluster.emulator.times import rfc3339  # noqa: E402
from tests.cluster.kubelet import Kubelet  # noqa: E402
from tests.cluster.processes_kubelet import available  # noqa: E402
from tests.cluster.servers import emulated  # noqa: E402

from windlass.kube.errors import Conflict, KubeError, NotFound  # noqa: E402
from windlass.kube.reflector import Reflector  # noqa: E402
from windlass.kube.resources import (  # noqa: E402
    LOCAL_QUEUES,
    PERSISTENT_VOLUME_CLAIMS,
    PRIORITY_CLASSES,
    PYTORCH_JOBS,
    WORKLOADS,
)

Object = dict[str, Any]
QUEUE, QUEUE_LABEL = "team-a", "kueue.x-k8s.io/queue-name"
GPUS = {"nvidia.com/gpu.product": "Tesla-T4", "karpenter.sh/capacity-type": "spot", "karpenter.sh/nodepool": "gpu"}


class Kueue:
    """Does for PyTorchJobs with a queue what Kueue does, as far as a user sees it: holds back, says why, lets go."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch = Reflector(cluster.admin, PYTORCH_JOBS, namespace=namespace, on_change=self._changed)

    async def start(self) -> None:
        assert self._cluster.emulator is not None
        self._cluster.emulator.api.admission.webhooks.append(_hold_back)
        self._watch.start()
        await self._watch.ready(20)

    async def stop(self) -> None:
        await self._watch.stop()

    async def admit(self) -> None:
        """Let all jobs go that are held back."""
        for _, name in list(self._watch.objects):
            with suppress(NotFound):
                await self._say(name, "QuotaReserved", "True", "QuotaReserved")
                await self._say(name, "Admitted", "True", "Admitted")
                change = {"spec": {"runPolicy": {"suspend": False}}}
                await self._cluster.admin.patch(PYTORCH_JOBS, name, change, namespace=self._namespace)

    def _changed(self, _kind: str, old: Object | None, new: Object | None) -> None:
        if old is None and new is not None and QUEUE_LABEL in (new["metadata"].get("labels") or {}):
            task = asyncio.create_task(self._hold(new))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _hold(self, job: Object) -> None:
        name = job["metadata"]["name"]
        owner = {"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob", "name": name, "uid": job["metadata"]["uid"]}
        metadata = {"name": f"pytorchjob-{name}", "ownerReferences": [{**owner, "controller": True}]}
        body = {"metadata": metadata, "spec": {"queueName": QUEUE}}
        with suppress(Conflict, NotFound):
            await self._cluster.create(WORKLOADS["v1beta2"], body, namespace=self._namespace)
            await self._say(name, "QuotaReserved", "False", "WaitingForQuota")

    async def _say(self, name: str, kind: str, status: str, reason: str) -> None:
        workload, resource = f"pytorchjob-{name}", WORKLOADS["v1beta2"]
        found = await self._cluster.admin.get(resource, workload, namespace=self._namespace)
        now = rfc3339(time.time())
        condition = {"type": kind, "status": status, "reason": reason, "message": "", "lastTransitionTime": now}
        others = [each for each in (found.get("status") or {}).get("conditions") or [] if each["type"] != kind]
        change = {"status": {"conditions": [*others, condition]}}
        await self._cluster.admin.patch(resource, workload, change, namespace=self._namespace, subresource="status")


def _hold_back(kind: Kind, job: Object) -> None:
    """As Kueue's webhook: a job that is held back only after it was made has pods already."""
    if kind.kind == PYTORCH_JOBS.kind and QUEUE_LABEL in (job["metadata"].get("labels") or {}):
        job["spec"].setdefault("runPolicy", {})["suspend"] = True


async def furnish(cluster: Cluster, kubelet: Kubelet, namespace: str) -> None:
    """What there is to choose from."""
    await kubelet.add_node("gpu-1", labels=GPUS, taints=[], **{"nvidia.com/gpu": "4"})
    await cluster.create(LOCAL_QUEUES["v1beta2"], {"metadata": {"name": QUEUE}, "spec": {}}, namespace=namespace)
    spec = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "150G"}}}
    claim = {"metadata": {"name": "imagenet-dataset"}, "spec": spec}
    await cluster.create(PERSISTENT_VOLUME_CLAIMS, claim, namespace=namespace)
    await cluster.create(PRIORITY_CLASSES, {"metadata": {"name": "low"}, "value": -10})


async def serve(folder: Path) -> None:
    server = emulated()
    assert server.emulator is not None
    kubelet = Kubelet(server.credentials(server.emulator.api.tokens.kubelet)).start()
    cluster = Cluster(server=server, kubelet=kubelet)
    kubelet.run_processes(folder / "pods", emulator=server.emulator)
    await install(cluster, PYTORCH_JOBS, *KUEUE)
    operator = cluster.operator("PyTorchJob").start()
    namespace = await cluster.namespace("jobs")
    await furnish(cluster, kubelet, namespace)
    kueue = Kueue(cluster, namespace)
    await kueue.start()
    kubeconfig = cluster.kubeconfig(folder / "kubeconfig", namespace=namespace)
    claims = folder / "pods" / "claims" / namespace
    print(json.dumps({"kubeconfig": str(kubeconfig), "claims": str(claims)}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip() == "admit":
            await kueue.admit()
        print("done", flush=True)
    await kueue.stop()
    await asyncio.to_thread(operator.stop)
    await asyncio.to_thread(kubelet.stop)
    with suppress(KubeError):
        await cluster.close()
    await asyncio.to_thread(server.stop)


def main() -> None:
    if not available():
        print(json.dumps({"missing": "namespaces for mounts and processes"}), flush=True)
        return
    with tempfile.TemporaryDirectory(prefix="windlass-e2e-cluster-", ignore_cleanup_errors=True) as folder:
        asyncio.run(serve(Path(folder)))


if __name__ == "__main__":
    main()
