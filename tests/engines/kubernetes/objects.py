"""Objects as a cluster shows them, for tests of what follows from them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from windlass.engines.kubernetes.model import Object, Observed
from windlass.kube.names import JOB_LABEL

BEGUN = datetime(2026, 11, 23, 5, 0, tzinfo=timezone.utc).timestamp()
QUEUE = {"kueue.x-k8s.io/queue-name": "team-a"}
GPU_SHORT = (
    "0/4 nodes are available: 1 Insufficient nvidia.com/gpu, 3 node(s) had untolerated taint {nvidia.com/gpu: present}."
    " preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling."
)


def at(seconds: float) -> str:
    """So long after the job was made."""
    return datetime.fromtimestamp(BEGUN + seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def condition(kind: str, *, true: bool = True, reason: str = "", message: str = "", seconds: float = 0) -> Object:
    found = {"type": kind, "status": str(true), "reason": reason, "message": message}
    return {**found, "lastTransitionTime": at(seconds)}


def job(kind: str = "PyTorchJob", *conditions: Object, labels: dict[str, str] | None = None, **more: Any) -> Object:
    """With two workers (a Job: one). `more`: suspend, status fields, deleted."""
    suspend = more.pop("suspend", False)
    spec: Object = {
        "PyTorchJob": {
            "runPolicy": {"suspend": suspend},
            "pytorchReplicaSpecs": {"Master": {"replicas": 1}, "Worker": {"replicas": 1}},
        },
        "TrainJob": {"suspend": suspend, "trainer": {"numNodes": 2}},
        "Job": {"suspend": suspend, "parallelism": 1, "backoffLimit": more.pop("backoffLimit", 0)},
    }[kind]
    metadata: Object = {"name": "train", "uid": "uid-of-job", "creationTimestamp": at(0)}
    metadata["labels"] = {JOB_LABEL: "j1", **(labels or {})}
    if more.pop("deleted", False):
        metadata["deletionTimestamp"] = at(99)
    return {"kind": kind, "metadata": metadata, "spec": spec, "status": {"conditions": list(conditions), **more}}


def pod(
    kind: str = "PyTorchJob", index: int = 0, *, state: Object | None = None, phase: str = "", **more: Any
) -> Object:
    """Pod `index` of the job; `state` of the container of the ranks. Placed unless `message` says why not."""
    container = {"PyTorchJob": "pytorch", "TrainJob": "node", "Job": "worker"}[kind]
    labels: dict[str, str] = {JOB_LABEL: "j1"}
    if kind == "PyTorchJob":
        role, number = ("master", 0) if index == 0 else ("worker", index - 1)
        labels |= {"training.kubeflow.org/replica-type": role, "training.kubeflow.org/replica-index": str(number)}
    if kind == "TrainJob":
        labels |= {
            "jobset.sigs.k8s.io/replicatedjob-name": "node",
            "jobset.sigs.k8s.io/restart-attempt": str(more.get("attempt", 0)),
            "batch.kubernetes.io/job-completion-index": str(index),
        }
    created = more.get("created", 1)
    message = more.get("message")
    placing = condition("PodScheduled", true=message is None, seconds=more.get("scheduled", 2), message=message or "")
    placing |= {} if message is None else {"reason": "Unschedulable"}
    statuses = {"name": container, "restartCount": more.get("restarts", 0), "state": state or {}}
    if "last" in more:
        statuses["lastState"] = more["last"]
    uid = more.get("uid", f"uid-{kind}-{index}-{created}")
    metadata: Object = {
        "name": f"train-{index}-{created}",
        "uid": uid,
        "labels": labels,
        "creationTimestamp": at(created),
    }
    if more.get("deleted"):
        metadata["deletionTimestamp"] = at(50)
    return {
        "kind": "Pod",
        "metadata": metadata,
        "spec": {
            "containers": [{"name": "sidecar"}, {"name": container}],
            "initContainers": [{"name": each["name"]} for each in more.get("init", ())],
            "restartPolicy": more.get("policy", "Never"),
            **({"nodeName": "node-1"} if message is None else {}),
        },
        "status": {
            "phase": phase or ("Running" if state and "running" in state else "Pending"),
            "reason": more.get("pod_reason"),
            "conditions": [placing, *more.get("conditions", ())],
            "containerStatuses": [{"name": "sidecar", "state": {"running": {"startedAt": at(3)}}}, statuses]
            if state is not None
            else [],
            "initContainerStatuses": list(more.get("init", ())),
        },
    }


def running(seconds: float = 5) -> Object:
    return {"running": {"startedAt": at(seconds)}}


def terminated(code: int, *, reason: str = "Error", seconds: float = 20, message: str = "") -> Object:
    ends = {"exitCode": code, "reason": reason, "startedAt": at(5), "finishedAt": at(seconds), "message": message}
    return {"terminated": ends}


def waiting(reason: str, message: str = "") -> Object:
    return {"waiting": {"reason": reason, "message": message}}


def event(about: Object | str, reason: str, message: str = "", *, seconds: float = 3, path: str = "") -> Object:
    uid = about if isinstance(about, str) else about["metadata"]["uid"]
    involved = {"uid": uid, "fieldPath": path}
    return {
        "kind": "Event",
        "involvedObject": involved,
        "reason": reason,
        "message": message,
        "lastTimestamp": at(seconds),
    }


def observed(item: Object | None, *pods: Object, **more: Any) -> Observed:
    return Observed(job=item, pods=pods, **more)
