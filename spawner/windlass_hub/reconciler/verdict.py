"""How an ended job ended, for people and for machines, from its object and its pods. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from windlass.bundle.secret_scan import mask
from windlass.engines.base import State
from windlass.engines.kubernetes.model import Observed
from windlass.engines.kubernetes.observing.conditions import posix, status_of
from windlass.engines.kubernetes.observing.phases import phase
from windlass.engines.kubernetes.observing.pod_status import PodStatus, read
from windlass.engines.kubernetes.wording import short
from windlass.kube.resources import JOBS

from .costs import Told

Object = dict[str, Any]
Cause = Literal[
    "completed", "removed", "oom-killed", "evicted", "deadline", "image", "preparation", "exit-code", "unknown"
]
"""image: it could not be pulled; preparation: an init container failed."""

_CAUSES: dict[State, Cause] = {State.SUCCEEDED: "completed", State.STOPPED: "removed"}
_TIME_LIMIT = "the time limit was reached"
_LONGEST_REASON = 1000


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Times are POSIX seconds of the cluster's clock."""

    state: State
    cause: Cause
    reason: str
    started_at: float | None
    ended_at: float | None
    exit_code: int | None


def verdict(seen: Observed) -> Verdict | None:
    """How a job ended; None while it goes on."""
    stands = phase(seen)
    if not stands.state.is_final:
        return None
    # Some operators take pods away as the job ends.
    pods = [read(pod) for pod in (*seen.pods, *seen.departed)]
    cause = _cause(stands.state, stands.reason, pods)
    reason = stands.reason
    stuck = next((pod for pod in pods if pod.main.pull_trouble), None)
    if cause == "image" and stuck is not None:
        reason = f"{reason}; the image of {stuck.title} could not be pulled: {stuck.main.message or stuck.main.waiting}"
    return Verdict(
        state=stands.state,
        cause=cause,
        reason=short(mask(reason), longest=_LONGEST_REASON),
        started_at=stands.started_at,
        ended_at=stands.ended_at,
        exit_code=stands.exit_code,
    )


def failed_first(pods: list[PodStatus]) -> PodStatus | None:
    """The pod whose ranks failed first; None when none did."""
    broken = [pod for pod in pods if pod.failure is not None]
    return min(broken, key=_failed_at, default=None)


def expected_pods(job: Object) -> int:
    """How many pods of ranks a job runs at a time, by its object."""
    spec = job.get("spec") or {}
    replicas = spec.get("pytorchReplicaSpecs")
    if replicas:
        return sum(int(each.get("replicas", 1)) for each in replicas.values())
    return int((spec.get("trainer") or {}).get("numNodes") or spec.get("parallelism") or 1)


def told(seen: Observed, end: Verdict) -> Told:
    """What an ended job's object says of its pods."""
    job = seen.job or seen.last or {}
    status = status_of(job)
    # Only a Job counts pods that are there no more.
    ended = int(status.get("failed") or 0) + int(status.get("succeeded") or 0) if job.get("kind") == JOBS.kind else 0
    return Told(
        expected=expected_pods(job),
        ran=end.state is State.SUCCEEDED or end.started_at is not None or ended > 0,
        began_at=posix(status.get("startTime")),
        ended=ended,
    )


def _cause(state: State, reason: str, pods: list[PodStatus]) -> Cause:
    if state is not State.FAILED:
        return _CAUSES.get(state, "unknown")
    broken = failed_first(pods)
    if broken is None and any(pod.main.pull_trouble for pod in pods):
        return "image"
    if reason == _TIME_LIMIT:
        return "deadline"
    if any(pod.evicted for pod in pods) and (broken is None or broken.evicted):
        return "evicted"
    return _cause_in(broken) if broken is not None else _cause_before(pods)


def _cause_in(broken: PodStatus) -> Cause:
    return "oom-killed" if broken.failure is not None and broken.failure.reason == "OOMKilled" else "exit-code"


def _cause_before(pods: list[PodStatus]) -> Cause:
    endings = [each.ending or each.last for pod in pods for each in pod.init]
    return "preparation" if any(ending is not None and ending.exit_code for ending in endings) else "unknown"


def _failed_at(pod: PodStatus) -> float:
    failure = pod.failure
    return failure.ended_at if failure is not None and failure.ended_at is not None else float("inf")
