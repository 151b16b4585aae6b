"""A job's way from its making to its end: when each step was reached, and how long it took.

Steps that this job does not have are left out: without a queue it was never queued, and where a node was there nobody
asked for one. What has not been reached yet has no time. Times are the cluster's own, whole seconds for the most part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Literal

from windlass.contract.cluster import TimelineStep
from windlass.engines.kubernetes.model import Object, Observed
from windlass.engines.kubernetes.observing import queueing
from windlass.engines.kubernetes.observing.conditions import created_at, event_time
from windlass.engines.kubernetes.observing.phases import Present, phase, present
from windlass.engines.kubernetes.observing.pod_status import PodStatus

Step = Literal["created", "queued", "admitted", "node_requested", "node_ready", "image_pulled", "first_line", "ended"]
_REQUESTED = ("TriggeredScaleUp", "Nominated")


def timeline(seen: Observed, *, first_line_at: float | None) -> list[TimelineStep]:
    """The steps in their order; `first_line_at` is when a rank printed something first (POSIX seconds)."""
    job = seen.job or seen.last
    if job is None:
        return []
    # Pods that went when the job ended have been placed, and had their image.
    there, stands = present(replace(seen, pods=[*seen.departed, *seen.pods])), phase(seen)
    steps: list[tuple[Step, float | None, str]] = [("created", created_at(job), "")]
    if seen.workload is not None or (queueing.queue_of(seen) and not queueing.not_in_force(seen)):
        steps.append(("queued", queueing.queued_at(seen.workload), ""))
        steps.append(("admitted", queueing.admitted_at(seen.workload), ""))
    requested = [event_time(each) for each in seen.events if each.get("reason") in _REQUESTED]
    if requested or any(pod.unschedulable for pod in there.pods):
        steps.append(("node_requested", _first(requested), ""))
    steps.append(_all_pods("node_ready", there, [pod.scheduled_at for pod in there.pods], "placed"))
    pulled = [_pulled_at(pod, seen.events) for pod in there.pods]
    steps.append(_all_pods("image_pulled", there, pulled, "have it"))
    steps.append(("first_line", first_line_at, ""))
    steps.append(("ended", stands.ended_at, stands.state.value if stands.state.is_final else ""))
    return _with_durations(steps)


def _all_pods(name: Step, there: Present, times: Sequence[float | None], verb: str) -> tuple[Step, float | None, str]:
    """Reached when the last of the pods has; until then the note says how many have."""
    known = [each for each in times if each is not None]
    if there.expected and len(known) >= there.expected:
        return name, max(known), ""
    return name, None, f"{len(known)} of {there.expected} pods {verb}" if known else ""


def _pulled_at(pod: PodStatus, events: Sequence[Object]) -> float | None:
    """When the image of the ranks was there; where no event says so any more, at the latest when they started."""
    told = [
        event_time(each)
        for each in events
        if each.get("reason") == "Pulled"
        and (each.get("involvedObject") or {}).get("uid") == pod.uid
        and f"{{{pod.main.name}}}" in str((each.get("involvedObject") or {}).get("fieldPath", ""))
    ]
    return _first([*told, pod.started_at])


def _with_durations(steps: list[tuple[Step, float | None, str]]) -> list[TimelineStep]:
    found: list[TimelineStep] = []
    before: float | None = None
    for name, at, note in steps:
        # Steps of pods that were made again may be later than the first line: no time has passed backwards.
        took = max(0.0, at - before) if at is not None and before is not None else None
        moment = datetime.fromtimestamp(at, timezone.utc) if at is not None else None
        found.append(TimelineStep(name=name, at=moment, seconds=took, note=note))
        before = at if at is not None else before
    return found


def _first(times: Sequence[float | None]) -> float | None:
    return min((each for each in times if each is not None), default=None)
