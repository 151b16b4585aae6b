"""The cluster's capacity on a cluster, watched with the rights of the service's own account."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.hub.service.conftest import FEED_TOKEN, Service
from tests.hub.service.on_a_cluster import cluster_settings, service_client

from windlass.kube.client import KubeClient
from windlass.kube.resources import CLUSTER_ROLE_BINDINGS, NODE_CLAIMS, NODE_POOLS, NODES, PODS
from windlass_hub.profiles.availability import CapacitySnapshot, NodeRoom, room_for
from windlass_hub.profiles.cluster_reading import nodes_from_kubernetes
from windlass_hub.profiles.model import load_catalogue
from windlass_hub.rights.model import Role
from windlass_hub.service.kubernetes_capacity import GRACE_SECONDS, KubernetesCapacity
from windlass_hub.service.state import ServiceState
from windlass_hub.settings import Settings

# The figures are those of the nodes that the test makes; a real cluster has its own.
pytestmark = [pytest.mark.cluster, pytest.mark.emulator]

GPU = "nvidia.com/gpu"


class Clock:
    """Seconds that pass when the test says."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def settings(settings: Settings, cluster: Cluster) -> Settings:
    return await cluster_settings(settings, cluster)


@pytest.fixture
async def client(cluster: Cluster, settings: Settings) -> KubeClient:
    return await service_client(cluster, settings)


@pytest.fixture
async def capacity(client: KubeClient, cluster: Cluster, clock: Clock) -> AsyncIterator[KubernetesCapacity]:
    """Two nodes, one with four T4."""
    assert cluster.kubelet is not None
    labels = {
        "nvidia.com/gpu.product": "Tesla-T4",
        "gpu-type": "t4",
        "node.kubernetes.io/instance-type": "g4dn.12xlarge",
    }
    await cluster.kubelet.add_node("gpu-1", labels=labels, cpu="48", memory="192Gi", **{GPU: "4"})
    await cluster.kubelet.add_node("cpu-1", cpu="16", memory="64Gi")
    found = KubernetesCapacity(client, clock=clock)
    await found.start()
    yield found
    await found.close()


async def pod(cluster: Cluster, name: str, node: str, namespace: str = "default", **requests: str) -> dict[str, Any]:
    container = {"name": "main", "image": "x", "resources": {"requests": requests, "limits": requests}}
    spec = {"nodeName": node, "containers": [container]}
    return await cluster.create(PODS, {"metadata": {"name": name}, "spec": spec}, namespace=namespace)


async def rooms(capacity: KubernetesCapacity) -> dict[str, NodeRoom]:
    snapshot = await capacity.snapshot()
    return {node.name: node for node in snapshot.nodes} if snapshot else {}


async def used(capacity: KubernetesCapacity, node: str, what: str) -> float | None:
    found = (await rooms(capacity)).get(node)
    return found.used.get(what, 0.0) if found else None


async def test_pods_come_and_go_and_the_sums_follow(capacity: KubernetesCapacity, cluster: Cluster) -> None:
    snapshot = await capacity.snapshot()
    assert snapshot is not None
    assert (snapshot.complete, snapshot.source, capacity.problem) == (True, "kubernetes", None)
    assert {node.name: node.allocatable.get(GPU, 0) for node in snapshot.nodes} == {"gpu-1": 4, "cpu-1": 0}
    for index in range(3):
        await pod(cluster, f"train-{index}", "gpu-1", cpu="500m", memory="1Gi", **{GPU: "1"})

    async def takes(gpus: float, cores: float) -> bool:
        now = [await used(capacity, "gpu-1", what) for what in (GPU, "cpu")]
        return now == [gpus, cores]

    await eventually(lambda: takes(3, 1.5), what="the pods in the sums")
    await cluster.admin.delete(PODS, "train-0", namespace="default")
    await eventually(lambda: takes(2, 1.0), what="the end of one")
    status = {"status": {"phase": "Succeeded"}}
    await cluster.admin.patch(PODS, "train-1", status, namespace="default", subresource="status")
    await eventually(lambda: takes(1, 0.5), what="a pod that has ended to take no room")


