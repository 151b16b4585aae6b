"""`capacity`: nodes and GPUs, reduced to what matters to somebody who waits for one; no pod and no person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from windlass.contract.hub import ClusterCapacity, GpuCapacity, NodeCapacity, PoolCapacity
from windlass_hub.profiles.availability import CapacitySnapshot, NodePool, NodeRoom, gpu_totals
from windlass_hub.service.auth import ServiceHandler, needs

_INSTANCE = "node.kubernetes.io/instance-type"
_ZONE = "topology.kubernetes.io/zone"
_REGION = "topology.kubernetes.io/region"
_POOLS = ("karpenter.sh/nodepool", "cloud.google.com/gke-nodepool", "eks.amazonaws.com/nodegroup", "agentpool")
_SPOT = {
    "karpenter.sh/capacity-type": "spot",
    "eks.amazonaws.com/capacityType": "SPOT",
    "cloud.google.com/gke-spot": "true",
    "kubernetes.azure.com/scalesetpriority": "spot",
}
_PRODUCT = "nvidia.com/gpu.product"
_SHARING = "nvidia.com/gpu.sharing-strategy"
_REPLICAS = "nvidia.com/gpu.replicas"
_CAPACITY_TYPE = "karpenter.sh/capacity-type"
_DEVICE_RESOURCES = ("nvidia.com/", "amd.com/gpu", "gpu.intel.com/", "habana.ai/")


class CapacityHandler(ServiceHandler):
    """`api/capacity`."""

    scopes = needs(GET=())

    async def get(self) -> None:
        """What there is and what of it is free."""
        capacity = self.state.capacity
        snapshot = await capacity.snapshot() if capacity else None
        if capacity is None or snapshot is None:
            problem = capacity.problem if capacity else self.state.cluster_problem
            self.reply(ClusterCapacity(source="unknown", complete=False, problem=problem))
            return
        # On a machine nothing is reserved, so nobody knows what is free; in a cluster, only when all pods are known.
        known = snapshot.complete and snapshot.source == "kubernetes"
        self.reply(
            ClusterCapacity(
                source=snapshot.source,
                complete=snapshot.complete,
                taken_at=snapshot.taken_at,
                problem=capacity.problem,
                nodes=[_node(node, known=known) for node in snapshot.nodes],
                gpus=_gpus(snapshot, known=known),
                pools=[_pool(pool) for pool in snapshot.pools],
                starting=list(capacity.starting()),
            )
        )


def _gpus(snapshot: CapacitySnapshot, *, known: bool) -> list[GpuCapacity]:
    return [
        GpuCapacity(
            product=found.product or "unknown",
            resource=found.resource,
            total=found.total,
            free=max(0, found.total - found.used) if known and found.used is not None else None,
        )
        for found in gpu_totals(snapshot)
    ]


def _node(node: NodeRoom, *, known: bool) -> NodeCapacity:
    """`known`: whether the pods are all known, without which nothing can be called free."""
    labels = node.labels
    free = {name: max(0.0, amount - node.used.get(name, 0.0)) for name, amount in node.allocatable.items()}
    shown = free if known else {}
    cpu, cpu_free = node.allocatable.get("cpu"), shown.get("cpu")
    return NodeCapacity(
        name=node.name,
        ready=node.ready,
        instance_type=labels.get(_INSTANCE),
        zone=labels.get(_ZONE),
        region=labels.get(_REGION),
        spot=_is_spot(labels),
        pool=next((labels[label] for label in _POOLS if label in labels), None),
        gpu_product=labels.get(_PRODUCT),
        gpu_sharing=labels.get(_SHARING),
        gpu_replicas=int(labels[_REPLICAS]) if labels.get(_REPLICAS, "").isdecimal() else None,
        cpu_cores=cpu,
        cpu_cores_free=cpu_free,
        memory_bytes=_whole(node.allocatable.get("memory")),
        memory_bytes_free=_whole(shown.get("memory")),
        gpus=_devices(node.allocatable),
        gpus_free=_devices(shown, of=node.allocatable),
    )


def _is_spot(labels: Mapping[str, str]) -> bool | None:
    said = [labels[label] == value for label, value in _SPOT.items() if label in labels]
    return any(said) if said else None


def _devices(amounts: Mapping[str, float], *, of: Mapping[str, float] | None = None) -> dict[str, int]:
    there = amounts if of is None else of
    return {
        name: int(amounts[name])
        for name in sorted(amounts)
        if name.startswith(_DEVICE_RESOURCES) and there.get(name, 0) > 0
    }


def _whole(amount: float | None) -> int | None:
    return None if amount is None else int(amount)


def _pool(pool: NodePool) -> PoolCapacity:
    allowed: dict[str, list[str]] = defaultdict(list)
    for requirement in pool.requirements:
        if requirement.operator == "In":
            allowed[requirement.key].extend(requirement.values)
    return PoolCapacity(
        name=pool.name,
        ready=pool.ready,
        limits=dict(pool.limits),
        used=dict(pool.used),
        instance_types=allowed[_INSTANCE],
        capacity_types=allowed[_CAPACITY_TYPE],
    )
