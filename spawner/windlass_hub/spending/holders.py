"""Whose a pod is, what it stands for, and what it holds. Pure: a trimmed pod in, a holder out.

The namespace decides the user, and only the hub side can mark a namespace as a user's. Labels of jobs are written by
their user: they decide to which of that user's own jobs and experiments a cost goes, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from windlass.costs.holding import Held
from windlass.engines.kubernetes.observing import trimming
from windlass.engines.kubernetes.observing.conditions import labels
from windlass.engines.kubernetes.observing.pod_status import JOBSET_LABEL
from windlass.kube.names import JOB_LABEL
from windlass_hub.access import notebook_component

Object = dict[str, Any]
Kind = Literal["job", "server", "service", "pod"]
"""service: a deployed model; pod: none of these, in a user's namespace."""

USER_ANNOTATION = "hub.jupyter.org/username"
SERVER_ANNOTATION = "hub.jupyter.org/servername"
SERVER_COMPONENT = "singleuser-server"
EXPERIMENT_VARIABLE = "MLFLOW_EXPERIMENT_NAME"
MODEL_LABEL = "windlass.io/model"
INFERENCE_LABEL = "serving.kserve.io/inferenceservice"
LONGEST_NAME = 255
_OURS = "windlass"
"""Where a trimmed pod keeps what this module reads of the whole one."""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A pod of a user's. `item` is what people know it by: a job's id, a server's name."""

    uid: str
    owner: str
    namespace: str
    pod: str
    kind: Kind
    item: str
    held: Held
    label: str = ""
    """What `item` is called: a job's name."""
    experiment: str = ""
    model: str = ""

    @property
    def key(self) -> str:
        """One thing of one user: pods with the same key are counted as one."""
        return f"{self.kind}:{self.namespace}/{self.item}"


@dataclass(frozen=True, kw_only=True)
class Places:
    """Which namespaces are whose."""

    owners: Mapping[str, str]
    """Users' namespaces of this hub, and their users."""
    hub_namespace: str
    hub_id: str

    def owner_of(self, pod: Object) -> str | None:
        """The user whose pod it is; None for what is nobody's."""
        namespace = str(pod["metadata"].get("namespace", ""))
        if owner := self.owners.get(namespace):
            return owner
        # Nobody but the hub makes pods beside it.
        if namespace == self.hub_namespace and labels(pod).get("component") == SERVER_COMPONENT:
            return _noted(pod).get("user") or None
        return None

    def is_server(self, pod: Object) -> bool:
        """Whether it is a notebook server: admission keeps users from labelling others so."""
        return labels(pod).get("component") in (SERVER_COMPONENT, notebook_component(self.hub_id))


def holder_of(pod: Object, held: Held, places: Places) -> Holder | None:
    """The holder that a small pod is; None where it is nobody's."""
    owner = places.owner_of(pod)
    if owner is None:
        return None
    kind, item, label = _what(pod, places)
    noted, metadata = _noted(pod), pod["metadata"]
    return Holder(
        uid=str(metadata["uid"]),
        owner=owner,
        namespace=str(metadata["namespace"]),
        pod=str(metadata["name"]),
        kind=kind,
        item=item[:LONGEST_NAME],
        held=held,
        label=label[:LONGEST_NAME],
        experiment=noted.get("experiment", "") if kind == "job" else "",
        model=(noted.get("model") or str(labels(pod).get(INFERENCE_LABEL) or ""))[:LONGEST_NAME],
    )


def small_pod(item: Object) -> Object:
    """A pod cut down to what is read here and in `held_pods`."""
    small = trimming.pod(item)
    annotations: Mapping[str, str] = item["metadata"].get("annotations") or {}
    noted = {
        "user": annotations.get(USER_ANNOTATION),
        "server": annotations.get(SERVER_ANNOTATION),
        "experiment": _experiment(item),
        "model": annotations.get(MODEL_LABEL) or labels(item).get(MODEL_LABEL),
    }
    small[_OURS] = {name: str(value)[:LONGEST_NAME] for name, value in noted.items() if value}
    return small


def _what(pod: Object, places: Places) -> tuple[Kind, str, str]:
    found, name = labels(pod), str(pod["metadata"]["name"])
    if places.is_server(pod):
        server = _noted(pod).get("server", "")
        return "server", server, server or "notebook server"
    # A JobSet has its TrainJob's name, and jobs' names end with their id.
    jobset = str(found.get(JOBSET_LABEL) or "")
    if job_id := str(found.get(JOB_LABEL) or jobset.rpartition("-")[2]):
        return "job", job_id, jobset or _without_role(name, job_id)
    if service := str(found.get(INFERENCE_LABEL) or ""):
        return "service", service, service
    return "pod", name, name


def _without_role(name: str, job_id: str) -> str:
    """`train-resnet-j1` of the pod `train-resnet-j1-worker-0`."""
    before, found, _ = name.partition(job_id)
    return before + found if found else name


def _experiment(item: Object) -> str:
    for container in (item.get("spec") or {}).get("containers") or ():
        for variable in container.get("env") or ():
            if variable.get("name") == EXPERIMENT_VARIABLE and isinstance(variable.get("value"), str):
                return str(variable["value"])
    return ""


def _noted(pod: Object) -> Mapping[str, str]:
    found: Mapping[str, str] = pod.get(_OURS) or {}
    return found


@dataclass(frozen=True, kw_only=True)
class UnseenJob:
    """An ended job of which pods are missing. Moments are POSIX seconds."""

    uid: str
    """Of the job's object: no pod has it."""
    owner: str
    namespace: str
    job_id: str
    name: str
    began_at: float
    ended_at: float
    recorded_at: float
    least: int
    """How many pods it had at the least."""
    why: str

    def holder(self) -> Holder:
        """As something that held nobody knows what."""
        # By its end the row is deleted some day: not before nobody looks at the job any more.
        held = Held(title=self.name, since=self.began_at, until=self.recorded_at, ended=True, gpus=None)
        return Holder(
            uid=self.uid,
            owner=self.owner,
            namespace=self.namespace,
            pod=self.name,
            kind="job",
            item=self.job_id,
            held=held,
            label=self.name,
        )
