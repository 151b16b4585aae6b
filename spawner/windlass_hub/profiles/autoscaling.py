"""Whether Karpenter would start a node for a profile: yes, perhaps, or no.

A NodePool says which nodes it may make, not which it can: instance types come from the cloud. So there are three
answers. Only a plain yes is promised on the spawn page, and only a plain no may refuse a start.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum

from .model import Gpu, Toleration
from .nodes import Amounts, NodePool, Requirement

# Labels that Karpenter or the cloud gives every node, whatever the pool says of them.
_WELL_KNOWN = re.compile(
    r"(kubernetes\.io/(arch|os|hostname)|topology\.kubernetes\.io/.*|node\.kubernetes\.io/(instance-type|windows-build)"
    r"|karpenter\.sh/capacity-type|karpenter\.k8s\.[a-z]+/.*|karpenter\.azure\.com/.*|eks\.amazonaws\.com/instance-.*)"
)
_GPU_NAME = re.compile(r".*/(instance|sku)-gpu-name")
_GPU_SIGN = re.compile(r".*/(instance|sku)-gpu-.*|nvidia\.com/.*")
_FAMILY = re.compile(r".*/instance-(category|family)|node\.kubernetes\.io/instance-type")
_GPU_FAMILY = re.compile(r"(g|gr|p)([0-9].*)?|Standard_N[CDV].*|[ag][0-9]-.*gpu.*", re.IGNORECASE)


class Fit(Enum):
    """How sure it is that a pool makes such a node."""

    YES = "yes"
    PERHAPS = "perhaps"
    FULL = "full"
    NO = "no"


def pool_fit(
    pool: NodePool, *, selector: Mapping[str, str], tolerations: tuple[Toleration, ...], asked: Amounts, gpu: Gpu | None
) -> Fit:
    """Whether this pool would start a node for a pod with this selector, these tolerations and these requests."""
    if not all(taint.borne_by(tolerations) for taint in pool.taints):
        return Fit.NO
    if not all(_may_have(pool, label, value) for label, value in selector.items()):
        return Fit.NO
    gpus = _gpu_fit(pool, gpu)
    if gpus is Fit.NO:
        return Fit.NO
    if not pool.ready or any(
        pool.used.get(name, 0.0) + asked.get(name, 0.0) > limit for name, limit in pool.limits.items()
    ):
        return Fit.FULL
    return gpus


def _may_have(pool: NodePool, label: str, value: str) -> bool:
    if label == "karpenter.sh/nodepool":
        return value == pool.name
    if label in pool.labels:
        return pool.labels[label] == value
    said = [requirement for requirement in pool.requirements if requirement.key == label]
    if not said:
        return _WELL_KNOWN.fullmatch(label) is not None
    return all(_allows(requirement, value) for requirement in said)


def _allows(requirement: Requirement, value: str) -> bool:
    operator, values = requirement.operator, requirement.values
    if operator in ("In", "NotIn"):
        return (value in values) == (operator == "In")
    if operator in ("Exists", "DoesNotExist"):
        return operator == "Exists"
    try:
        number, bound = int(value), int(values[0])
    except (ValueError, IndexError):
        return False
    return {"Gt": number > bound, "Lt": number < bound, "Gte": number >= bound, "Lte": number <= bound}.get(
        operator, True
    )


def _gpu_fit(pool: NodePool, gpu: Gpu | None) -> Fit:
    if gpu is None:
        return Fit.YES
    if gpu.resource_name in pool.limits and pool.limits[gpu.resource_name] <= 0:
        return Fit.NO
    for requirement in pool.requirements:
        if _GPU_SIGN.fullmatch(requirement.key) and requirement.operator == "DoesNotExist":
            return Fit.NO
        if _GPU_NAME.fullmatch(requirement.key) and requirement.operator == "In":
            return Fit.YES if any(_same_card(name, gpu.product) for name in requirement.values) else Fit.NO
    return Fit.YES if _speaks_of_gpus(pool) else Fit.PERHAPS


def _speaks_of_gpus(pool: NodePool) -> bool:
    keys = [*pool.labels, *pool.limits, *(t.key for t in pool.taints), *(r.key for r in pool.requirements)]
    families = [
        value
        for requirement in pool.requirements
        if _FAMILY.fullmatch(requirement.key) and requirement.operator == "In"
        for value in requirement.values
    ]
    return any(_GPU_SIGN.fullmatch(key) for key in keys) or (
        bool(families) and all(_GPU_FAMILY.match(value) for value in families)
    )


def _same_card(name: str, product: str) -> bool:
    """Clouds write `t4` and `a100`, GPU feature discovery `Tesla-T4` and `A100-SXM4-40GB`."""
    return name.lower() in re.split(r"[^a-z0-9]+", product.lower())
