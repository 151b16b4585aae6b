"""All jobs of the hub's users, live, and what their pods held: one watch for each kind of object, in all namespaces.

Asked O(1) times however many users and jobs there are. A job is one of ours where its namespace bears this hub's marks,
which its user cannot write. Nothing here writes.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from windlass.engines.kubernetes.model import Observed
from windlass.engines.kubernetes.observing import trimming
from windlass.engines.kubernetes.observing.conditions import labels
from windlass.engines.kubernetes.observing.job_index import JobIndex
from windlass.engines.kubernetes.observing.pod_status import JOBSET_LABEL
from windlass.kube.client import KubeClient
from windlass.kube.errors import NotFound
from windlass.kube.names import JOB_LABEL, MANAGED_BY_LABEL, MANAGER, job_selector
from windlass.kube.reflector import Reflector
from windlass.kube.resources import JOBS, NAMESPACES, NODES, PODS, PYTORCH_JOBS, TRAIN_JOBS, Resource
from windlass_hub.access import HUB_LABEL, USERNAME_ANNOTATION
from windlass_hub.profiles.cluster_reading import pod_requests

from .usage import AMOUNTS, PodUsage, usage_of

Object = dict[str, Any]
Place = tuple[str, str]
"""Namespace and job id."""

KINDS = (PYTORCH_JOBS, TRAIN_JOBS, JOBS)
MOST_NODES = 20_000
"""Nodes whose labels are remembered: they may be gone before the job that ran on them has ended."""
MOST_NAMESPACES = 50_000
MOST_GONE = 2000
"""Jobs whose object is gone that are remembered."""
_MISSING = "MISSING"
"""What a reflector calls what went while it did not watch."""


@dataclass(frozen=True, kw_only=True)
class SeenJob:
    """One job as it is known now."""

    resource: Resource
    namespace: str
    job_id: str
    uid: str
    owner: str
    observed: Observed
    usages: tuple[PodUsage, ...]
    watched: bool
    """From its beginning: no pod can have come and gone unseen."""


class SeenJobs:
    """Start it in the event loop of its client.

    Args:
        client: with the right to list and watch namespaces, nodes, pods and jobs.
        hub_id: whose users' namespaces are meant.
        on_change: called after something about a job has changed.
        wall: POSIX seconds.
    """

    def __init__(
        self,
        client: KubeClient,
        *,
        hub_id: str,
        on_change: Callable[[], None],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._on_change = on_change
        self._wall = wall
        self._indexes: dict[str, JobIndex] = {}
        self._resources: dict[Place, Resource] = {}
        self._changed: set[Place] = set()
        self._gone: OrderedDict[Place, None] = OrderedDict()
        self._strays: OrderedDict[Place, None] = OrderedDict()
        """Where pods went that are of no known job; kept apart, so that whoever makes such pods costs no job."""
        self._watched: set[str] = set()
        """Uids of jobs that were made while this watched."""
        self._usages: dict[Place, dict[str, PodUsage]] = {}
        self._node_labels: OrderedDict[str, dict[str, str]] = OrderedDict()
        ours = f"{MANAGED_BY_LABEL}={MANAGER},{HUB_LABEL}={hub_id}"
        self._owners: OrderedDict[str, str] = OrderedDict()
        """Of namespaces, those that were removed too: their jobs' ends are still to be written down."""
        self._namespaces = Reflector(
            client, NAMESPACES, label_selector=ours, transform=_small_namespace, on_change=self._namespace_changed
        )
        self._nodes = Reflector(client, NODES, transform=_small_node, on_change=self._node_changed)
        # Pods of Trainer 2.0 carry none of the job's labels.
        selectors = (job_selector(), f"{JOBSET_LABEL},!{JOB_LABEL}")
        self._pods = [self._pod_reflector(number, selector) for number, selector in enumerate(selectors)]
        self._jobs: dict[Resource, Reflector] = {}

    async def start(self, *, seconds: float) -> None:
        """Begin to watch, and wait `seconds` at most for the first lists. Raises a KubeError where they do not come."""
        for reflector in (self._namespaces, self._nodes, *self._pods):
            reflector.start()
        await self.look_for_kinds()
        await asyncio.gather(*(reflector.ready(seconds) for reflector in self._all))

    async def look_for_kinds(self) -> None:
        """Watch the kinds of job that the cluster has come to serve, and again what was refused. Raises a KubeError."""
        for resource in KINDS:
            if resource not in self._jobs and await _serves(self._client, resource):
                changed = partial(self._job_changed, resource)
                self._jobs[resource] = Reflector(
                    self._client,
                    resource,
                    label_selector=job_selector(),
                    transform=trimming.job_object,
                    on_change=changed,
                )
        for reflector in self._all:
            reflector.start()  # Does nothing to one that runs.

    async def stop(self) -> None:
        """End the watches."""
        await asyncio.gather(*(reflector.stop() for reflector in self._all))

    @property
    def problem(self) -> str | None:
        """Why what is known may be old, as a sentence; None while all watches stand."""
        for reflector in self._all:
            if reflector.stopped_because is not None:
                return f"The hub service may not {reflector.stopped_because}: see the rights in its ClusterRole."
            if reflector.stale_since is not None:
                return f"The cluster's {reflector.name} cannot be read now."
        return None

    @property
    def namespaces(self) -> dict[str, str]:
        """The users' namespaces, and whose each is; without those that are being removed."""
        return {
            str(found["metadata"]["name"]): str(found["owner"])
            for found in self._namespaces.objects.values()
            if found["owner"] and not found["leaving"]
        }

    @property
    def kinds(self) -> tuple[Resource, ...]:
        """The kinds of job that the cluster serves."""
        return tuple(self._jobs)

    def jobs(self) -> Iterator[SeenJob]:
        """All jobs that are there, and those that are gone and were not forgotten."""
        for namespace, job_id in [*self._resources]:
            if (job := self.find(namespace, job_id)) is not None:
                yield job

    def take_changed(self) -> set[Place]:
        """The jobs about which something has changed since this was asked last; all, at first."""
        changed, self._changed = self._changed, set()
        return changed

    def find(self, namespace: str, job_id: str) -> SeenJob | None:
        """One job; None where nothing is known of it, or it is in nobody's namespace."""
        place = (namespace, job_id)
        index, resource, owner = self._indexes.get(namespace), self._resources.get(place), self._owners.get(namespace)
        observed = index.seen(job_id, now=time.monotonic()) if index is not None else None
        if observed is None or observed.last is None or resource is None or not owner:
            return None
        if observed.job is not None and ("", namespace) not in self._namespaces.objects:
            return None  # The namespace is not the hub's any more.
        uid = str(observed.last["metadata"]["uid"])
        return SeenJob(
            resource=resource,
            namespace=namespace,
            job_id=job_id,
            uid=uid,
            owner=owner,
            observed=observed,
            usages=tuple(self._usages.get(place, {}).values()),
            watched=uid in self._watched,
        )

    def forget(self, job: SeenJob) -> None:
        """Drop what is kept of a job whose object is gone; one that is there stays."""
        if job.observed.job is None:
            self._drop((job.namespace, job.job_id))

    @property
    def _all(self) -> list[Reflector]:
        return [self._namespaces, self._nodes, *self._pods, *self._jobs.values()]

    def _pod_reflector(self, number: int, selector: str) -> Reflector:
        changed = partial(self._pod_changed, number)
        return Reflector(self._client, PODS, label_selector=selector, transform=_small_pod, on_change=changed)

    def _note(self, namespace: str, old: Object | None, new: Object | None, *, unseen: bool = False) -> None:
        index = self._indexes.setdefault(namespace, JobIndex())
        index.note(old, new, now=time.monotonic(), wall=self._wall(), unseen=unseen)

    def _namespace_changed(self, _change: str, _old: Object | None, new: Object | None) -> None:
        if new is None:
            return
        name = str(new["metadata"]["name"])
        self._owners[name] = str(new["owner"])
        self._owners.move_to_end(name)
        while len(self._owners) > MOST_NAMESPACES:
            self._owners.popitem(last=False)
        # Jobs may be told before the namespace that they are in.
        index = self._indexes.get(name)
        self._changed |= {(name, job_id) for job_id in (index.job_ids() if index is not None else ())}
        self._on_change()

    def _job_changed(self, resource: Resource, change: str, old: Object | None, new: Object | None) -> None:
        item = new or old or {}
        metadata = item["metadata"]
        place = (str(metadata["namespace"]), str(labels(item).get(JOB_LABEL, "")))
        self._note(place[0], old, new, unseen=change == _MISSING)
        if metadata.get("ownerReferences") and resource is JOBS:
            return  # A part of a JobSet.
        self._resources[place] = resource
        for known in (self._gone, self._strays):
            known.pop(place, None)
        if self._jobs[resource].stale_since is not None:
            self._watched.discard(str(metadata["uid"]))
        elif old is None:
            self._watched.add(str(metadata["uid"]))
        if new is None:
            self._is_gone(place, self._gone)
        self._changed.add(place)
        self._on_change()

    def _pod_changed(self, number: int, change: str, old: Object | None, new: Object | None) -> None:
        item = new or old or {}
        place = _place_of_pod(item)
        self._note(place[0], old, new)
        if self._pods[number].stale_since is not None:
            self._watched.discard(self._uid(place))  # It is from a list: others may have come and gone before it.
        if new is None and place not in self._usages:
            return  # Its job was forgotten before it was gone.
        self._use(place, item, gone=new is None, unseen=change == _MISSING)
        if new is None and place not in self._resources:
            self._is_gone(place, self._strays)

    def _use(self, place: Place, pod: Object, *, gone: bool, unseen: bool) -> None:
        known = self._node_labels.get(str((pod.get("spec") or {}).get("nodeName")))
        usage = usage_of(pod, known, gone_at=self._wall() if gone and not unseen else None, gone_unseen=unseen)
        self._usages.setdefault(place, {})[str(pod["metadata"]["uid"])] = usage
        self._changed.add(place)
        self._on_change()

    def _is_gone(self, place: Place, among: OrderedDict[Place, None]) -> None:
        among[place] = None
        while len(among) > MOST_GONE:
            self._drop(next(iter(among)))

    def _uid(self, place: Place) -> str:
        index = self._indexes.get(place[0])
        seen = index.seen(place[1], now=time.monotonic()) if index is not None else None
        return str(seen.last["metadata"]["uid"]) if seen is not None and seen.last is not None else ""

    def _node_changed(self, _change: str, _old: Object | None, new: Object | None) -> None:
        if new is None:
            return
        name = str(new["metadata"]["name"])
        is_new = name not in self._node_labels
        self._node_labels[name] = new["metadata"]["labels"]
        self._node_labels.move_to_end(name)
        while len(self._node_labels) > MOST_NODES:
            self._node_labels.popitem(last=False)
        if is_new:
            self._read_again(name)

    def _read_again(self, node: str) -> None:
        """Pods may be told before the node that they are on."""
        for reflector in self._pods:
            for pod in reflector.objects.values():
                if pod["spec"].get("nodeName") == node:
                    self._use(_place_of_pod(pod), pod, gone=False, unseen=False)

    def _drop(self, place: Place) -> None:
        for known in (self._gone, self._strays):
            known.pop(place, None)
        self._changed.discard(place)
        self._resources.pop(place, None)
        self._usages.pop(place, None)
        self._watched.discard(self._uid(place))
        index = self._indexes.get(place[0])
        if index is not None:
            index.forget(place[1])


