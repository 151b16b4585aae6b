"""What the cluster has and what of it is taken, kept up to date by watches and summed as pods come and go.

One copy for the whole hub: users' servers and the spawn page ask the service, and nobody but it may look at nodes and
at everybody's pods. Of a pod only what it asks of its node is kept. A copy that may have missed something says so.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from windlass.contract.hub import StartingNode
from windlass.kube.client import KubeClient
from windlass.kube.errors import KubeError
from windlass.kube.reflector import Reflector
from windlass.kube.resources import NODE_CLAIMS, NODE_POOLS, NODES, PODS
from windlass_hub.profiles.availability import CapacitySnapshot, NodeRoom, pools_from_karpenter
from windlass_hub.profiles.cluster_reading import PodRoom, node_room, pod_room, sum_amounts

from .karpenter import is_served, starting_node

log = logging.getLogger("windlass_hub.service")

FIRST_SECONDS = 10.0
"""How long the start waits for the first lists; they come later where they take longer."""
GRACE_SECONDS = 30.0
"""A watch that was lost for less than this (a roll-out of the API server) still counts as whole."""
LOOK_AGAIN_SECONDS = 60.0
"""How often a right that was missing and a Karpenter that was not there are looked for again."""
_NOT_ENDED = "status.phase!=Succeeded,status.phase!=Failed"
_AUTOSCALER_LABELS = ("app", "k8s-app", "app.kubernetes.io/name")
_MANAGED_POOLS = ("cloud.google.com/gke-nodepool", "kubernetes.azure.com/agentpool")
"""Labels of clouds whose autoscaler runs where nobody sees it."""


class KubernetesCapacity:
    """Nodes, pods and Karpenter's objects of one cluster.

    Args:
        client: with the right to list and watch them; the caller closes it afterwards.
        clock: monotonic seconds, for tests.
    """

    def __init__(self, client: KubeClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._pods_by_node: dict[str, dict[tuple[str, str], PodRoom]] = {}
        self._rooms: dict[str, NodeRoom] = {}
        self._changed: set[str] = set()
        self._listed: set[str] = set()
        """What was listed once: only of that there is a copy that may be good for a while."""
        self._nodes = self._reflector(NODES, transform=_small_node, on_change=self._node_changed)
        self._pods = self._reflector(PODS, transform=_small_pod, on_change=self._pod_changed, field_selector=_NOT_ENDED)
        self._pools = self._reflector(NODE_POOLS)
        self._claims = self._reflector(NODE_CLAIMS)
        self._has_karpenter: bool | None = None
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to watch, and wait a little for the first lists."""
        self._nodes.start()
        self._pods.start()
        await self._look_for_karpenter()
        self._looking = asyncio.create_task(self._look_again(), name="windlass-capacity")
        await asyncio.gather(*(self._first_list(reflector) for reflector in self._watched()))

    @property
    def problem(self) -> str | None:
        """What keeps the figures from being right now."""
        for reflector in self._watched():
            if reflector.stopped_because is not None:
                return f"The hub service may not {reflector.stopped_because}: see the rights in its ClusterRole."
            if self._is_stale(reflector):
                return f"The cluster's {reflector.name} cannot be read now: {reflector.last_error or 'not listed yet.'}"
        return "It is not known whether the cluster has Karpenter." if self._has_karpenter is None else None

    async def snapshot(self) -> CapacitySnapshot | None:
        """The figures of now; None before the nodes were listed for the first time."""
        if not self._rooms and not self._nodes.objects and self._is_stale(self._nodes):
            return None
        self._sum_changed()
        karpenter = bool(self._has_karpenter)
        return CapacitySnapshot(
            taken_at=self._as_of(),
            nodes=tuple(self._rooms[name] for name in sorted(self._rooms)),
            pools=tuple(pools_from_karpenter(self._pools.objects.values())) if karpenter else (),
            source="kubernetes",
            complete=self.problem is None,
            other_autoscaler=self._sees_other_autoscaler(),
        )

    def starting(self) -> Sequence[StartingNode]:
        """Nodes that Karpenter is starting, the oldest first."""
        found = [starting_node(claim) for claim in self._claims.objects.values()] if self._has_karpenter else []
        nodes = [node for node in found if node is not None]
        latest = datetime.max.replace(tzinfo=timezone.utc)
        return sorted(nodes, key=lambda node: (node.since or latest, node.name))

    async def close(self) -> None:
        """End the watches."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})
        for reflector in (self._nodes, self._pods, self._pools, self._claims):
            await reflector.stop()

    def _reflector(self, resource: Any, **options: Any) -> Reflector:
        return Reflector(self._client, resource, name=resource.plural, clock=self._clock, **options)

    def _watched(self) -> Iterator[Reflector]:
        yield from (self._nodes, self._pods)
        if self._has_karpenter:
            yield from (self._pools, self._claims)

    def _is_stale(self, reflector: Reflector) -> bool:
        since = reflector.stale_since
        if since is None:
            self._listed.add(reflector.name)
            return False
        return reflector.name not in self._listed or self._clock() - since > GRACE_SECONDS

    def _as_of(self) -> datetime:
        now = datetime.now(timezone.utc)
        since = [reflector.stale_since for reflector in self._watched() if reflector.stale_since is not None]
        return now - timedelta(seconds=max(0.0, self._clock() - min(since))) if since else now

    async def _first_list(self, reflector: Reflector) -> None:
        try:
            await reflector.ready(FIRST_SECONDS)
        except KubeError as error:
            log.warning("The capacity of the cluster is not whole yet: %s", error)
        else:
            self._listed.add(reflector.name)

    async def _look_again(self) -> None:
        while True:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            if not self._has_karpenter:
                await self._look_for_karpenter()
            for reflector in self._watched():
                reflector.start()  # Does nothing to one that runs.

    async def _look_for_karpenter(self) -> None:
        try:
            self._has_karpenter = await is_served(self._client)
        except KubeError as error:
            log.info("Whether the cluster has Karpenter could not be found out: %s", error)
            return
        if self._has_karpenter:
            self._pools.start()
            self._claims.start()

    def _node_changed(self, _kind: str, old: Any, new: Any) -> None:
        self._changed.add(str((new or old)["metadata"]["name"]))

    def _pod_changed(self, _kind: str, old: Any, new: Any) -> None:
        for pod in (old, new):
            room: PodRoom | None = pod["room"] if pod else None
            if room is None:
                continue
            on_node = self._pods_by_node.setdefault(room.node, {})
            if pod is new:
                on_node[pod["key"]] = room
            else:
                on_node.pop(pod["key"], None)
            if not on_node:
                del self._pods_by_node[room.node]
            self._changed.add(room.node)

    def _sum_changed(self) -> None:
        """Sum the nodes anew on which something changed; sums are never counted up and down, and cannot drift."""
        for name in self._changed:
            node = self._nodes.objects.get(("", name))
            if node is None:
                self._rooms.pop(name, None)
                continue
            pods = self._pods_by_node.get(name, {}).values()
            self._rooms[name] = node_room(
                node,
                used=sum_amounts(pod.amounts for pod in pods),
                reserved=sum_amounts(pod.amounts for pod in pods if pod.reserved),
            )
        self._changed.clear()

    def _sees_other_autoscaler(self) -> bool:
        if any(label in room.labels for room in self._rooms.values() for label in _MANAGED_POOLS):
            return True
        return any(pod["autoscaler"] for pod in self._pods.objects.values())


def _small_node(node: dict[str, Any]) -> dict[str, Any]:
    """What `node_room` reads; the rest (images, heartbeats, addresses) would wake us every few seconds."""
    metadata, spec, status = (node.get(part) or {} for part in ("metadata", "spec", "status"))
    ready = [
        {"type": "Ready", "status": condition.get("status")}
        for condition in status.get("conditions") or ()
        if condition.get("type") == "Ready"
    ]
    return {
        "metadata": {"name": metadata.get("name", ""), "labels": metadata.get("labels") or {}},
        "spec": {"taints": spec.get("taints") or [], "unschedulable": spec.get("unschedulable", False)},
        "status": {"allocatable": status.get("allocatable") or {}, "conditions": ready},
    }


def _small_pod(pod: dict[str, Any]) -> dict[str, Any]:
    metadata: Mapping[str, Any] = pod.get("metadata") or {}
    labels = metadata.get("labels") or {}
    return {
        "key": (metadata.get("namespace", ""), metadata.get("name", "")),
        "room": pod_room(pod),
        "autoscaler": any("cluster-autoscaler" in str(labels.get(label, "")) for label in _AUTOSCALER_LABELS),
    }
