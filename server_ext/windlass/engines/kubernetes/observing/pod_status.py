"""What one pod's object says, in one place: phases, reasons, time line and the list of pods all read it here.

The container of the ranks is found by the names that kinds give it; other containers are sidecars, and what becomes of
them is not what becomes of the job.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from windlass.engines.kubernetes.model import Object
from windlass.engines.kubernetes.observing.conditions import (
    condition,
    created_at,
    holding,
    labels,
    posix,
    since,
    status_of,
)

RANK_CONTAINERS = ("pytorch", "node", "worker")
"""What the kinds call the container of the ranks: PyTorchJob, TrainJob, Job."""
REPLICA_TYPE_LABEL = "training.kubeflow.org/replica-type"
REPLICA_INDEX_LABEL = "training.kubeflow.org/replica-index"
REPLICATED_JOB_LABEL = "jobset.sigs.k8s.io/replicatedjob-name"
JOBSET_LABEL = "jobset.sigs.k8s.io/jobset-name"
ATTEMPT_LABEL = "jobset.sigs.k8s.io/restart-attempt"
COMPLETION_INDEX_LABEL = "batch.kubernetes.io/job-completion-index"

Stage = Literal["waiting", "starting", "running", "restarting", "succeeded", "failed"]
"""waiting: for a node; starting: volumes, images, init containers; restarting: its container ended and starts again."""

_PULL_TROUBLE = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}
)


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a container ended."""

    exit_code: int
    reason: str
    """OOMKilled, Error, Completed …, as the runtime says it."""
    message: str
    started_at: float | None
    ended_at: float | None


@dataclass(frozen=True, kw_only=True)
class ContainerStatus:
    """One container."""

    name: str
    restarts: int = 0
    running_since: float | None = None
    is_running: bool = False
    waiting: str = ""
    """Why it waits, in the kubelet's word: ContainerCreating, CrashLoopBackOff …"""
    message: str = ""
    ending: Ending | None = None
    """How it ended, when it has and was not started again."""
    last: Ending | None = None
    """How it ended before it was started again."""

    @property
    def pull_trouble(self) -> bool:
        """Whether its image does not come."""
        return self.waiting in _PULL_TROUBLE


@dataclass(frozen=True, kw_only=True)
class PodStatus:
    """One pod. Times are POSIX seconds."""

    name: str
    title: str
    """For people: `master`, `worker 3`, `node 0`."""
    stage: Stage
    created_at: float | None
    scheduled_at: float | None
    node: str | None
    main: ContainerStatus
    init: tuple[ContainerStatus, ...]
    is_leaving: bool
    """It was told to end, or its node is gone."""
    evicted: str = ""
    """Why it was taken away (reason of the condition DisruptionTarget, or Evicted); empty when it was not."""
    message: str = ""
    """Of the pod itself: what the kubelet says of an eviction."""
    unreachable: bool = False
    """Its node does not answer."""
    uid: str = ""
    unschedulable: str = ""
    """Why the scheduler finds no node, in its words."""
    gated: bool = False
    """Something holds it back from the scheduler."""

    @property
    def started_at(self) -> float | None:
        """When the ranks' container was first seen to start, as far as the API still knows."""
        known = [
            self.main.last.started_at if self.main.last else None,
            self.main.ending.started_at if self.main.ending else None,
            self.main.running_since,
        ]
        return min((each for each in known if each is not None), default=None)

    @property
    def failure(self) -> Ending | None:
        """How the ranks' container failed last; None when it did not."""
        found = [each for each in (self.main.ending, self.main.last) if each is not None and each.exit_code != 0]
        return found[0] if found else None


