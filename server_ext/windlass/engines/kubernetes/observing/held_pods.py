"""What pods hold, and how long, from their objects and their nodes' labels. Pure: asks nothing, and knows no price.

A pod holds what it asks for from when it is placed until its last container ends; a container that is started again in
place holds it all the while. Whether all pods of a job were seen is told by the pods themselves: operators make them
together, and number their attempts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from windlass.costs.book import Shape
from windlass.costs.holding import (
    INSTANCE_TYPE_LABELS,
    PRODUCT_LABEL,
    REGION_LABELS,
    Held,
    capacity_of,
    devices_of,
    first_label,
)
from windlass.engines.kubernetes.model import Object
from windlass.engines.kubernetes.observing.conditions import condition, labels, posix, since, status_of
from windlass.engines.kubernetes.observing.pod_status import ATTEMPT_LABEL, PodStatus, read
from windlass.engines.kubernetes.observing.trimming import AMOUNTS

_GIB = 2**30
_SAME_SECOND = 1.0
"""Times of the API are whole seconds."""
_FIRST_PODS_SECONDS = 120.0
"""How long after a job begins its first pods may be made; those that come later may stand for others."""
REPLACED = "Pods were replaced before anybody looked."


@dataclass(frozen=True, kw_only=True)
class Node:
    """What is known of a node."""

    labels: Mapping[str, str]
    is_whole: bool
    """These are all its labels, so that one that is not there says something too."""
    shape: Shape | None = None


@dataclass(frozen=True, kw_only=True)
class SeenPod:
    """A pod, as far as it matters to what it holds."""

    held: Held
    created_at: float | None


def seen_pod(pod: Object, node: Node | None, *, gone_at: float | None = None, gone_unseen: bool = False) -> SeenPod:
    """What a trimmed pod holds.

    Args:
        pod: as `trimming.pod` leaves it.
        node: its node; None while that is not known.
        gone_at: when it was seen to be gone, for one that was taken away while it ran.
        gone_unseen: it went at some time while nobody looked.
    """
    seen, spec = read(pod), pod.get("spec") or {}
    # A pod that was placed by labels is on a node that has them.
    known = {**(spec.get("nodeSelector") or {}), **(node.labels if node is not None else {})}
    amounts: Mapping[str, float] = pod.get(AMOUNTS) or {}
    devices = devices_of(amounts, known)
    attempt = str(labels(pod).get(ATTEMPT_LABEL, ""))
    held = Held(
        title=seen.title,
        since=seen.scheduled_at,
        until=_until(pod, seen, gone_at),
        ended=gone_unseen or gone_at is not None or seen.stage in ("succeeded", "failed"),
        node=seen.node,
        instance_type=first_label(known, INSTANCE_TYPE_LABELS),
        capacity=capacity_of(known, known=node is not None and node.is_whole),
        region=first_label(known, REGION_LABELS),
        gpus=devices.count,
        product=known.get(PRODUCT_LABEL),
        mig_profile=devices.mig_profile,
        shares=devices.shares,
        cores=amounts.get("cpu", 0.0),
        memory_gib=amounts.get("memory", 0.0) / _GIB,
        attempt=int(attempt) if attempt.isdecimal() else 0,
        shape=node.shape if node is not None else None,
        problem=devices.problem,
    )
    return SeenPod(held=held, created_at=seen.created_at)


def missing(pods: Collection[SeenPod], *, expected: int, ran: bool, began_at: float | None) -> str:
    """Why pods may have come and gone before anybody looked, as a sentence; empty when nothing says so.

    Args:
        pods: all that were seen.
        expected: how many the job runs at a time.
        ran: some have run.
        began_at: when the first were to be made, POSIX seconds; None where nobody says.
    """
    if not ran:
        return ""
    titles = {pod.held.title for pod in pods}
    if len(titles) < expected:
        return f"Only {len(titles)} of {expected} pods were seen." if titles else "None of the job's pods was seen."
    attempts = {pod.held.attempt for pod in pods}
    oldest = min((pod.created_at for pod in pods if pod.created_at is not None), default=None)
    late = began_at is not None and oldest is not None and oldest > began_at + _FIRST_PODS_SECONDS
    if late or not set(range(max(attempts))) <= attempts or _stand_in(pods):
        return REPLACED
    return ""


def _stand_in(pods: Collection[SeenPod]) -> bool:
    """Whether the first pod seen of a rank is younger than another's start: it stands in an older one's place."""
    begun = min((pod.held.since for pod in pods if pod.held.since is not None), default=None)
    first: dict[str, float] = {}
    for pod in pods:
        if pod.created_at is not None:
            first[pod.held.title] = min(pod.created_at, first.get(pod.held.title, pod.created_at))
    return begun is not None and any(created > begun + _SAME_SECOND for created in first.values())


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
