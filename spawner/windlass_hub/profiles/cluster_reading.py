"""Reads nodes, pods and Karpenter pools, as the API server answers them, into what availability counts with.

Pure functions over plain dictionaries: who lists and watches them is the hub service's affair. What cannot be read in
an object leaves that amount out, never the whole cluster.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from windlass.kube.quantities import parse_quantity

from .nodes import Amounts, NodePool, NodeRoom, Requirement, Taint

_OVER = ("Succeeded", "Failed")
_MIRROR = "kubernetes.io/config.mirror"


def nodes_from_kubernetes(nodes: Iterable[Mapping[str, Any]], pods: Iterable[Mapping[str, Any]]) -> list[NodeRoom]:
    """Nodes with what the pods placed on them ask for.

    Args:
        nodes: core/v1 Nodes.
        pods: core/v1 Pods of all namespaces; those that ended or have no node yet take no room.
    """
    used: dict[str, Amounts] = defaultdict(_none)
    reserved: dict[str, Amounts] = defaultdict(_none)
    for pod in pods:
        taken = pod_room(pod)
        if taken is None:
            continue
        _add(used[taken.node], taken.amounts)
        if taken.reserved:
            _add(reserved[taken.node], taken.amounts)
    names = ((node, str((node.get("metadata") or {}).get("name", ""))) for node in nodes)
    return [node_room(node, used=used.get(name, {}), reserved=reserved.get(name, {})) for node, name in names]


@dataclass(frozen=True, kw_only=True)
class PodRoom:
    """What one pod takes of its node. `reserved`: it comes back on every node of its kind (DaemonSets, static pods)."""

    node: str
    amounts: Amounts
    reserved: bool


def pod_room(pod: Mapping[str, Any]) -> PodRoom | None:
    """The room of a core/v1 Pod; None for one that ended or has no node yet."""
    spec = pod.get("spec") or {}
    node = spec.get("nodeName")
    if not node or (pod.get("status") or {}).get("phase") in _OVER:
        return None
    return PodRoom(node=str(node), amounts={**pod_requests(spec), "pods": 1.0}, reserved=_comes_with_the_node(pod))


def sum_amounts(parts: Iterable[Amounts]) -> Amounts:
    """Amounts together, name by name."""
    total = _none()
    for amounts in parts:
        _add(total, amounts)
    return dict(total)


def pools_from_karpenter(pools: Iterable[Mapping[str, Any]]) -> list[NodePool]:
    """Karpenter NodePools (karpenter.sh/v1 and v1beta1)."""
    return [_pool(pool) for pool in pools]


def pod_requests(spec: Mapping[str, Any]) -> Amounts:
    """What the scheduler counts for a pod: its containers and sidecars, or its biggest init step, and overhead."""
    sidecars, biggest = _none(), _none()
    for container in spec.get("initContainers") or []:
        asked = _requests(container)
        if container.get("restartPolicy") == "Always":
            _add(sidecars, asked)
        else:
            _add(asked, sidecars)
            _raise_to(biggest, asked)
    together = sidecars
    for container in spec.get("containers") or []:
        _add(together, _requests(container))
    _raise_to(biggest, together)
    biggest.update(_requests(spec))  # requests of the whole pod, where the cluster knows them
    _add(biggest, _amounts(spec.get("overhead")))
    return dict(biggest)


def node_room(node: Mapping[str, Any], *, used: Amounts, reserved: Amounts) -> NodeRoom:
    """A core/v1 Node with what the pods on it take, and the part of that which every such node has."""
    metadata, spec, status = (node.get(part) or {} for part in ("metadata", "spec", "status"))
    healthy = any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or [])
    return NodeRoom(
        name=str(metadata.get("name", "")),
        labels=metadata.get("labels") or {},
        taints=_taints(spec),
        allocatable=_amounts(status.get("allocatable")),
        used=dict(used),
        reserved=dict(reserved),
        ready=healthy and not spec.get("unschedulable", False),
    )


def _pool(pool: Mapping[str, Any]) -> NodePool:
    metadata, spec, status = (pool.get(part) or {} for part in ("metadata", "spec", "status"))
    template = spec.get("template") or {}
    inside = template.get("spec") or {}
    unready = any(c.get("type") == "Ready" and c.get("status") == "False" for c in status.get("conditions") or [])
    return NodePool(
        name=str(metadata.get("name", "")),
        labels=(template.get("metadata") or {}).get("labels") or {},
        requirements=tuple(
            Requirement(
                key=str(item.get("key", "")),
                operator=str(item.get("operator", "")),
                values=tuple(str(value) for value in item.get("values") or ()),
            )
            for item in inside.get("requirements") or []
        ),
        taints=_taints(inside),
        limits=_amounts(spec.get("limits")),
        used=_amounts(status.get("resources")),
        ready=not unready,
    )


def _taints(spec: Mapping[str, Any]) -> tuple[Taint, ...]:
    return tuple(
        Taint(key=str(t.get("key", "")), value=str(t.get("value") or ""), effect=str(t.get("effect", "")))
        for t in spec.get("taints") or []
    )


def _comes_with_the_node(pod: Mapping[str, Any]) -> bool:
    metadata = pod.get("metadata") or {}
    owners = metadata.get("ownerReferences") or []
    return _MIRROR in (metadata.get("annotations") or {}) or any(o.get("kind") == "DaemonSet" for o in owners)


def _requests(of: Mapping[str, Any]) -> Amounts:
    resources = of.get("resources") or {}
    return {**_amounts(resources.get("limits")), **_amounts(resources.get("requests"))}


def _amounts(quantities: Mapping[str, Any] | None) -> Amounts:
    read = {name: _amount(written) for name, written in (quantities or {}).items()}
    return {name: amount for name, amount in read.items() if amount is not None}


def _amount(written: Any) -> float | None:
    try:
        amount = float(parse_quantity(written))
    except ValueError:
        return None
    return amount if isfinite(amount) else None


def _none() -> Amounts:
    return defaultdict(float)


def _add(to: Amounts, amounts: Amounts) -> None:
    for name, amount in amounts.items():
        to[name] = to.get(name, 0.0) + amount


def _raise_to(to: Amounts, amounts: Amounts) -> None:
    for name, amount in amounts.items():
        to[name] = max(to.get(name, 0.0), amount)
