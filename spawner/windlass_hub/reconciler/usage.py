"""What one pod held, and how long, from its object and its node's labels. Pure: asks nothing, and knows no price.

A pod holds what it asks for from when it is placed until its last container ends; a container that is started again in
place holds it all the while. Resources that are no card of a known maker are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from windlass.costs.holding import PRODUCT_LABEL, capacity_of, devices_of
from windlass.engines.kubernetes.observing.conditions import condition, posix, since, status_of
from windlass.engines.kubernetes.observing.conditions import labels as labels_of
from windlass.engines.kubernetes.observing.pod_status import ATTEMPT_LABEL, PodStatus, read

Object = dict[str, Any]

AMOUNTS = "amounts"
"""Where a trimmed pod keeps what it asks for, by resource."""
_GIB = 2**30


@dataclass(frozen=True, kw_only=True)
class PodUsage:
    """One pod. Times are POSIX seconds; what is None is not known."""

    title: str
    created_at: float | None
    since: float | None
    """None while it has no node, and then it holds nothing."""
    until: float | None
    """None while it holds on."""
    ended: bool
    cards: float | None
    """Whole cards: a MIG slice counts its sevenths, a share of a time-sliced card its part."""
    product: str | None
    cores: float | None
    memory_gib: float | None
    spot: bool | None
    attempt: int = 0
    """How often all pods of the job had been started again before it."""

    @property
    def hours(self) -> float | None:
        """How long it held what it asked for; None when that is not known."""
        if self.since is None:
            return 0.0
        return None if self.until is None else max(0.0, self.until - self.since) / 3600


def usage_of(
    pod: Object, node_labels: Mapping[str, str] | None, *, gone_at: float | None = None, gone_unseen: bool = False
) -> PodUsage:
    """What a trimmed pod holds.

    Args:
        pod: with `AMOUNTS`, and its `nodeSelector`.
        node_labels: of its node; None when they are not known.
        gone_at: when it was seen to be gone, for one that was taken away while it ran.
        gone_unseen: it went at some time while nobody looked.
    """
    seen, spec = read(pod), pod.get("spec") or {}
    labels = {**(spec.get("nodeSelector") or {}), **(node_labels or {})}
    amounts: Mapping[str, float] = pod.get(AMOUNTS) or {}
    memory = amounts.get("memory")
    attempt = str(labels_of(pod).get(ATTEMPT_LABEL, ""))
    return PodUsage(
        title=seen.title,
        created_at=seen.created_at,
        since=seen.scheduled_at,
        until=_until(pod, seen, gone_at),
        ended=gone_unseen or gone_at is not None or seen.stage in ("succeeded", "failed"),
        cards=_cards(amounts, labels),
        product=labels.get(PRODUCT_LABEL),
        cores=amounts.get("cpu"),
        memory_gib=None if memory is None else memory / _GIB,
        spot=_is_spot(labels, known=node_labels is not None),
        attempt=int(attempt) if attempt.isdecimal() else 0,
    )


def _until(pod: Object, seen: PodStatus, gone_at: float | None) -> float | None:
    status = status_of(pod)
    if status.get("phase") in ("Succeeded", "Failed"):
        ends = [
            posix(((each.get("state") or {}).get("terminated") or {}).get("finishedAt"))
            for each in (*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ()))
        ]
        known = [each for each in ends if each is not None]
        # A pod that was evicted may say of no container when it ended.
        return max(known) if known else (since(condition(pod, "Ready")) or gone_at)
    if gone_at is None:
        return None
    return posix(pod["metadata"].get("deletionTimestamp")) or gone_at if seen.scheduled_at is not None else None


def _cards(amounts: Mapping[str, float], labels: Mapping[str, str]) -> float | None:
    """Whole cards; None where nobody says how much of one it is."""
    devices = devices_of(amounts, labels)
    return None if devices.count is None else float(devices.count * devices.part)


def _is_spot(labels: Mapping[str, str], *, known: bool) -> bool | None:
    capacity = capacity_of(labels, known=known)
    return None if capacity is None else capacity == "spot"