def read(pod: Object) -> PodStatus:
    """What a pod's object says."""
    metadata, status = pod.get("metadata", {}), status_of(pod)
    main = _container(status.get("containerStatuses"), rank_container(pod))
    scheduled = holding(pod, "PodScheduled")
    node = pod.get("spec", {}).get("nodeName") or None
    target = holding(pod, "DisruptionTarget")
    ready, placing = condition(pod, "Ready") or {}, condition(pod, "PodScheduled") or {}
    evicted = str(target.get("reason") or "DisruptionTarget") if target else ""
    return PodStatus(
        name=str(metadata.get("name", "")),
        uid=str(metadata.get("uid", "")),
        unschedulable=str(placing.get("message") or "") if placing.get("reason") == "Unschedulable" else "",
        gated=placing.get("reason") == "SchedulingGated",
        title=title(pod),
        stage=_stage(pod, main, placed=bool(node or scheduled or status.get("startTime"))),
        created_at=created_at(pod),
        scheduled_at=since(scheduled) if scheduled else (posix(status.get("startTime")) if node else None),
        node=node,
        main=main,
        init=tuple(
            _container(status.get("initContainerStatuses"), str(each.get("name")))
            for each in pod.get("spec", {}).get("initContainers") or ()
        ),
        is_leaving=bool(metadata.get("deletionTimestamp")),
        evicted=evicted or ("Evicted" if status.get("reason") == "Evicted" else ""),
        message=str(status.get("message") or (target or {}).get("message") or ""),
        unreachable=status.get("reason") == "NodeLost"
        or ready.get("reason") == "NodeNotReady"
        or status.get("phase") == "Unknown",
    )


def rank_container(pod: Object) -> str:
    """The name of the container that runs the ranks."""
    names = [str(each.get("name")) for each in pod.get("spec", {}).get("containers") or ()]
    return next((name for name in RANK_CONTAINERS if name in names), names[0] if names else "")


def title(pod: Object) -> str:
    """What people call the pod."""
    found = labels(pod)
    role = str(found.get(REPLICA_TYPE_LABEL) or "").lower()
    if role == "master":
        return "master"
    if role:
        return f"{role} {found.get(REPLICA_INDEX_LABEL, '')}".strip()
    if replicated := found.get(REPLICATED_JOB_LABEL):
        return f"{replicated} {found.get(COMPLETION_INDEX_LABEL, '')}".strip()
    return "worker"


def _stage(pod: Object, main: ContainerStatus, *, placed: bool) -> Stage:
    ends: dict[object, Stage] = {"Succeeded": "succeeded", "Failed": "failed"}
    if (end := ends.get(status_of(pod).get("phase"))) is not None:
        return end
    if main.is_running:
        return "running"
    if main.ending is not None and not _starts_again(pod, main.ending):
        return "failed" if main.ending.exit_code else "succeeded"
    if main.ending is not None or main.last is not None or main.waiting == "CrashLoopBackOff":
        return "restarting"
    return "starting" if placed else "waiting"


def _starts_again(pod: Object, ending: Ending) -> bool:
    policy = pod.get("spec", {}).get("restartPolicy")
    return policy == "Always" or (policy == "OnFailure" and ending.exit_code != 0)


def _container(statuses: object, name: str) -> ContainerStatus:
    found: Object = next((each for each in statuses or () if each.get("name") == name), {})  # type: ignore[attr-defined]
    state = found.get("state") or {}
    waiting, running = state.get("waiting") or {}, state.get("running")
    return ContainerStatus(
        name=name,
        restarts=int(found.get("restartCount") or 0),
        running_since=posix((running or {}).get("startedAt")),
        is_running=running is not None,
        waiting=str(waiting.get("reason") or ""),
        message=str(waiting.get("message") or ""),
        ending=_ending(state.get("terminated")),
        last=_ending((found.get("lastState") or {}).get("terminated")),
    )


def _ending(terminated: Object | None) -> Ending | None:
    if not terminated:
        return None
    return Ending(
        exit_code=int(terminated.get("exitCode") or 0),
        reason=str(terminated.get("reason") or ""),
        message=str(terminated.get("message") or ""),
        started_at=posix(terminated.get("startedAt")),
        ended_at=posix(terminated.get("finishedAt")),
    )