async def test_the_sums_are_those_of_reading_everything_anew(capacity: KubernetesCapacity, cluster: Cluster) -> None:
    for index in range(20):
        await pod(cluster, f"p-{index}", ("gpu-1", "cpu-1")[index % 2], cpu=f"{100 + index}m", memory="64Mi")
    for index in range(0, 20, 3):
        await cluster.admin.delete(PODS, f"p-{index}", namespace="default")

    async def same() -> bool:
        # Read anew each time: pods that were deleted may be on their way out still.
        nodes, _ = await cluster.admin.list(NODES)
        pods, _ = await cluster.admin.list(PODS)
        found = await rooms(capacity)
        read = nodes_from_kubernetes(nodes, pods)
        return all(found[node.name].used == pytest.approx(node.used) for node in read)

    await eventually(same, what="the same sums")


async def test_a_node_that_is_cordoned_or_gone_is_so_here(capacity: KubernetesCapacity, cluster: Cluster) -> None:
    await cluster.admin.patch(NODES, "gpu-1", {"spec": {"unschedulable": True}})

    async def cordoned() -> bool:
        return not (await rooms(capacity))["gpu-1"].ready

    await eventually(cordoned, what="the cordon")
    await cluster.admin.delete(NODES, "cpu-1")

    async def gone() -> bool:
        return "cpu-1" not in await rooms(capacity)

    await eventually(gone, what="the node's end")


async def test_a_short_outage_changes_nothing_and_a_long_one_is_said(
    capacity: KubernetesCapacity, cluster: Cluster, clock: Clock
) -> None:
    with cluster.faults.outage():
        await eventually(lambda: capacity._pods.stale_since is not None, what="the lost watch")
        clock.now += GRACE_SECONDS / 2
        snapshot = await capacity.snapshot()
        assert snapshot is not None
        assert snapshot.complete
        clock.now += GRACE_SECONDS
        late = await capacity.snapshot()
        assert late is not None
        assert (late.complete, len(late.nodes)) == (False, 2)
        assert late.taken_at < snapshot.taken_at
        assert capacity.problem is not None
        assert "cannot be read now" in capacity.problem
        (profile,) = load_catalogue(
            {"profiles": [{"slug": "c", "display_name": "C", "cpu": 1, "memory": "1G"}]}
        ).profiles
        assert room_for(profile, late).free is None

    async def whole_again() -> bool:
        found = await capacity.snapshot()
        return found is not None and found.complete

    await eventually(whole_again, seconds=60, what="the watches' return")


async def test_before_anything_could_be_listed_nothing_is_known(client: KubeClient, cluster: Cluster) -> None:
    with cluster.faults.outage():
        capacity = KubernetesCapacity(client)
        assert await capacity.snapshot() is None
        assert capacity.problem is not None
        await capacity.close()


async def test_a_missing_right_is_named(client: KubeClient, cluster: Cluster) -> None:
    await cluster.admin.delete(CLUSTER_ROLE_BINDINGS, Role.SERVICE.value)
    capacity = KubernetesCapacity(client)
    await capacity.start()
    assert capacity.problem is not None
    assert "may not list nodes" in capacity.problem
    assert await capacity.snapshot() is None
    await capacity.close()


