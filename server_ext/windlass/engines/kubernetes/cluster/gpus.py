"""Which GPUs a cluster has, in the terms a job asks for them: product, share, extended resource.

Words of NVIDIA's device plugin and GPU feature discovery. A MIG card is either a resource of its own
(`nvidia.com/mig-1g.5gb`, strategy `mixed`) or an ordinary one whose product names the profile (`single`); a shared card
is `nvidia.com/gpu.shared`, or an ordinary one whose product ends in `-SHARED` or whose node says that it is shared.
Other vendors' cards are whole ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from windlass.contract.cluster import GpuShare, OfferedGpu
from windlass.contract.hub import GpuCapacity
from windlass.engines.kubernetes.manifests.placement import GPU_PRODUCT, SHARING_STRATEGY

_RESOURCE = re.compile(r"(nvidia\.com/(gpu(\.shared)?|mig-.+)|amd\.com/gpu|gpu\.intel\.com/(i915|xe)|habana\.ai/gaudi)")
_MIG_RESOURCE = re.compile(r"nvidia\.com/mig-(?P<profile>.+?)(\.shared)?")
_MIG_PRODUCT = re.compile(r".*-MIG-(?P<profile>[^-]+)(-SHARED)?")
_PROFILE = re.compile(r"[1-9]g\.[1-9][0-9]{0,2}gb(\.me)?")


def offered(gpus: Iterable[GpuCapacity]) -> list[OfferedGpu]:
    """As the hub counts them."""
    return _sorted(
        _one(product=gpu.product, resource=gpu.resource, total=gpu.total, free=gpu.free, shared=False) for gpu in gpus
    )


class CountedGpus:
    """Sums GPUs over nodes as they are read, page by page. How many are free only all pods would tell: unknown."""

    def __init__(self) -> None:
        self._totals: dict[tuple[str, str, bool], int] = {}

    def add(self, node: Mapping[str, Any]) -> None:
        """Count a node's cards, unless it takes no pods."""
        if node.get("spec", {}).get("unschedulable") or not _is_ready(node):
            return
        labels = node.get("metadata", {}).get("labels") or {}
        shared = labels.get(SHARING_STRATEGY) in ("time-slicing", "mps")
        for resource, amount in (node.get("status", {}).get("allocatable") or {}).items():
            if _RESOURCE.fullmatch(resource) and str(amount).isdecimal() and int(amount) > 0:
                key = (str(labels.get(GPU_PRODUCT) or ""), resource, shared)
                self._totals[key] = self._totals.get(key, 0) + int(amount)

    def offered(self) -> list[OfferedGpu]:
        """What was counted so far."""
        return _sorted(
            _one(product=product, resource=resource, total=total, free=None, shared=shared)
            for (product, resource, shared), total in self._totals.items()
        )


def _one(*, product: str, resource: str, total: int | None, free: int | None, shared: bool) -> OfferedGpu:
    part = _MIG_RESOURCE.fullmatch(resource) or _MIG_PRODUCT.fullmatch(product)
    # A part of a card that is shared further still is asked for as that part.
    share: GpuShare = "mig" if part else "whole"
    if not part and (shared or resource.endswith(".shared") or product.endswith("-SHARED")):
        share = "time-sliced"
    # Profiles that a job cannot name are still asked for by resource and product.
    profile = part["profile"] if part and _PROFILE.fullmatch(part["profile"]) else None
    return OfferedGpu(product=product, share=share, mig_profile=profile, resource=resource, total=total, free=free)


def _is_ready(node: Mapping[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions") or []
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)


def _sorted(gpus: Iterable[OfferedGpu]) -> list[OfferedGpu]:
    return sorted(gpus, key=lambda gpu: (gpu.product, gpu.resource, gpu.share))
