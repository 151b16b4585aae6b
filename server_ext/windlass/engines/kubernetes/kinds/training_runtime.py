"""A TrainingRuntime for one job: what a TrainJob cannot say itself.

A TrainJob has no words for init containers, the service account's token, the security of containers (before Trainer
2.2), shared memory, priority, restarts or restart policies. So each job brings a runtime of its own, owned by the
TrainJob. It is a copy of the cluster's runtime that was asked for, or that is there for torch, with the job's pod laid
over it: an administrator's sidecars, gang scheduling and node choices stay.

Neither the JobSet nor its Jobs are given a time to live. Trainer takes a job's Failed condition back before it looks
whether the job has finished; a failed job whose JobSet has been removed is made again, and runs again (controller
source of 2.2 and 2.3). TrainJobs are removed by Windlass.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

from windlass.engines.kubernetes.model import ClusterFacts, ClusterJob, Object
from windlass.kube.names import JOB_LABEL
from windlass.kube.resources import TRAINING_RUNTIMES

FRAMEWORK_LABEL = "trainer.kubeflow.org/framework"
NODE = "node"
"""What Trainer calls the replicated job of the ranks, and their container in it."""
ATTEMPT_VARIABLE = {
    "name": "WINDLASS_ATTEMPT",
    "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['jobset.sigs.k8s.io/restart-attempt']"}},
}
_ANCESTOR_LABEL = "trainer.kubeflow.org/trainjob-ancestor-step"
_SUPPORT_LABEL = "trainer.kubeflow.org/support"
_KEYED_LISTS = ("containers", "initContainers", "imagePullSecrets")
"""Their items are told apart by `name`."""


def base_runtime(job: ClusterJob, facts: ClusterFacts) -> Object | None:
    """The cluster's runtime that the job builds on: the one asked for, else one for torch; None where there is none."""
    candidates = [each for each in facts.runtimes if JOB_LABEL not in _labels(each)]
    if job.options.runtime is not None:
        named = [each for each in candidates if name_of(each) == job.options.runtime]
        return min(named, key=_is_of_cluster, default=None)
    for_torch = [each for each in candidates if runs_torch(each) and _labels(each).get(FRAMEWORK_LABEL) == "torch"]
    return min(for_torch, key=_order, default=None)


def name_of(runtime: Object) -> str:
    """The runtime's name."""
    return str(runtime.get("metadata", {}).get("name", ""))


def runs_torch(runtime: Object) -> bool:
    """Whether it starts ranks under torchrun, and the ranks only: not MPI's launchers, not torchtune's recipes."""
    if _labels(runtime).get(FRAMEWORK_LABEL, "torch") != "torch":
        return False
    return "torch" in runtime.get("spec", {}).get("mlPolicy", {}) and _node_job(runtime.get("spec", {})) is not None


def training_runtime(job: ClusterJob, *, pod: Object, base: Object | None, job_deadline: bool) -> Object:
    """The TrainingRuntime of the job's own name.

    Args:
        job: what it runs.
        pod: the template of its workers' pods.
        base: the cluster's runtime it builds on.
        job_deadline: put the time limit here, because this Trainer's TrainJobs have none.
    """
    spec = copy.deepcopy(base["spec"]) if base is not None else {}
    spec["mlPolicy"] = {"numNodes": job.spec.workers, "torch": {}}
    template = spec.setdefault("template", {})
    metadata = template.setdefault("metadata", {})
    metadata["labels"] = {**metadata.get("labels", {}), **job.labels}
    job_set = template.setdefault("spec", {})
    job_set.pop("ttlSecondsAfterFinished", None)
    node = _node_job(spec)
    if node is None:
        node = {"name": NODE}
        job_set["replicatedJobs"] = [node, *job_set.get("replicatedJobs", [])]
    _lay_over(node, pod=pod, job=job, job_deadline=job_deadline)
    job_set.pop("failurePolicy", None)
    if job.spec.retries:
        job_set["failurePolicy"] = _failure_policy(job, job_deadline=job_deadline)
    return {
        "apiVersion": TRAINING_RUNTIMES.api_version,
        "kind": TRAINING_RUNTIMES.kind,
        "metadata": {
            "name": job.name,
            "namespace": job.namespace,
            "labels": {**job.labels, FRAMEWORK_LABEL: "torch"},
        },
        "spec": spec,
    }


