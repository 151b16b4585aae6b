"""A TrainJob that uses a cluster's runtime as it is, in the words that each version of Trainer has for changing pods.

| Trainer | field | what it knows of a pod |
|---|---|---|
| 2.0 | `podSpecOverrides` | account, node selector, tolerations, volumes, mounts |
| 2.1 | `podTemplateOverrides` | the same, labels and annotations, pull secrets |
| 2.2 and newer | `runtimePatches` | the same, and security contexts |

None knows init containers that the runtime has not got, so the ranks' own container fetches the bundle first. What
cannot be said at all is named, and not left out in silence.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from windlass.engines.kubernetes.kinds.training_runtime import NODE
from windlass.engines.kubernetes.model import ClusterJob, Object, TrainDialect
from windlass.errors import FieldError

MANAGER = "windlass.io/engine"
"""Who changes the runtime: a domain and a path, as `runtimePatches` wants it."""
MOST_VARIABLES = 128

_COMMON = ("nodeSelector", "serviceAccountName", "tolerations", "volumes")
_POD_FIELDS: dict[TrainDialect, tuple[str, ...]] = {
    "podSpecOverrides": _COMMON,
    "podTemplateOverrides": (*_COMMON, "imagePullSecrets"),
    "runtimePatches": (*_COMMON, "imagePullSecrets", "securityContext"),
}
_CONTAINER_FIELDS: dict[TrainDialect, tuple[str, ...]] = {
    "podSpecOverrides": ("name", "volumeMounts"),
    "podTemplateOverrides": ("name", "volumeMounts"),
    "runtimePatches": ("name", "securityContext", "volumeMounts"),
}


def overrides(pod: Object, *, dialect: TrainDialect) -> Object:
    """The field of a TrainJob's spec that changes the pods of its ranks, by the field's name."""
    template = _volume_per_mount(pod["spec"])
    container = template["containers"][0]
    spec: dict[str, Any] = {field: template[field] for field in _POD_FIELDS[dialect] if field in template}
    spec["containers"] = [{field: container[field] for field in _CONTAINER_FIELDS[dialect]}]
    target = {"targetJobs": [{"name": NODE}]}
    if dialect == "podSpecOverrides":
        return {dialect: [{**target, **spec}]}
    if dialect == "podTemplateOverrides":
        return {dialect: [{**target, "metadata": pod["metadata"], "spec": spec}]}
    below = {"spec": {"template": {"metadata": pod["metadata"], "spec": spec}}}
    patch = {"template": {"spec": {"replicatedJobs": [{"name": NODE, "template": below}]}}}
    return {dialect: [{"manager": MANAGER, "trainingRuntimeSpec": patch}]}


def _volume_per_mount(spec: Object) -> Object:
    """A pod's spec in which no volume is mounted twice: TrainJobs tell mounts apart by their volumes' names."""
    container = spec["containers"][0]
    volumes, mounts = [*spec.get("volumes", ())], []
    by_name = {volume["name"]: volume for volume in volumes}
    used: Counter[str] = Counter()
    for mount in container["volumeMounts"]:
        name = mount["name"]
        used[name] += 1
        # A claim may be two volumes of one pod; an emptyDir would be two folders.
        if used[name] == 1 or "emptyDir" in by_name[name]:
            mounts.append(mount)
            continue
        again = f"{name}-{used[name]}"
        volumes.append({**by_name[name], "name": again})
        mounts.append({**mount, "name": again})
    return {**spec, "volumes": volumes, "containers": [{**container, "volumeMounts": mounts}]}


def trainer(pod: Object, *, job: ClusterJob) -> Object:
    """`spec.trainer`. Without requests beside limits Trainer would start one process, whatever is asked for."""
    container = pod["spec"]["containers"][0]
    found: Object = {
        "image": container["image"],
        "command": container["command"],
        "env": container["env"],
        "numNodes": job.spec.workers,
        "numProcPerNode": job.spec.processes_per_worker,
    }
    if container["resources"]:
        found["resourcesPerNode"] = container["resources"]
    return found


def problems(job: ClusterJob, *, dialect: TrainDialect, variables: int) -> list[FieldError]:
    """What cannot be said without a runtime of the job's own; `variables`: how many the ranks are given."""
    why = "needs a training runtime of the job's own, which cannot be made here"
    found = []
    if job.spec.retries:
        found.append(FieldError(field="retries", message=f"Starting a TrainJob again after a failure {why}."))
    if job.options.priority_class:
        found.append(FieldError(field="cluster.priority_class", message=f"A TrainJob's priority {why}."))
    if job.spec.time_limit_seconds and dialect != "runtimePatches":
        found.append(FieldError(field="time_limit_seconds", message=f"A time limit with Trainer before 2.2 {why}."))
    if job.restricted and dialect != "runtimePatches":
        message = f"Keeping to the restricted Pod Security profile with Trainer before 2.2 {why}."
        found.append(FieldError(field="kind", message=message))
    if variables > MOST_VARIABLES:
        message = f"A TrainJob takes {MOST_VARIABLES} environment variables, and this job has {variables}."
        found.append(FieldError(field="environment", message=message))
    return found


def notices(job: ClusterJob, *, dialect: TrainDialect) -> list[str]:
    """What such pods have or lack, for the user to know."""
    found = [
        "The runtime of the cluster is used as it is: its pods have the token of their service account.",
        "How often a failed worker starts again is for the cluster's runtime to say.",
    ]
    if dialect == "podSpecOverrides":
        if job.pull_secrets:
            found.append("Trainer 2.0 takes no pull secrets: the service account's are used.")
        found.append("Trainer 2.0 takes no labels of pods: network policies for training do not hold them.")
    return found
