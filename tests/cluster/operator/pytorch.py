"""PyTorchJobs, as Kubeflow's training operator 1.9 treats them."""

from __future__ import annotations

import copy
from typing import Any

from tests.cluster.emulator.times import rfc3339
from tests.cluster.operator.world import Object, World, holds, set_condition

from windlass.engines.kubernetes.observing.conditions import posix
from windlass.kube.resources import PODS, PYTORCH_JOBS, SERVICES

PORT = 23456
_PREFIX = "training.kubeflow.org"


async def reconcile(world: World, job: Object) -> None:
    """One look at a job: its end, else its suspension, else its pods and what they say."""
    status = copy.deepcopy(job.get("status") or {})
    now, spec = world.now(), job["spec"]
    policy = spec.get("runPolicy") or {}
    pods = await world.owned(PODS, job, selector=f"{_PREFIX}/job-name={job['metadata']['name']}")
    if holds(status, "Succeeded") or holds(status, "Failed"):
        await _clean_up(world, job, status, pods)
        return
    if not status.get("conditions"):
        _condition(status, "Created", job, "is created.", now=now)
    if policy.get("suspend"):
        await _suspend(world, job, status, pods)
    else:
        if holds(status, "Suspended"):
            set_condition(status, "Suspended", False, "PyTorchJobResumed", "PyTorchJob is resumed.", now=now)
            status.pop("startTime", None)
        status.setdefault("startTime", rfc3339(now))
        await _go_on(world, job, status, pods)
    await world.write_status(PYTORCH_JOBS, job, status)


async def _go_on(world: World, job: Object, status: Object, pods: list[Object]) -> None:
    policy, now = job["spec"].get("runPolicy") or {}, world.now()
    name = job["metadata"]["name"]
    deadline = policy.get("activeDeadlineSeconds")
    begun = posix(status["startTime"]) or now
    if deadline is not None and now - begun >= deadline:
        _fail(status, f"Job {name} has failed because it was active longer than specified deadline", now=now)
        return
    if deadline is not None:
        world.look_again(job, seconds=begun + deadline - now)
    if _past_backoff(job, pods):
        _fail(status, f"Job {name} has failed because it has reached the specified backoff limit", now=now)
        return
    counts: dict[str, dict[str, int]] = {}
    for role in job["spec"]["pytorchReplicaSpecs"]:
        counts[role] = await _replicas(world, job, role, pods=pods, status=status)
    status["replicaStatuses"] = {
        role: {name: number for name, number in each.items() if number} for role, each in counts.items()
    }
    _judge(job, status, counts, now=now)


async def _replicas(world: World, job: Object, role: str, *, pods: list[Object], status: Object) -> dict[str, int]:
    """Make what is missing, delete what failed and may start again; how many are active, succeeded and failed."""
    replica = job["spec"]["pytorchReplicaSpecs"][role]
    counts = {"active": 0, "succeeded": 0, "failed": 0}
    known = {pod["metadata"]["name"]: pod for pod in pods}
    for index in range(int(replica.get("replicas", 1))):
        body = pod_of(job, role, replica, index)
        name = body["metadata"]["name"]
        await world.make(SERVICES, _service(name, body["metadata"]["labels"]), job, quietly=True)
        pod = known.get(name)
        if pod is None:
            await world.make(PODS, body, job)
            continue
        phase = (pod.get("status") or {}).get("phase")
        if phase == "Running":
            counts["active"] += 1
        elif phase == "Succeeded":
            counts["succeeded"] += 1
        elif phase == "Failed":
            counts["failed"] += 1
            if replica.get("restartPolicy", "OnFailure") != "Never":
                await world.end(PODS, pod)
                message = f"is restarting because {role} replica(s) failed."
                _condition(status, "Restarting", job, message, now=world.now())
    return counts


def _judge(job: Object, status: Object, counts: dict[str, dict[str, int]], *, now: float) -> None:
    """The operator judges by the master where there is one, else by the workers."""
    replicas = job["spec"]["pytorchReplicaSpecs"]
    leading = "Master" if "Master" in replicas else "Worker"
    expected = int(replicas[leading].get("replicas", 1))
    if counts[leading]["active"] and not counts[leading]["failed"]:
        _condition(status, "Running", job, "is running.", now=now)
    if counts[leading]["succeeded"] >= expected:
        _condition(status, "Succeeded", job, "is successfully completed.", now=now)
        status["completionTime"] = rfc3339(now)
        return
    for role, each in counts.items():
        if each["failed"] and replicas[role].get("restartPolicy", "OnFailure") == "Never":
            name = job["metadata"]["name"]
            _fail(status, f"PyTorchJob {name} is failed because {each['failed']} {role} replica(s) failed.", now=now)


