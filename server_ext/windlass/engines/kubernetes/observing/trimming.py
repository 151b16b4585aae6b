"""Objects cut down to what the watch keeps: five thousand pods must fit into a server that a notebook shares.

Annotations of a job's own object stay, for the list of jobs is written anew from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windlass.engines.kubernetes.model import Object
from windlass.engines.kubernetes.preflight.amounts import pod_amounts
from windlass.engines.kubernetes.wording import short

_UNTOLD_REASONS = ("Scheduled", "Created", "Started", "Pulling", "SuccessfulDelete", "SuccessfulDeletePod")
EVENT_SELECTOR = ",".join(f"reason!={reason}" for reason in _UNTOLD_REASONS)
"""Events that say what the pod's own object says too are not even sent."""

AMOUNTS = "amounts"
"""Where a trimmed pod keeps what it asks for, by resource: cores, bytes, pieces."""
_LONGEST_MESSAGE = 600
_TOLD_OF = frozenset(
    {"Pod", "Job", "JobSet", "PyTorchJob", "TrainJob", "Workload", "PersistentVolumeClaim", "ReplicaSet"}
)
_CONTAINERS = ("containers", "initContainers")
_STATUSES = ("containerStatuses", "initContainerStatuses")
_METADATA = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "labels",
    "ownerReferences",
)


def pod(item: Object) -> Object:
    """A pod: where it is, what it asks for, and how its containers are."""
    spec, status = item.get("spec") or {}, item.get("status") or {}
    return {
        "kind": "Pod",
        "metadata": _metadata(item),
        AMOUNTS: {name: float(amount) for name, amount in pod_amounts(spec, "requests").items()},
        "spec": {
            **_some(spec, "nodeName", "nodeSelector", "restartPolicy", "schedulingGates"),
            **{field: [_some(each, "name") for each in spec[field]] for field in _CONTAINERS if spec.get(field)},
            "volumes": [
                {"persistentVolumeClaim": _some(each["persistentVolumeClaim"], "claimName")}
                for each in spec.get("volumes") or ()
                if "persistentVolumeClaim" in each
            ],
        },
        "status": {
            **_some(status, "phase", "reason", "startTime"),
            **({"message": short(status["message"], longest=_LONGEST_MESSAGE)} if status.get("message") else {}),
            "conditions": [_condition(each) for each in status.get("conditions") or ()],
            **{field: [_container(each) for each in status[field]] for field in _STATUSES if status.get(field)},
        },
    }


def job_object(item: Object) -> Object:
    """A job's own object, or its JobSet: no templates of pods, which are the most of it."""
    spec = item.get("spec") or {}
    kept = {
        **_some(spec, "suspend", "runPolicy", "trainer", "runtimeRef", "parallelism", "completions", "backoffLimit"),
        **_some(spec, "activeDeadlineSeconds", "nprocPerNode", "network"),
    }
    if "trainer" in kept:
        kept["trainer"] = _some(kept["trainer"] or {}, "numNodes", "numProcPerNode")
    if replicas := spec.get("pytorchReplicaSpecs"):
        kept["pytorchReplicaSpecs"] = {
            name: _some(each, "replicas", "restartPolicy") for name, each in replicas.items()
        }
    if replicated := spec.get("replicatedJobs"):
        kept["replicatedJobs"] = [_replicated(each) for each in replicated]
    metadata = _metadata(item)
    if annotations := item["metadata"].get("annotations"):
        ours = {name: value for name, value in annotations.items() if name.startswith("windlass.io/")}
        metadata["annotations"] = ours
    return {
        **_some(item, "apiVersion", "kind"),
        "metadata": metadata,
        "spec": kept,
        "status": _status(item.get("status") or {}),
    }


def workload(item: Object) -> Object:
    """Kueue's Workload."""
    spec = item.get("spec") or {}
    status = item.get("status") or {}
    return {
        "kind": "Workload",
        "metadata": _metadata(item),
        "spec": _some(spec, "queueName", "active"),
        "status": {**_status(status), **_some(status, "admission", "requeueState", "admissionChecks")},
    }


def event(item: Object) -> Object:
    """An event about something of ours may be; others leave no more than their name behind."""
    metadata = _some(item["metadata"], "name", "namespace", "uid")
    about = item.get("involvedObject") or {}
    if about.get("kind") not in _TOLD_OF:
        return {"kind": "Event", "metadata": metadata}
    return {
        "kind": "Event",
        "metadata": metadata,
        "involvedObject": _some(about, "kind", "name", "uid", "fieldPath"),
        **_some(item, "reason", "type", "count", "firstTimestamp", "lastTimestamp", "eventTime", "series"),
        "message": short(item.get("message"), longest=_LONGEST_MESSAGE),
    }


def _metadata(item: Object) -> Object:
    return _some(item["metadata"], *_METADATA)


def _status(status: Object) -> Object:
    kept = {name: value for name, value in status.items() if name != "conditions"}
    kept["conditions"] = [_condition(each) for each in status.get("conditions") or ()]
    return kept


def _condition(item: Object) -> Object:
    kept = _some(item, "type", "status", "reason", "lastTransitionTime")
    if item.get("message"):
        kept["message"] = short(item["message"], longest=_LONGEST_MESSAGE)
    return kept


def _container(item: Object) -> Object:
    return {
        **_some(item, "name", "restartCount"),
        **{field: _state(item[field]) for field in ("state", "lastState") if item.get(field)},
    }


def _state(item: Object) -> Object:
    return {kind: _detail(detail or {}) for kind, detail in item.items()}


def _detail(detail: Object) -> Object:
    kept = _some(detail, "reason", "exitCode", "startedAt", "finishedAt")
    if detail.get("message"):
        # What a program said last stands at the end.
        kept["message"] = str(detail["message"])[-_LONGEST_MESSAGE:]
    return kept


def _replicated(item: Object) -> Object:
    child = (item.get("template") or {}).get("spec") or {}
    return {**_some(item, "name", "replicas"), "template": {"spec": _some(child, "parallelism", "completions")}}


def _some(item: Mapping[str, Any], *names: str) -> Object:
    return {name: item[name] for name in names if name in item}