def _place_of_pod(pod: Object) -> Place:
    # A JobSet has its TrainJob's name, and jobs' names end with their id.
    job_id = labels(pod).get(JOB_LABEL) or str(labels(pod).get(JOBSET_LABEL, "")).rpartition("-")[2]
    return str(pod["metadata"]["namespace"]), job_id


async def _serves(client: KubeClient, resource: Resource) -> bool:
    try:
        answer = await client.raw("GET", f"/apis/{resource.api_version}")
    except NotFound:
        return False
    return any(item.get("name") == resource.plural for item in (answer or {}).get("resources") or ())


def _small_namespace(item: Object) -> Object:
    metadata: Mapping[str, Any] = item["metadata"]
    return {
        "metadata": {"name": metadata["name"]},
        "owner": (metadata.get("annotations") or {}).get(USERNAME_ANNOTATION) or "",
        "leaving": bool(metadata.get("deletionTimestamp")),
    }


def _small_node(item: Object) -> Object:
    metadata: Mapping[str, Any] = item["metadata"]
    return {"metadata": {"name": metadata["name"], "labels": metadata.get("labels") or {}}}


def _small_pod(item: Object) -> Object:
    spec = item.get("spec") or {}
    small = trimming.pod(item)
    small[AMOUNTS] = pod_requests(spec)
    small["spec"]["nodeSelector"] = spec.get("nodeSelector") or {}
    return small