def _lay_over(node: Object, *, pod: Object, job: ClusterJob, job_deadline: bool) -> None:
    """Make the replicated job of the ranks the job's, in place."""
    template = node.setdefault("template", {})
    metadata = template.setdefault("metadata", {})
    metadata["labels"] = {**metadata.get("labels", {}), **job.labels, _ANCESTOR_LABEL: "trainer"}
    child = template.setdefault("spec", {})
    child.pop("ttlSecondsAfterFinished", None)
    # One failed pod ends the attempt of all: the ranks need each other.
    child["backoffLimit"] = 0
    if job.spec.retries:
        child["podFailurePolicy"] = {
            "rules": [{"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]
        }
    else:
        child.pop("podFailurePolicy", None)
    if job_deadline and job.spec.time_limit_seconds:
        child["activeDeadlineSeconds"] = job.spec.time_limit_seconds
    below = child.get("template", {})
    under_metadata = below.get("metadata", {})
    merged_metadata = {
        part: {**under_metadata.get(part, {}), **pod["metadata"][part]} for part in ("labels", "annotations")
    }
    child["template"] = {"metadata": merged_metadata, "spec": _merged(below.get("spec", {}), pod["spec"])}


def _failure_policy(job: ClusterJob, *, job_deadline: bool) -> Object:
    """All ranks start again together; a node that is taken away uses up no retry."""
    rules: list[Object] = [
        {
            "name": "nodeTakenAway",
            "action": "RestartJobSetAndIgnoreMaxRestarts",
            "onJobFailureReasons": ["PodFailurePolicy"],
        }
    ]
    if job_deadline:
        rules.append({"name": "timeLimit", "action": "FailJobSet", "onJobFailureReasons": ["DeadlineExceeded"]})
    return {"maxRestarts": job.spec.retries, "restartStrategy": "BlockingRecreate", "rules": rules}


def _merged(under: Object, over: Object) -> Object:
    """A pod spec laid over another: named items by name, maps by key, other lists added up, the rest replaced."""
    result = copy.deepcopy(under)
    for field, value in over.items():
        if field in _KEYED_LISTS:
            result[field] = _merged_items(result.get(field, []), value)
        elif field == "volumes":
            # A volume has one source: ours takes the place of the runtime's of that name.
            names = {each["name"] for each in value}
            result[field] = [*(each for each in result.get(field, []) if each["name"] not in names), *value]
        elif field == "tolerations":
            result[field] = [*(each for each in result.get(field, []) if each not in value), *value]
        elif field == "nodeSelector":
            result[field] = {**result.get(field, {}), **value}
        else:
            result[field] = value
    return result


def _merged_items(under: Iterable[Object], over: Iterable[Object]) -> list[Object]:
    """Items of the same name are one: the ranks' container keeps variables and mounts of the runtime beside ours."""
    ours = {item["name"]: item for item in over}
    merged = []
    for item in under:
        mine = ours.pop(item["name"], None)
        merged.append(_merged_item(item, mine) if mine is not None else item)
    return [*merged, *ours.values()]


def _merged_item(under: Object, over: Object) -> Object:
    result = {**under, **over}
    for field, key in (("env", "name"), ("volumeMounts", "mountPath")):
        if field in under and field in over:
            taken = {each[key] for each in over[field]}
            result[field] = [*(each for each in under[field] if each[key] not in taken), *over[field]]
    # The command is whole without the arguments of another.
    result.pop("args", None)
    return result


def _node_job(spec: Object) -> Object | None:
    jobs = spec.get("template", {}).get("spec", {}).get("replicatedJobs", [])
    return next((each for each in jobs if each.get("name") == NODE), None)


def _labels(runtime: Object) -> dict[str, str]:
    return dict(runtime.get("metadata", {}).get("labels") or {})


def _is_of_cluster(runtime: Object) -> bool:
    return runtime.get("kind") != TRAINING_RUNTIMES.kind


def _order(runtime: Object) -> tuple[bool, bool, str]:
    """What is kept up comes before what is deprecated, the namespace's own before the cluster's."""
    return _labels(runtime).get(_SUPPORT_LABEL) == "deprecated", _is_of_cluster(runtime), name_of(runtime)
