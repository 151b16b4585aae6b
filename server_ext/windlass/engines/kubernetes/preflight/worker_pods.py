"""The pods that a job's objects will have operators make, with how many of each: quotas and nodes are about pods.

Users may not make pods, so the cluster cannot be asked about them by a dry run; they are read off the manifests here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from windlass.engines.kubernetes.kinds.training_runtime import NODE
from windlass.engines.kubernetes.manifests import pods
from windlass.engines.kubernetes.model import ClusterJob, Object
from windlass.kube.resources import JOBS, PYTORCH_JOBS, TRAIN_JOBS, TRAINING_RUNTIMES


@dataclass(frozen=True, kw_only=True)
class PodGroup:
    """Pods that are alike."""

    count: int
    spec: Object
    """Of each pod, as the manifest has it: what admission fills in is not there."""
    is_worker: bool = True
    """It runs ranks; others prepare or watch them, and there are as many whatever the number of workers."""


def pod_groups(job: ClusterJob, objects: Sequence[Object]) -> list[PodGroup]:
    """All pods of the job. A TrainJob that uses a runtime of the cluster's is taken to have plain workers."""
    found: list[PodGroup] = []
    for item in objects:
        spec = item.get("spec") or {}
        if item.get("kind") == PYTORCH_JOBS.kind:
            replicas = (spec.get("pytorchReplicaSpecs") or {}).values()
            found += [PodGroup(count=int(each["replicas"]), spec=each["template"]["spec"]) for each in replicas]
        elif item.get("kind") == JOBS.kind:
            found.append(PodGroup(count=int(spec.get("parallelism") or 1), spec=spec["template"]["spec"]))
        elif item.get("kind") == TRAINING_RUNTIMES.kind:
            found += _of_runtime(job, spec)
    if not found and any(item.get("kind") == TRAIN_JOBS.kind for item in objects):
        template = pods.pod_template(job, container=NODE, command=pods.torchrun(job))
        found.append(PodGroup(count=job.spec.workers, spec=template["spec"]))
    return found


def _of_runtime(job: ClusterJob, spec: Object) -> list[PodGroup]:
    found = []
    for replicated in spec.get("template", {}).get("spec", {}).get("replicatedJobs") or []:
        child = replicated.get("template", {}).get("spec", {})
        pod = child.get("template", {}).get("spec")
        if pod is None:
            continue
        is_worker = replicated.get("name") == NODE
        other = int(replicated.get("replicas") or 1) * int(child.get("parallelism") or 1)
        found.append(PodGroup(count=job.spec.workers if is_worker else other, spec=pod, is_worker=is_worker))
    return found
