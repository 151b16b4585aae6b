"""Jobs of batch/v1, as Kubernetes' own controller treats them; only for API servers without one.

Pods carry no finalizer for tracking: what ended is counted from the pods, which nobody else removes here.
"""

from __future__ import annotations

import copy
import secrets

from tests.cluster.emulator.times import rfc3339
from tests.cluster.operator.world import Object, World, holds, set_condition

from windlass.engines.kubernetes.observing.conditions import posix
from windlass.kube.resources import JOBS, PODS

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_INDEX = "batch.kubernetes.io/job-completion-index"


async def reconcile(world: World, job: Object) -> None:
    """One look at a Job."""
    status, spec, now = copy.deepcopy(job.get("status") or {}), job["spec"], world.now()
    pods = await world.owned(PODS, job)
    if holds(status, "Complete") or holds(status, "Failed"):
        await _time_to_live(world, job, status)
        return
    if spec.get("suspend"):
        for pod in pods:
            if _phase(pod) not in ("Succeeded", "Failed"):
                await world.end(PODS, pod)
        status.pop("startTime", None)
        if not holds(status, "Suspended"):
            set_condition(status, "Suspended", True, "JobSuspended", "Job suspended", now=now)
    else:
        if holds(status, "Suspended"):
            set_condition(status, "Suspended", False, "JobResumed", "Job resumed", now=now)
        status.setdefault("startTime", rfc3339(now))
        await _go_on(world, job, status, pods)
    _count(status, await world.owned(PODS, job))
    await world.write_status(JOBS, job, status)


async def _go_on(world: World, job: Object, status: Object, pods: list[Object]) -> None:
    spec, now = job["spec"], world.now()
    wanted = int(spec.get("completions") or spec.get("parallelism") or 1)
    why = _failure(job, status, pods, now=now)
    if why is not None:
        await _fail(world, status, pods, why)
        return
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None:
        world.look_again(job, seconds=(posix(status["startTime"]) or now) + deadline - now)
    done = [pod for pod in pods if _phase(pod) == "Succeeded"]
    if len({_index(pod, indexed=_indexed(job)) for pod in done}) >= wanted:
        for kind in ("SuccessCriteriaMet", "Complete"):
            set_condition(
                status, kind, True, "CompletionsReached", "Reached expected number of succeeded pods", now=now
            )
        status["completionTime"] = rfc3339(now)
        return
    active = [pod for pod in pods if _phase(pod) not in ("Succeeded", "Failed")]
    if _indexed(job):
        taken = {_index(pod, indexed=True) for pod in (*done, *active)}
        missing = [str(index) for index in range(wanted) if str(index) not in taken]
    else:
        missing = [""] * (min(wanted - len(done), int(spec.get("parallelism") or 1)) - len(active))
    for index in missing:
        if not await world.make(PODS, pod_of(job, index), job):
            return


def pod_of(job: Object, index: str) -> Object:
    """One pod; `index` is empty for Jobs whose pods are all alike."""
    metadata, template = job["metadata"], copy.deepcopy(job["spec"]["template"])
    under = template.get("metadata") or {}
    uid, name = metadata["uid"], metadata["name"]
    labels = {
        **(under.get("labels") or {}),
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    annotations, spec = dict(under.get("annotations") or {}), template["spec"]
    suffix = "".join(secrets.choice(_LETTERS) for _ in range(5))
    if index:
        labels[_INDEX] = annotations[_INDEX] = index
        spec.setdefault("hostname", f"{name}-{index}")
        path = {"fieldRef": {"fieldPath": f"metadata.labels['{_INDEX}']"}}
        for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
            container["env"] = [*(container.get("env") or []), {"name": "JOB_COMPLETION_INDEX", "valueFrom": path}]
    middle = f"-{index}" if index else ""
    return {
        "metadata": {"name": f"{name}{middle}-{suffix}", "labels": labels, "annotations": annotations},
        "spec": spec,
    }


def _failure(job: Object, status: Object, pods: list[Object], *, now: float) -> tuple[str, str] | None:
    """Reason and message of a Job's failure; None while it may go on."""
    spec = job["spec"]
    failed = [pod for pod in pods if _phase(pod) == "Failed"]
    counted = []
    for pod in failed:
        action = _policy_action(spec, pod)
        if action == "FailJob":
            name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
            return "PodFailurePolicy", f"Pod {name} has condition DisruptionTarget matching FailJob rule at index 0"
        if action != "Ignore":
            counted.append(pod)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and now - (posix(status["startTime"]) or now) >= deadline:
        return "DeadlineExceeded", "Job was active longer than specified deadline"
    if len(counted) > int(spec.get("backoffLimit", 6)):
        return "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    return None


def _policy_action(spec: Object, pod: Object) -> str | None:
    present = {each["type"] for each in pod["status"].get("conditions") or [] if each["status"] == "True"}
    for rule in (spec.get("podFailurePolicy") or {}).get("rules") or []:
        if any(each["type"] in present for each in rule.get("onPodConditions") or []):
            return str(rule["action"])
    return None


async def _fail(world: World, status: Object, pods: list[Object], why: tuple[str, str]) -> None:
    """First it is said that it will fail, and when its pods have gone that it has."""
    now = world.now()
    if not holds(status, "FailureTarget"):
        set_condition(status, "FailureTarget", True, *why, now=now)
    left = [pod for pod in pods if _phase(pod) not in ("Succeeded", "Failed")]
    for pod in left:
        await world.end(PODS, pod)
    if not left:
        set_condition(status, "Failed", True, *why, now=now)


def _count(status: Object, pods: list[Object]) -> None:
    live = [pod for pod in pods if _phase(pod) not in ("Succeeded", "Failed") and not _leaves(pod)]
    numbers = {
        "active": len(live),
        "ready": len([pod for pod in live if holds(pod["status"], "Ready")]),
        "succeeded": len([pod for pod in pods if _phase(pod) == "Succeeded"]),
        "failed": len([pod for pod in pods if _phase(pod) == "Failed"]),
        "terminating": len([pod for pod in pods if _leaves(pod)]),
    }
    for name, number in numbers.items():
        if number or name in ("ready", "terminating"):
            status[name] = number
        else:
            status.pop(name, None)


async def _time_to_live(world: World, job: Object, status: Object) -> None:
    kept = job["spec"].get("ttlSecondsAfterFinished")
    if kept is None:
        return
    ended = [
        posix(each["lastTransitionTime"]) for each in status["conditions"] if each["type"] in ("Complete", "Failed")
    ]
    left = (ended[0] or world.now()) + kept - world.now()
    if left <= 0:
        await world.end(JOBS, job)
    else:
        world.look_again(job, seconds=left)


def _indexed(job: Object) -> bool:
    return bool(job["spec"].get("completionMode") == "Indexed")


def _index(pod: Object, *, indexed: bool) -> str:
    return str(pod["metadata"]["labels"].get(_INDEX) if indexed else pod["metadata"]["name"])


def _phase(pod: Object) -> str:
    return str((pod.get("status") or {}).get("phase") or "Pending")


def _leaves(pod: Object) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))
