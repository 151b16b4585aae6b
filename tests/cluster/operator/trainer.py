"""TrainJobs, as Kubeflow Trainer treats them: a runtime, changed by the TrainJob, becomes a JobSet of its name."""

from __future__ import annotations

import copy
from typing import Any

from tests.cluster.operator.world import Object, World, holds, set_condition

from windlass.engines.kubernetes.observing.conditions import posix
from windlass.kube.errors import NotFound
from windlass.kube.resources import CLUSTER_TRAINING_RUNTIMES, JOB_SETS, TRAIN_JOBS, TRAINING_RUNTIMES

PORT = 29500
_NODE = "node"
_INDEX = "batch.kubernetes.io/job-completion-index"


async def reconcile(world: World, job: Object) -> None:
    """One look at a TrainJob."""
    status, now = copy.deepcopy(job.get("status") or {}), world.now()
    name, namespace = job["metadata"]["name"], job["metadata"]["namespace"]
    try:
        jobset: Object | None = await world.client.get(JOB_SETS, name, namespace=namespace)
    except NotFound:
        jobset = None
    if holds(status, "Complete") or holds(status, "Failed"):
        return
    suspended = bool(job["spec"].get("suspend"))
    if suspended:
        set_condition(status, "Suspended", True, "Suspended", "TrainJob is suspended", now=now)
    elif holds(status, "Suspended"):
        # It stays in the list, behind all that comes, though it is long over.
        set_condition(status, "Suspended", False, "Resumed", "TrainJob is resumed", now=now)
    if jobset is None:
        await _make(world, job, status)
    elif bool(jobset["spec"].get("suspend")) != suspended:
        patch = {"spec": {"suspend": suspended}}
        await world.client.patch(JOB_SETS, name, patch, namespace=namespace)
    if jobset is not None:
        _judge(status, jobset, now=now)
        await _deadline(world, job, jobset, status)
    await world.write_status(TRAIN_JOBS, job, status)


async def _make(world: World, job: Object, status: Object) -> None:
    runtime = await _runtime(world, job)
    if runtime is None:
        message = "must be a valid runtimeRef: the runtime is not found"
        set_condition(status, "Failed", True, "TrainingRuntimeNotSupported", message, now=world.now())
        return
    await world.make(JOB_SETS, jobset_of(job, runtime), job)


async def _runtime(world: World, job: Object) -> Object | None:
    wanted = job["spec"]["runtimeRef"]
    of_cluster = wanted.get("kind", CLUSTER_TRAINING_RUNTIMES.kind) == CLUSTER_TRAINING_RUNTIMES.kind
    try:
        if of_cluster:
            return await world.client.get(CLUSTER_TRAINING_RUNTIMES, wanted["name"])
        return await world.client.get(TRAINING_RUNTIMES, wanted["name"], namespace=job["metadata"]["namespace"])
    except NotFound:
        return None


def jobset_of(job: Object, runtime: Object) -> Object:
    """What the runtime and the TrainJob make together."""
    template = copy.deepcopy(runtime["spec"]["template"])
    spec, metadata = template["spec"], template.get("metadata") or {}
    for child in spec["replicatedJobs"]:
        below = child["template"]["spec"]
        below.setdefault("parallelism", 1)
        below.setdefault("completions", 1)
        below.setdefault("completionMode", "Indexed")
        if child["name"] == _NODE:
            _ranks(job, runtime, below)
    for target, patch in _patches(job["spec"]):
        for child in spec["replicatedJobs"]:
            if child["name"] == target:
                _patch_pod(child["template"]["spec"]["template"], patch)
    spec["suspend"] = bool(job["spec"].get("suspend"))
    spec.setdefault("network", {"enableDNSHostnames": True, "publishNotReadyAddresses": True})
    return {
        "apiVersion": JOB_SETS.api_version,
        "kind": JOB_SETS.kind,
        "metadata": {
            "name": job["metadata"]["name"],
            "labels": metadata.get("labels") or {},
            "annotations": metadata.get("annotations") or {},
        },
        "spec": spec,
    }


def _ranks(job: Object, runtime: Object, child: Object) -> None:
    """The Job of the ranks: how many, and with which variables."""
    policy, trainer = runtime["spec"].get("mlPolicy") or {}, job["spec"].get("trainer")
    nodes = int((trainer or {}).get("numNodes") or policy.get("numNodes") or 1)
    child["parallelism"] = child["completions"] = nodes
    container = next(each for each in child["template"]["spec"]["containers"] if each["name"] == _NODE)
    if trainer is None:
        # Trainer 2.3 gives no variables at all then.
        return
    for ours, theirs in (
        ("image", "image"),
        ("command", "command"),
        ("args", "args"),
        ("resourcesPerNode", "resources"),
    ):
        if ours in trainer:
            container[theirs] = trainer[ours]
    taken = {each["name"] for each in trainer.get("env") or ()}
    container["env"] = [each for each in container.get("env") or () if each["name"] not in taken]
    container["env"] += trainer.get("env") or []
    if "torch" in policy:
        container["env"] += _variables(job, trainer, container, nodes)
        container.setdefault("ports", []).append({"containerPort": PORT})