def pod_of(job: Object, role: str, replica: Object, index: int) -> Object:
    """One pod of the job."""
    name, kind = job["metadata"]["name"], role.lower()
    template = copy.deepcopy(replica["template"])
    metadata = template.get("metadata") or {}
    labels = {
        **(metadata.get("labels") or {}),
        f"{_PREFIX}/job-name": name,
        f"{_PREFIX}/operator-name": "pytorchjob-controller",
        f"{_PREFIX}/replica-index": str(index),
        f"{_PREFIX}/replica-type": kind,
        **({f"{_PREFIX}/job-role": "master"} if kind == "master" else {}),
    }
    spec = template["spec"]
    policy = replica.get("restartPolicy", "OnFailure")
    spec["restartPolicy"] = "Never" if policy == "ExitCode" else policy
    for container in spec["containers"]:
        container["env"] = [*(container.get("env") or []), *_variables(job, role, index)]
        container.setdefault("ports", [{"name": "pytorchjob-port", "containerPort": PORT}])
    annotations = metadata.get("annotations") or {}
    return {"metadata": {"name": f"{name}-{kind}-{index}", "labels": labels, "annotations": annotations}, "spec": spec}


def _variables(job: Object, role: str, index: int) -> list[Object]:
    name, replicas = job["metadata"]["name"], job["spec"]["pytorchReplicaSpecs"]
    per_node = str(job["spec"].get("nprocPerNode") or "auto")
    nodes = sum(int(each.get("replicas", 1)) for each in replicas.values())
    processes = int(per_node) if per_node.isdecimal() else 1
    rank = index + (1 if role == "Worker" and "Master" in replicas else 0)
    found = {"PYTHONUNBUFFERED": "1", "PET_NPROC_PER_NODE": per_node, "PET_NNODES": str(nodes)}
    if "Master" in replicas:
        master = f"{name}-master-0"
        found |= {
            "MASTER_PORT": str(PORT),
            "PET_MASTER_PORT": str(PORT),
            "MASTER_ADDR": master,
            "PET_MASTER_ADDR": master,
            "WORLD_SIZE": str(nodes * processes),
            "RANK": str(rank),
            "PET_NODE_RANK": str(rank),
        }
    return [{"name": key, "value": value} for key, value in found.items()]


def _service(name: str, labels: dict[str, str]) -> Object:
    selector = {key: value for key, value in labels.items() if key.startswith(_PREFIX)}
    ports = [{"name": "pytorchjob-port", "port": PORT, "targetPort": PORT}]
    return {
        "metadata": {"name": name, "labels": selector},
        "spec": {"clusterIP": "None", "selector": selector, "ports": ports},
    }


async def _suspend(world: World, job: Object, status: Object, pods: list[Object]) -> None:
    for pod in pods:
        await world.end(PODS, pod)
    now = world.now()
    if not holds(status, "Suspended"):
        if holds(status, "Running"):
            set_condition(status, "Running", False, "PyTorchJobSuspended", "PyTorchJob is suspended.", now=now)
        set_condition(status, "Suspended", True, "PyTorchJobSuspended", "PyTorchJob is suspended.", now=now)
    status["replicaStatuses"] = {role: {} for role in job["spec"]["pytorchReplicaSpecs"]}


async def _clean_up(world: World, job: Object, status: Object, pods: list[Object]) -> None:
    policy = job["spec"].get("runPolicy") or {}
    what = policy.get("cleanPodPolicy", "None")
    for pod in pods:
        runs = (pod.get("status") or {}).get("phase") in ("Running", "Pending")
        if what == "All" or (what == "Running" and runs):
            await world.end(PODS, pod)
    kept = policy.get("ttlSecondsAfterFinished")
    if kept is not None:
        left = (posix(status.get("completionTime")) or world.now()) + kept - world.now()
        if left <= 0:
            await world.end(PYTORCH_JOBS, job)
        else:
            world.look_again(job, seconds=left)


def _past_backoff(job: Object, pods: list[Object]) -> bool:
    """The operator adds up what containers of running pods were restarted."""
    limit = (job["spec"].get("runPolicy") or {}).get("backoffLimit")
    if limit is None:
        return False
    statuses: list[Any] = [
        each
        for pod in pods
        if (pod.get("status") or {}).get("phase") == "Running"
        for each in (pod["status"].get("containerStatuses") or [])
    ]
    restarts = sum(int(each.get("restartCount") or 0) for each in statuses)
    return restarts > 0 if limit == 0 else restarts >= limit


def _fail(status: Object, message: str, *, now: float) -> None:
    _set(status, "Failed", "PyTorchJobFailed", message, now=now)
    status["completionTime"] = rfc3339(now)


def _condition(status: Object, kind: str, job: Object, what: str, *, now: float) -> None:
    _set(status, kind, f"PyTorchJob{kind}", f"PyTorchJob {job['metadata']['name']} {what}", now=now)


def _set(status: Object, kind: str, reason: str, message: str, *, now: float) -> None:
    """Running and Restarting take each other's place; after the end Running stays, and is False."""
    other = {"Running": "Restarting", "Restarting": "Running"}.get(kind)
    conditions = status.get("conditions") or []
    status["conditions"] = [each for each in conditions if each["type"] != other]
    if kind in ("Succeeded", "Failed") and holds(status, "Running"):
        set_condition(status, "Running", False, reason, message, now=now)
    set_condition(status, kind, True, reason, message, now=now)
