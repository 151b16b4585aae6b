"""How many servers of a profile could start now, and what that means in words.

Counted as the scheduler counts: per node, all resources together, after labels and taints. What is not known is None
and said so, never 0; and only what can provably never start is called impossible, since that refuses a start.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .autoscaling import Fit, pool_fit
from .cluster_reading import nodes_from_kubernetes, pools_from_karpenter
from .fleet import PRODUCT_LABEL, Need, Stock, fleet_of, requests_of
from .model import Gpu, Profile
from .nodes import Amounts, CapacitySnapshot, NodePool, NodeRoom, Requirement, Taint

__all__ = [
    "PRODUCT_LABEL",
    "Availability",
    "CapacitySnapshot",
    "GpuTotal",
    "NodePool",
    "NodeRoom",
    "Requirement",
    "Taint",
    "gpu_totals",
    "nodes_from_kubernetes",
    "pools_from_karpenter",
    "requests_of",
    "room_for",
]

_PRODUCT_LABELS = (PRODUCT_LABEL, "cloud.google.com/gke-accelerator", "karpenter.k8s.aws/instance-gpu-name")
_GPU_VENDORS = ("nvidia.com/", "amd.com/gpu", "gpu.intel.com/", "habana.ai/")


@dataclass(frozen=True, kw_only=True)
class Availability:
    """Room for a profile.

    Attributes:
        free: how many servers of it fit now; None: not known.
        total: how many fit when nothing else runs; None: not known.
        starts_node: one more would make an autoscaler start a node.
        minutes: how long that takes; None: not known.
        sentence: the same for a card.
        impossible: why it can never start here, as a sentence to refuse with; None: it can, or nobody knows.
    """

    free: int | None
    total: int | None
    starts_node: bool
    minutes: float | None
    sentence: str
    impossible: str | None


@dataclass(frozen=True, kw_only=True)
class GpuTotal:
    """GPUs of one product under one resource name. `used` is None where the pods could not be read."""

    product: str | None
    resource: str
    total: int
    used: int | None
    nodes: int
    nodes_ready: int


def room_for(profile: Profile, snapshot: CapacitySnapshot | None) -> Availability:
    """How many servers of this profile could start, by what was last seen of the cluster."""
    if snapshot is None or not snapshot.complete:
        return _unknown()
    need = Need.of(profile, anywhere=snapshot.source == "machine")
    stock = fleet_of(snapshot).stock(need)
    if stock.contradicted:  # nodes would take it, but their label says another card: no number is honest
        return _unknown()
    total = stock.total(need.asked)
    if need.anywhere:
        return _on_one_machine(total)
    free = stock.free(need.asked)
    total = max(free, total)
    starts, never = _autoscaling(profile, snapshot, need)
    return Availability(
        free=free,
        total=total,
        starts_node=starts,
        minutes=profile.node_start_minutes if starts else None,
        sentence=_sentence(free, total, starts, profile.node_start_minutes),
        impossible=_impossible(profile, stock, need.asked) if never and not total else None,
    )


def gpu_totals(snapshot: CapacitySnapshot | None) -> list[GpuTotal]:
    """The fleet's GPUs by product and resource, for the admin page. Empty where nothing is known."""
    found: dict[tuple[str | None, str], list[NodeRoom]] = {}
    for node in snapshot.nodes if snapshot else ():
        for resource, amount in node.allocatable.items():
            if amount >= 1 and resource.startswith(_GPU_VENDORS):
                found.setdefault((_product(node), resource), []).append(node)
    known = snapshot is not None and snapshot.complete
    return [
        GpuTotal(
            product=product,
            resource=resource,
            total=_sum(node.allocatable.get(resource, 0.0) for node in nodes),
            used=_sum(node.used.get(resource, 0.0) for node in nodes) if known else None,
            nodes=len(nodes),
            nodes_ready=sum(node.ready for node in nodes),
        )
        for (product, resource), nodes in sorted(found.items(), key=lambda item: (item[0][0] or "", item[0][1]))
    ]


def _unknown() -> Availability:
    return Availability(
        free=None, total=None, starts_node=False, minutes=None, sentence="availability not known", impossible=None
    )


def _on_one_machine(total: int) -> Availability:
    """A process reserves nothing, so what is free is not known there; and the machine may be shared out too often."""
    sentence = (
        f"this machine has room for {total}; what is in use is not known" if total else "more than this machine has"
    )
    return Availability(
        free=None if total else 0, total=total, starts_node=False, minutes=None, sentence=sentence, impossible=None
    )


def _autoscaling(profile: Profile, snapshot: CapacitySnapshot, need: Need) -> tuple[bool, bool]:
    """Whether a node would be started, and whether it is certain that none ever will be."""
    fits = [
        pool_fit(pool, selector=need.selector, tolerations=need.tolerations, asked=need.asked, gpu=profile.gpu)
        for pool in snapshot.pools
    ]
    promised = profile.node_start_minutes is not None
    at_limit = Fit.FULL in fits and Fit.YES not in fits and Fit.PERHAPS not in fits
    starts = Fit.YES in fits or (promised and not at_limit)
    never = not promised and not snapshot.other_autoscaler and all(fit is Fit.NO for fit in fits)
    return starts, never


def _sentence(free: int, total: int, starts: bool, minutes: float | None) -> str:
    if free:
        return f"{free} of {total} free"
    if starts:
        return "none free now; starts a node" + (f", about {minutes:g} min" if minutes is not None else "")
    return f"full: {total} of {total} in use" if total else "none available now"


def _impossible(profile: Profile, stock: Stock, asked: Amounts) -> str | None:
    """Nodes that are down, cordoned, tainted or full today may be back tomorrow; labels and size are what they are."""
    if stock.big_enough(asked):
        return None
    if stock.placeable:
        what = f"No node is big enough for {profile.cpu} cores and {profile.memory} of memory{_with(profile.gpu)}"
    elif profile.gpu is not None:
        what = f"The cluster has no node with {profile.gpu.product} ({profile.gpu.resource_name}) for this profile"
    else:
        what = "The cluster has no node of the kind this profile asks for"
    return f"{what}, and none is started for it. Choose another profile, or tell your administrators."


def _with(gpu: Gpu | None) -> str:
    return f" with {gpu.count} × {gpu.product}" if gpu else ""


def _product(node: NodeRoom) -> str | None:
    return next((node.labels[label] for label in _PRODUCT_LABELS if label in node.labels), None)


def _sum(amounts: Iterable[float]) -> int:
    return round(sum(amounts))
