"""What a pod's status and events look like, for each thing that can become of it: pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]


@dataclass(frozen=True)
class Said:
    """One event about a pod."""

    reason: str
    message: str
    type: str = "Normal"
    component: str = "kubelet"


@dataclass(frozen=True)
class Outcome:
    """The status to write and the events to say. `scheduled`: it needs a node first; `remove`: it is deleted then."""

    status: Callable[[Object, str, str], Object]
    events: list[Said] = field(default_factory=list)
    scheduled: bool = True
    remove: bool = False


def _conditions(pod: Object, now: str, *, ready: bool, **more: tuple[str, str, str]) -> list[Object]:
    """`more`: type = (status, reason, message)."""
    wanted = {"Initialized": ("True", "", ""), "PodScheduled": ("True", "", "")}
    wanted |= {"ContainersReady": (str(ready), "", ""), "Ready": (str(ready), "", "")}
    wanted |= more
    known = {found["type"]: found for found in pod.get("status", {}).get("conditions") or []}
    for kind, (status, reason, message) in wanted.items():
        before = known.get(kind) or {}
        since = before.get("lastTransitionTime") if before.get("status") == status else None
        condition = {"type": kind, "status": status, "lastTransitionTime": since or now}
        condition |= {"reason": reason} if reason else {}
        known[kind] = condition | ({"message": message} if message else {})
    return list(known.values())


def _containers(
    pod: Object, state: Object, *, ready: bool, restarts: int = 0, last: Object | None = None
) -> list[Object]:
    return [
        {
            "name": container["name"],
            "image": container["image"],
            "imageID": "" if "waiting" in state else f"example.invalid/{container['name']}@sha256:{'0' * 64}",
            "ready": ready,
            "restartCount": restarts,
            "state": state,
            "lastState": last or {},
            "started": ready,
        }
        for container in pod["spec"]["containers"]
    ]


def _running(pod: Object, now: str, ip: str) -> Object:
    return {
        "phase": "Running",
        "hostIP": "127.0.0.1",
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "startTime": now,
        "conditions": _conditions(pod, now, ready=True),
        "containerStatuses": _containers(pod, {"running": {"startedAt": now}}, ready=True),
    }


def _ended(reason: str, code: int) -> Callable[[Object, str, str], Object]:
    def status(pod: Object, now: str, ip: str) -> Object:
        state = {"terminated": {"exitCode": code, "reason": reason, "startedAt": now, "finishedAt": now}}
        return {
            **_running(pod, now, ip),
            "phase": "Failed" if code else "Succeeded",
            "conditions": _conditions(pod, now, ready=False),
            "containerStatuses": _containers(pod, state, ready=False),
        }

    return status


def _waiting(reason: str, message: str, phase: str, *, restarts: int = 0, last: Object | None = None) -> Any:
    def status(pod: Object, now: str, ip: str) -> Object:
        state = {"waiting": {"reason": reason, "message": message}}
        before = {"terminated": {**last, "startedAt": now, "finishedAt": now}} if last else None
        return {
            **_running(pod, now, ip),
            "phase": phase,
            "conditions": _conditions(pod, now, ready=False),
            "containerStatuses": _containers(pod, state, ready=False, restarts=restarts, last=before),
        }

    return status


def _oom_killed(pod: Object, now: str, ip: str) -> Object:
    """Restarted in place where the pod's policy says so, else the end of the pod."""
    if pod["spec"].get("restartPolicy") == "Never":
        return _ended("OOMKilled", 137)(pod, now, ip)
    last = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "startedAt": now, "finishedAt": now}}
    again = _containers(pod, {"running": {"startedAt": now}}, ready=True, restarts=1, last=last)
    return {**_running(pod, now, ip), "containerStatuses": again}


_LOW = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 80Mi."


def _evicted(pod: Object, now: str, _ip: str) -> Object:
    target = ("True", "TerminationByKubelet", _LOW)
    return {
        "phase": "Failed",
        "reason": "Evicted",
        "message": _LOW,
        "startTime": now,
        "conditions": _conditions(pod, now, ready=False, DisruptionTarget=target),
    }


def _preempted(pod: Object, now: str, ip: str) -> Object:
    target = ("True", "PreemptionByScheduler", "default-scheduler: preempting to accommodate a higher priority pod")
    return {
        **_running(pod, now, ip),
        "phase": "Failed",
        "conditions": _conditions(pod, now, ready=False, DisruptionTarget=target),
    }


def _node_lost(pod: Object, now: str, ip: str) -> Object:
    lost = {"Ready": ("False", "NodeNotReady", "")}
    return {**_running(pod, now, ip), "reason": "NodeLost", "conditions": _conditions(pod, now, ready=False, **lost)}


def unschedulable(why: str) -> Outcome:
    """No node takes it; `why` as the scheduler says it."""

    def status(pod: Object, now: str, _ip: str) -> Object:
        others = [found for found in pod.get("status", {}).get("conditions") or [] if found["type"] != "PodScheduled"]
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why}
        return {"phase": "Pending", "conditions": [*others, {**condition, "lastTransitionTime": now}]}

    said = Said("FailedScheduling", why, "Warning", "default-scheduler")
    return Outcome(status, [said], scheduled=False)


_STARTED = [
    Said("Pulled", "Container image already present on machine"),
    Said("Created", "Created container"),
    Said("Started", "Started container"),
]
_BACK_OFF = Said("BackOff", "Back-off restarting failed container", "Warning")
_PULL = 'Back-off pulling image "example.invalid/none"'

OUTCOMES: dict[str, Outcome] = {
    "running": Outcome(_running, _STARTED),
    "succeeded": Outcome(_ended("Completed", 0), _STARTED),
    "failed": Outcome(_ended("Error", 1), _STARTED),
    "pending": Outcome(lambda _pod, _now, _ip: {"phase": "Pending"}, scheduled=False),
    "unschedulable": unschedulable("0/3 nodes are available: 3 Insufficient nvidia.com/gpu."),
    "crash-loop": Outcome(
        _waiting(
            "CrashLoopBackOff",
            "back-off 40s restarting failed container",
            "Running",
            restarts=3,
            last={"exitCode": 1, "reason": "Error"},
        ),
        [*_STARTED, _BACK_OFF],
    ),
    "image-pull-back-off": Outcome(
        _waiting("ImagePullBackOff", _PULL, "Pending"),
        [Said("Failed", "Error: ErrImagePull", "Warning"), Said("BackOff", _PULL, "Warning")],
    ),
    "oom-killed": Outcome(_oom_killed, [Said("OOMKilling", "Memory cgroup out of memory", "Warning")]),
    "evicted": Outcome(_evicted, [Said("Evicted", _LOW, "Warning")]),
    "preempted": Outcome(
        _preempted,
        [Said("Preempted", "Preempted by default/important on node node-1", "Warning", "default-scheduler")],
        remove=True,
    ),
    "node-lost": Outcome(_node_lost, [Said("NodeNotReady", "Node is not ready", "Warning", "node-controller")]),
}
