"""Whether a worker fits on some node: by labels, taints, and what the node has in all (not what is free now).

On a hub the nodes are those that the hub sees, which tell only the usual labels. Elsewhere the account reads them
itself, where it may, filtered by the job's own node selector: one page, seldom a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from windlass.contract.hub import ClusterCapacity, NodeCapacity
from windlass.contract.preview import Finding, Severity
from windlass.engines.kubernetes.manifests.placement import CAPACITY_TYPE, GPU_PRODUCT
from windlass.engines.kubernetes.model import Object
from windlass.engines.kubernetes.observing.conditions import holding
from windlass.engines.kubernetes.preflight.amounts import ZERO, Amounts, parsed, pod_amounts, shown
from windlass.engines.kubernetes.preflight.asking import Asking, Question, Unanswered
from windlass.engines.kubernetes.wording import listed
from windlass.kube.errors import KubeError
from windlass.kube.resources import NODE_POOLS, NODES

NODES_AT_ONCE = 100
_PAGES = 3
_INSTANCE_TYPE, _ZONE = "node.kubernetes.io/instance-type", "topology.kubernetes.io/zone"
_POOL, _HOSTNAME = "karpenter.sh/nodepool", "kubernetes.io/hostname"
_HUB_KNOWS = {_INSTANCE_TYPE, _ZONE, _POOL, _HOSTNAME, CAPACITY_TYPE, GPU_PRODUCT}


@dataclass(frozen=True, kw_only=True)
class Place:
    """A node, as far as it is known."""

    labels: Mapping[str, str]
    allocatable: Amounts
    """What it has for pods; what is not in it is unknown on a hub (`is_whole`), else nothing."""
    taints: Sequence[Mapping[str, Any]] = ()
    is_whole: bool = True
    """Everything about it is known: labels, taints, all amounts."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """The nodes that could be meant."""

    found: Sequence[Place]
    more: bool
    """There are others, which were not read."""
    starts_nodes: bool | None
    """Whether Karpenter may start others; None where that is not known."""


async def ask(asking: Asking) -> list[Finding]:
    """A warning where no node there is takes a worker."""
    largest = max(asking.pods, key=lambda group: _size(group.spec), default=None)
    if largest is None:
        return []
    pod = largest.spec
    selector: dict[str, str] = dict(pod.get("nodeSelector") or {})
    places = _of_hub(asking.capacity, selector) if asking.capacity is not None else await _read(asking, selector)
    chosen = [place for place in places.found if _matches(place, selector)]
    if any(_takes(place, pod) for place in chosen):
        return []
    if places.more:
        raise Unanswered("there are more nodes than were looked at")
    if places.starts_nodes is None:
        places = Places(found=places.found, more=False, starts_nodes=await _karpenter(asking))
    if not chosen:
        return [_no_such_node(asking, selector, places)] if selector else [_no_nodes(places)]
    return [_nowhere(pod, chosen, places)]


def _size(pod: Object) -> tuple[Decimal, Decimal, Decimal]:
    amounts = pod_amounts(pod, "requests")
    devices = sum((amount for name, amount in amounts.items() if "/" in name), ZERO)
    return devices, amounts.get("memory", ZERO), amounts.get("cpu", ZERO)


def _matches(place: Place, selector: Mapping[str, str]) -> bool:
    return all(place.labels.get(key) == value for key, value in selector.items())


def _takes(place: Place, pod: Object) -> bool:
    """Whether the pod could run there were the node empty."""
    for name, amount in pod_amounts(pod, "requests").items():
        has = place.allocatable.get(name, None if not place.is_whole and "/" not in name else ZERO)
        if has is not None and has < amount:
            return False
    tolerations = pod.get("tolerations") or []
    barring = [taint for taint in place.taints if taint.get("effect") in ("NoSchedule", "NoExecute")]
    return all(any(_bears(each, taint) for each in tolerations) for taint in barring)


def _bears(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint.get("key"))
    return toleration.get("key") == taint.get("key") and toleration.get("value", "") == taint.get("value", "")


def _of_hub(capacity: ClusterCapacity, selector: Mapping[str, str]) -> Places:
    """Raises Unanswered."""
    if capacity.source != "kubernetes" or not capacity.complete:
        raise Unanswered("the hub does not know the cluster's nodes now")
    unknown = sorted(set(selector) - _HUB_KNOWS)
    if unknown:
        raise Unanswered(f"the hub does not say which nodes have the label {listed(unknown)}")
    found = [_hub_place(node) for node in capacity.nodes if node.ready and node.schedulable]
    return Places(found=found, more=False, starts_nodes=bool(capacity.pools))


def _hub_place(node: NodeCapacity) -> Place:
    labels = {
        _INSTANCE_TYPE: node.instance_type,
        _ZONE: node.zone,
        _POOL: node.pool,
        _HOSTNAME: node.name,
        GPU_PRODUCT: node.gpu_product,
        CAPACITY_TYPE: None if node.spot is None else "spot" if node.spot else "on-demand",
    }
    amounts: Amounts = {name: Decimal(count) for name, count in node.gpus.items()}
    if node.cpu_cores is not None:
        amounts["cpu"] = Decimal(str(node.cpu_cores))
    if node.memory_bytes is not None:
        amounts["memory"] = Decimal(node.memory_bytes)
    return Place(
        labels={key: value for key, value in labels.items() if value is not None}, allocatable=amounts, is_whole=False
    )


async def _read(asking: Asking, selector: Mapping[str, str]) -> Places:
    """Raises a KubeError."""
    query = {"limit": str(NODES_AT_ONCE)}
    if selector:
        query["labelSelector"] = ",".join(f"{key}={value}" for key, value in selector.items())
    found: list[Place] = []
    for _ in range(_PAGES):
        page = await asking.client.raw("GET", NODES.path(), query=query) or {}
        found += [_place(node) for node in page.get("items") or [] if _takes_pods(node)]
        query["continue"] = (page.get("metadata") or {}).get("continue") or ""
        if not query["continue"]:
            return Places(found=found, more=False, starts_nodes=None)
    return Places(found=found, more=True, starts_nodes=None)


def _takes_pods(node: Object) -> bool:
    return not (node.get("spec") or {}).get("unschedulable") and holding(node, "Ready") is not None


def _place(node: Object) -> Place:
    return Place(
        labels=(node.get("metadata") or {}).get("labels") or {},
        allocatable=parsed((node.get("status") or {}).get("allocatable")),
        taints=(node.get("spec") or {}).get("taints") or [],
    )


async def _karpenter(asking: Asking) -> bool | None:
    try:
        page = await asking.client.raw("GET", NODE_POOLS.path(), query={"limit": "1"}) or {}
    except KubeError:
        return None
    return bool(page.get("items"))


def _no_such_node(asking: Asking, selector: Mapping[str, str], places: Places) -> Finding:
    labels = listed([f"{key}={value}" for key, value in selector.items()])
    by_hand = dict.fromkeys(asking.job.options.node_selector)
    return Finding(
        rule="node-selector",
        severity=Severity.INFO if places.starts_nodes else Severity.WARNING,
        message=f"No node of the cluster has {labels} now. {_outcome(places)}",
        fix="Leave the node selector out, or choose labels that nodes have." if by_hand else None,
        apply={"cluster": {"node_selector": by_hand}} if by_hand else None,
    )


def _no_nodes(places: Places) -> Finding:
    message = f"The cluster has no node that takes pods now. {_outcome(places)}"
    return Finding(rule="no-node", severity=Severity.INFO if places.starts_nodes else Severity.WARNING, message=message)


def _nowhere(pod: Object, chosen: Sequence[Place], places: Places) -> Finding:
    """What a worker asks for, and the most that one node has of it."""
    asked = pod_amounts(pod, "requests")
    most = {name: max((place.allocatable.get(name, ZERO) for place in chosen), default=ZERO) for name in asked}
    lacking = [name for name, amount in asked.items() if most[name] < amount]
    if lacking:
        too_much = listed([f"{shown(name, asked[name])} (the most is {shown(name, most[name])})" for name in lacking])
        message = f"No node has {too_much}, which a worker asks for. {_outcome(places)}"
        fix, apply = _less(lacking, most)
    else:
        taints = sorted({str(taint.get("key")) for place in chosen for taint in place.taints})
        by_taints = f", or they have taints that it does not tolerate ({listed(taints)})" if taints else ""
        message = f"No single node has all that a worker asks for{by_taints}. {_outcome(places)}"
        fix, apply = "Ask for less, or for other nodes.", None
    severity = Severity.INFO if places.starts_nodes else Severity.WARNING
    return Finding(rule="worker-too-large", severity=severity, message=message, fix=fix, apply=apply)


def _less(lacking: Sequence[str], most: Amounts) -> tuple[str, dict[str, Any] | None]:
    """The most that one node has of what is too much, a little less of memory and cores: nodes run other pods too."""
    cluster: dict[str, Any] = {}
    apply: dict[str, Any] = {}
    for name in lacking:
        if name == "memory" and most[name] > 2**30:
            cluster["memory_bytes"] = int(most[name] * Decimal("0.9") / 2**20) * 2**20
        elif name == "cpu" and most[name] >= 1:
            cluster["cpu"] = float(int(most[name] * 9) / 10)
        elif "/" in name and most[name] >= 1:
            apply["gpus_per_worker"] = int(most[name])
        else:
            return "Ask for less, or for other nodes.", None
    if cluster:
        apply["cluster"] = cluster
    return "Ask for no more than one node has.", apply


def _outcome(places: Places) -> str:
    if places.starts_nodes:
        return "Karpenter may start one."
    return "Unless an autoscaler starts one, the job waits for ever."


QUESTION = Question(about="whether a worker fits on a node", ask=ask)
