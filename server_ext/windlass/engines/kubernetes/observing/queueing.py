"""Kueue: how long a job's queue still lets it wait, and why; and whether its queue is in force at all.

Kueue's usual configuration does not look after PyTorchJobs: the label of a queue is then passed over in silence, and
the job starts at once. That shows only by what does not happen, so some seconds are waited for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from windlass.engines.kubernetes.kinds.common import QUEUE_LABEL
from windlass.engines.kubernetes.model import Object, Observed
from windlass.engines.kubernetes.observing.conditions import condition, created_at, holding, labels, since, status_of
from windlass.engines.kubernetes.wording import ordinal, short
from windlass.kube.client import KubeClient
from windlass.kube.errors import KubeError, NotFound, Unavailable

GRACE_SECONDS = 5.0
"""How long Kueue may take to suspend a new job or to make its Workload."""
VISIBILITY_VERSIONS = ("v1beta2", "v1beta1")

_WAITING: Mapping[str, str] = {
    "WaitingForQuota": "waiting for others to end: the quota is in use",
    "NoMatchingFlavor": "no part of the queue's quota fits the nodes it asks for",
    "ExceedsMaxQuota": "it asks for more than the queue's whole quota, so it can never start: ask for less",
    "TopologyPlacementFailed": "there is quota, but no place where its pods fit together",
    "WaitingForPreemptedWorkloads": "waiting for the jobs it displaces to end",
    "Misconfigured": "the queue is not set up rightly; its administrator has to see to it",
    "Suspended": "the queue is stopped",
    "PendingEvaluation": "not looked at yet",
    "WaitingForPodsReady": "waiting for the pods of another job to start",
    "Inadmissible": "it cannot be admitted now",
    "Pending": "waiting for its turn",
}
"""Reasons of QuotaReserved=False, those of Kueue 0.19 and the two of before."""
_EVICTED: Mapping[str, str] = {
    "Preempted": "displaced by another job",
    "PodsReadyTimeout": "its pods did not all start in time",
    "AdmissionCheck": "a check of the queue turned it back",
    "ClusterQueueStopped": "the queue was stopped",
    "LocalQueueStopped": "the queue was stopped",
    "NodeFailures": "nodes failed under it",
    "Deactivated": "it was switched off in the queue",
}
_PREEMPTED: Mapping[str, str] = {
    "InClusterQueue": "one of higher priority in its own queue",
    "InCohortReclamation": "a queue that took back what it had lent",
    "InCohortFairSharing": "a queue that had less than its fair share",
    "InCohortReclaimWhileBorrowing": "a queue that took back what it had lent",
}
_TELLS_MORE = ("Inadmissible", "Pending", "Misconfigured", "NoMatchingFlavor", "AdmissionCheck", "")


def queue_of(seen: Observed) -> str | None:
    """The name of the job's LocalQueue; None without one."""
    return labels(seen.job or {}).get(QUEUE_LABEL)


def not_in_force(seen: Observed) -> bool:
    """Whether the job has a queue that nothing looks after: neither held back nor known to Kueue after some seconds."""
    job = seen.job
    if job is None or queue_of(seen) is None or seen.workload is not None:
        return False
    spec = job.get("spec") or {}
    held = spec.get("suspend") or (spec.get("runPolicy") or {}).get("suspend")
    return not held and seen.seconds_since_created >= GRACE_SECONDS


def notice(seen: Observed) -> str | None:
    """What the user should know about the queue while the job goes on."""
    if not not_in_force(seen):
        return None
    return (
        f"The queue {short(queue_of(seen), longest=63)} is not in force: Kueue does not look after this kind of job "
        "here, so it starts without waiting for its turn."
    )


def explain(seen: Observed, *, position: int | None = None) -> str:
    """Why the job waits in its queue. `position` is its place there, from 1, where that is known."""
    queue = short(queue_of(seen), longest=63)
    if seen.workload is None:
        if seen.seconds_since_created < GRACE_SECONDS:
            return f"in queue {queue}"
        return f"in queue {queue}; Kueue has not taken it up, which happens where it is not installed or not set up"
    place = f"{ordinal(position)} in queue {queue}" if position is not None else f"in queue {queue}"
    why = _why(seen.workload)
    return f"{place}: {why}" if why else place


def queued_at(workload: Object | None) -> float | None:
    """When the job began to wait, the last time."""
    evicted = holding(workload, "Evicted")
    if evicted is not None:
        return since(evicted)
    return created_at(workload) if workload is not None else None


def admitted_at(workload: Object | None) -> float | None:
    """When the queue let the job go; None while it does not."""
    return since(holding(workload, "Admitted"))


async def positions(client: KubeClient, *, namespace: str, queue: str) -> dict[str, int] | None:
    """The places in the queue, from 1, by Workload, as Kueue's visibility API tells them.

    None where that is not there, not allowed or silent.

    Raises:
        Unavailable: the API does not answer now.
    """
    for version in VISIBILITY_VERSIONS:
        path = (
            f"/apis/visibility.kueue.x-k8s.io/{version}/namespaces/{quote(namespace, safe='')}"
            f"/localqueues/{quote(queue, safe='')}/pendingworkloads"
        )
        try:
            return _places(await client.raw("GET", path))
        except NotFound:
            continue
        except Unavailable as error:
            # Without Kueue's own server behind it the API answers 503 for ever: one more way of not being there.
            if error.status == 503:
                return None
            raise
        except KubeError:
            return None
    return None


def _places(answer: object) -> dict[str, int]:
    items = answer.get("items") if isinstance(answer, dict) else None
    found = {str((item.get("metadata") or {}).get("name")): item.get("positionInLocalQueue", 0) for item in items or ()}
    return {name: place + 1 for name, place in found.items() if isinstance(place, int)}


def _why(workload: Object) -> str:
    if holding(workload, "Admitted") is not None:
        return "admitted, and about to start"
    if (checks := _open_checks(workload)) and holding(workload, "QuotaReserved") is not None:
        return f"it has its quota, and waits for the check {short(', '.join(checks), longest=120)}"
    reserved = condition(workload, "QuotaReserved") or {}
    evicted = holding(workload, "Evicted")
    found, words = (evicted, _EVICTED) if evicted is not None else (reserved, _WAITING)
    reason = str(found.get("reason") or "")
    told = words.get(reason, "")
    if reason == "Preempted":
        by = str((holding(workload, "Preempted") or {}).get("reason") or "")
        return f"displaced by {_PREEMPTED.get(by, 'another job')}; it waits for its turn again"
    message = short(found.get("message"), longest=200)
    if reason in _TELLS_MORE or not told:
        return f"{told}: {message}" if told and message else told or message
    return told


def _open_checks(workload: Object) -> list[str]:
    checks = status_of(workload).get("admissionChecks") or ()
    return [str(each.get("name")) for each in checks if each.get("state") in ("Pending", "Retry")]