def _variables(job: Object, trainer: Object, container: Object, nodes: int) -> list[Object]:
    name = job["metadata"]["name"]
    processes = trainer.get("numProcPerNode", "auto")
    limits = (container.get("resources") or {}).get("limits") or {}
    if processes == "auto" and not any("gpu" in each for each in limits):
        processes = limits.get("cpu", 1)
    rank = {"fieldRef": {"fieldPath": f"metadata.annotations['{_INDEX}']"}}
    return [
        {"name": "PET_NNODES", "value": str(nodes)},
        {"name": "PET_NPROC_PER_NODE", "value": str(processes)},
        {"name": "PET_NODE_RANK", "valueFrom": rank},
        {"name": "PET_MASTER_ADDR", "value": f"{name}-{_NODE}-0-0.{name}"},
        {"name": "PET_MASTER_PORT", "value": str(PORT)},
    ]


def _patches(spec: Object) -> list[tuple[str, Object]]:
    """(replicated job, pod template) of whichever dialect."""
    found = []
    for dialect in ("podSpecOverrides", "podTemplateOverrides"):
        for each in spec.get(dialect) or ():
            pod = {"spec": each} if dialect == "podSpecOverrides" else each
            found += [(target["name"], pod) for target in each.get("targetJobs") or ()]
    for each in spec.get("runtimePatches") or ():
        jobs = each.get("trainingRuntimeSpec", {}).get("template", {}).get("spec", {}).get("replicatedJobs") or ()
        found += [(child["name"], child["template"]["spec"]["template"]) for child in jobs]
    return found


def _patch_pod(pod: Object, patch: Object) -> None:
    for part in ("labels", "annotations"):
        if more := (patch.get("metadata") or {}).get(part):
            metadata = pod.setdefault("metadata", {})
            metadata[part] = {**(metadata.get(part) or {}), **more}
    spec = pod["spec"]
    for field, value in (patch.get("spec") or {}).items():
        if field in ("containers", "initContainers"):
            _patch_containers(spec.get(field) or [], value)
        elif field in ("volumes", "tolerations", "imagePullSecrets"):
            spec[field] = [*(spec.get(field) or []), *value]
        elif field == "nodeSelector":
            spec[field] = {**(spec.get(field) or {}), **value}
        elif field != "targetJobs":
            spec[field] = value


def _patch_containers(containers: list[Object], patches: list[Object]) -> None:
    for patch in patches:
        for container in containers:
            if container["name"] == patch["name"]:
                for field in ("env", "volumeMounts"):
                    if field in patch:
                        container[field] = [*(container.get(field) or []), *patch[field]]
                if "securityContext" in patch:
                    container["securityContext"] = patch["securityContext"]


def _judge(status: Object, jobset: Object, *, now: float) -> None:
    theirs: Any = jobset.get("status") or {}
    status["jobsStatus"] = [
        {field: each.get(field, 0) for field in ("active", "failed", "ready", "succeeded", "suspended")}
        | {"name": each["name"]}
        for each in theirs.get("replicatedJobsStatus") or ()
    ]
    for ours, kind in (("Complete", "Completed"), ("Failed", "Failed")):
        found = next((each for each in theirs.get("conditions") or () if each["type"] == kind), None)
        if found is not None and found["status"] == "True":
            set_condition(status, ours, True, found["reason"], found["message"], now=now)


async def _deadline(world: World, job: Object, jobset: Object, status: Object) -> None:
    limit = job["spec"].get("activeDeadlineSeconds")
    if limit is None or job["spec"].get("suspend") or holds(status, "Complete") or holds(status, "Failed"):
        return
    resumed = [
        posix(each["lastTransitionTime"]) for each in status.get("conditions") or () if each["type"] == "Suspended"
    ]
    begun = max([posix(job["metadata"]["creationTimestamp"]) or 0.0, *(each or 0.0 for each in resumed)])
    left = begun + limit - world.now()
    if left > 0:
        world.look_again(job, seconds=left)
        return
    message = "TrainJob exceeded its active deadline"
    set_condition(status, "Failed", True, "DeadlineExceeded", message, now=world.now())
    await world.end(JOB_SETS, jobset)