async def test_what_karpenter_is_starting_is_told(capacity: KubernetesCapacity, cluster: Cluster) -> None:
    requirements = [{"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot", "on-demand"]}]
    template = {"spec": {"requirements": requirements, "nodeClassRef": {"group": "g", "kind": "k", "name": "n"}}}
    await cluster.create(
        NODE_POOLS, {"metadata": {"name": "gpus"}, "spec": {"template": template, "limits": {GPU: "8"}}}
    )
    labels = {
        "karpenter.sh/nodepool": "gpus",
        "karpenter.sh/capacity-type": "spot",
        "node.kubernetes.io/instance-type": "g5.xlarge",
    }
    claim = {"metadata": {"name": "gpus-x7", "labels": labels}, "spec": template["spec"]}
    await cluster.create(NODE_CLAIMS, claim)
    await eventually(lambda: bool(capacity.starting()), what="the claim")
    (node,) = capacity.starting()
    assert (node.pool, node.instance_type, node.spot, node.state) == ("gpus", "g5.xlarge", True, "requested")

    async def say(*conditions: dict[str, str]) -> None:
        body = {"status": {"conditions": list(conditions)}}
        await cluster.admin.patch(NODE_CLAIMS, "gpus-x7", body, subresource="status")

    no_room = {"type": "Launched", "status": "False", "reason": "InsufficientCapacity", "message": "no g5.xlarge left"}
    await say(no_room)
    await eventually(lambda: capacity.starting()[0].state == "failed", what="the failure")
    assert capacity.starting()[0].reason == "no g5.xlarge left"
    launched = {"type": "Launched", "status": "True"}
    await say(launched, {"type": "Registered", "status": "Unknown", "message": "Node not registered with cluster"})
    await eventually(lambda: capacity.starting()[0].state == "launched", what="the machine")
    await say(launched, {"type": "Registered", "status": "True"}, {"type": "Initialized", "status": "True"})
    await eventually(lambda: not capacity.starting(), what="the node to be ready")
    snapshot = await capacity.snapshot()
    assert snapshot is not None
    assert [(pool.name, pool.limits) for pool in snapshot.pools] == [("gpus", {GPU: 8.0})]


async def test_another_autoscaler_is_noticed(capacity: KubernetesCapacity, cluster: Cluster) -> None:
    body = {
        "metadata": {"name": "ca", "labels": {"app.kubernetes.io/name": "aws-cluster-autoscaler"}},
        "spec": {"containers": [{"name": "main", "image": "x"}]},
    }
    await cluster.create(PODS, body, namespace="kube-system")

    async def noticed() -> bool:
        snapshot = await capacity.snapshot()
        return snapshot is not None and snapshot.other_autoscaler

    await eventually(noticed, what="the Cluster Autoscaler")


async def test_users_and_the_hub_get_it_over_http(
    state: ServiceState, capacity: KubernetesCapacity, cluster: Cluster, service: Service
) -> None:
    service.state.capacity = capacity
    namespace = await cluster.namespace("wl-secret-project")
    await pod(cluster, "secret-pod", "gpu-1", namespace=namespace, cpu="4", memory="8Gi", **{GPU: "3"})

    async def seen() -> bool:
        return await used(capacity, "gpu-1", GPU) == 3

    await eventually(seen, what="the pod")
    async with service.client("ann") as http:
        answer = await http.get("api/capacity")
        found = answer.json()
        profiles = {item["slug"]: item["availability"] for item in (await http.get("api/profiles")).json()["items"]}
    assert "secret" not in answer.text
    assert found["gpus"] == [{"product": "Tesla-T4", "resource": GPU, "total": 4, "free": 1}]
    node = next(node for node in found["nodes"] if node["name"] == "gpu-1")
    assert (node["instance_type"], node["gpus"], node["gpus_free"]) == ("g4dn.12xlarge", {GPU: 4}, {GPU: 1})
    assert (node["spot"], node["cpu_cores_free"]) == (None, 44.0)
    assert (profiles["t4"]["free"], profiles["t4"]["total"]) == (1, 4)
    async with service.client(headers={"Authorization": f"token {FEED_TOKEN}"}) as http:
        snapshot = CapacitySnapshot.model_validate_json((await http.get("api/internal/capacity")).content)
    assert {node.name for node in snapshot.nodes} == {"gpu-1", "cpu-1"}
