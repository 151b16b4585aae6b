"""Why a job failed, in words, and with which exit code: of the pod that failed first, not of those ended after it."""

from __future__ import annotations

import signal
from collections.abc import Sequence

from windlass.engines.kubernetes.model import Object
from windlass.engines.kubernetes.observing.pod_status import Ending, PodStatus
from windlass.engines.kubernetes.wording import short

_TIME_LIMIT = ("DeadlineExceeded",)
_TIME_LIMIT_WORDS = "active longer than specified deadline"
_TRIES_USED_UP = ("BackoffLimitExceeded", "ReachedMaxRestarts")
_TRIES_USED_UP_WORDS = "reached the specified backoff limit"
_UNSUPPORTED_RUNTIME = "TrainingRuntimeNotSupported"

EVICTIONS = {
    "PreemptionByScheduler": "made room for pods of higher priority",
    "DeletionByTaintManager": "was taken off its node, which was tainted or lost",
    "EvictionByEvictionAPI": "was evicted: its node was drained",
    "TerminationByKubelet": "was ended by its node, which ran short of something or was shut down",
    "DeletionByPodGC": "was lost together with its node",
    "Evicted": "was evicted by its node",
}
"""Reasons of the condition DisruptionTarget, and what they mean."""

INIT_WORK = {
    "windlass-fetch": "fetching the bundle",
    "windlass-install": "installing packages",
    "init-pytorch": "waiting for the master to be found",
}
"""Init containers by name; the last is the training operator's own."""


def failure(condition: Object, present: Sequence[PodStatus], past: Sequence[PodStatus]) -> tuple[str, int | None]:
    """Why, and the exit code, from the job's condition and its pods: of the last attempt, where its pods tell."""
    reason, message = str(condition.get("reason") or ""), str(condition.get("message") or "")
    pods = present if first_failure(present) else [*present, *past]
    code = _exit_code(pods)
    if reason in _TIME_LIMIT or _TIME_LIMIT_WORDS in message:
        return "the time limit was reached", code
    if reason == _UNSUPPORTED_RUNTIME:
        return f"the cluster does not support the training runtime: {short(message)}", code
    why = first_failure(pods)
    if not why:
        return short(message) or short(reason) or "the cluster says that it failed, and not why", code
    if reason in _TRIES_USED_UP or _TRIES_USED_UP_WORDS in message:
        restarts = sum(pod.main.restarts for pod in pods)
        return (f"{why}, after {restarts} restarts" if restarts > 1 else why), code
    return why, code


def first_failure(pods: Sequence[PodStatus]) -> str:
    """What went wrong first in the pods; empty when nothing did."""
    taken = [pod for pod in pods if pod.evicted and pod.stage in ("failed", "restarting")]
    broken = sorted((pod for pod in pods if pod.failure is not None), key=_when)
    if broken and not (taken and broken[0] in taken):
        ending = broken[0].failure
        return f"{broken[0].title} {ended(ending)}" if ending is not None else ""
    if taken:
        return f"{taken[0].title} {EVICTIONS.get(taken[0].evicted, 'was taken off its node')}" + _said(taken[0].message)
    return next((words for pod in pods if (words := failed_init(pod))), "")


def ended(ending: Ending) -> str:
    """How a container ended, to follow its name."""
    if ending.reason == "OOMKilled":
        return "ran out of memory and was killed (OOMKilled); ask for more memory per worker"
    if ending.reason in ("ContainerCannotRun", "StartError"):
        return "could not be started" + _said(ending.message)
    if ending.exit_code > 128:
        return f"was ended by {_signal_name(ending.exit_code - 128)} (exit code {ending.exit_code})"
    return f"ended with exit code {ending.exit_code}"


def failed_init(pod: PodStatus) -> str:
    """What of a pod's preparation failed, and why; empty when nothing did."""
    for each in pod.init:
        ending = each.ending or each.last
        if ending is not None and ending.exit_code:
            work = INIT_WORK.get(each.name, f"the init container {short(each.name, longest=63)}")
            cause = short(_last_line(ending.message)) or f"exit code {ending.exit_code}"
            cause = "out of memory" if ending.reason == "OOMKilled" else cause
            return f"{work} failed on {pod.title}: {cause}"
    return ""


def _exit_code(pods: Sequence[PodStatus]) -> int | None:
    broken = sorted((pod for pod in pods if pod.failure is not None), key=_when)
    ending = broken[0].failure if broken else None
    return ending.exit_code if ending is not None else None


def _when(pod: PodStatus) -> float:
    ending = pod.failure
    return ending.ended_at if ending is not None and ending.ended_at is not None else float("inf")


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")


def _said(message: str) -> str:
    words = short(message)
    return f": {words}" if words else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
