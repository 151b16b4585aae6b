"""All pods of the hub's users, live: their servers, jobs, models and whatever else runs in their namespaces.

By namespace, not by label: what a user takes off a pod of theirs keeps no cost from being seen. One watch of each kind
for all users. Nothing here writes.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from windlass.costs.holding import shape_of
from windlass.engines.kubernetes.observing.held_pods import Node, seen_pod
from windlass.engines.kubernetes.observing.trimming import AMOUNTS
from windlass.engines.kubernetes.preflight.amounts import parsed
from windlass.kube.client import KubeClient
from windlass.kube.names import MANAGED_BY_LABEL, MANAGER
from windlass.kube.reflector import Reflector
from windlass.kube.resources import NAMESPACES, NODES, PODS
from windlass_hub.access import HUB_LABEL, USERNAME_ANNOTATION

from .holders import Holder, Object, Places, holder_of, small_pod

MOST_NODES = 20_000
MOST_NAMESPACES = 50_000
MOST_DEPARTED = 50_000
_MISSING = "MISSING"
"""What a reflector calls what went while it did not watch."""
_OVER = ("Succeeded", "Failed")


class PodWatch:
    """Start it in the event loop of its client.

    Args:
        client: with the right to list and watch namespaces, nodes and pods.
        hub_id: whose users' namespaces are meant.
        hub_namespace: where users' servers are that have no namespace of their own.
        on_end: called when a pod has ended, or has gone.
        wall: POSIX seconds.
    """

    def __init__(
        self,
        client: KubeClient,
        *,
        hub_id: str,
        hub_namespace: str,
        on_end: Callable[[], None] = lambda: None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._hub_id = hub_id
        self._hub_namespace = hub_namespace
        self._on_end = on_end
        self._wall = wall
        self._nodes_known: OrderedDict[str, Node] = OrderedDict()
        """Those that are gone too: their pods may be looked at later."""
        self._owners: OrderedDict[str, str] = OrderedDict()
        """Of namespaces, those that were removed too: their pods go after them."""
        self._departed: OrderedDict[str, tuple[Object, float]] = OrderedDict()
        ours = f"{MANAGED_BY_LABEL}={MANAGER},{HUB_LABEL}={hub_id}"
        self._namespaces = Reflector(
            client,
            NAMESPACES,
            label_selector=ours,
            transform=_small_namespace,
            on_change=self._namespace_changed,
            name="namespaces of users",
        )
        self._nodes = Reflector(client, NODES, transform=_small_node, on_change=self._node_changed)
        self._pods = Reflector(client, PODS, transform=small_pod, on_change=self._pod_changed)

    async def start(self, *, seconds: float) -> None:
        """Begin to watch, and wait `seconds` at most for the first lists. Raises a KubeError where they do not come."""
        self.look_again()
        await asyncio.gather(*(reflector.ready(seconds) for reflector in self._all))

    def look_again(self) -> None:
        """Begin again what was refused; does nothing to what runs."""
        for reflector in self._all:
            reflector.start()

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
        """The users' namespaces that are there and not being removed, and whose each is."""
        return {
            str(found["metadata"]["name"]): str(found["owner"])
            for found in self._namespaces.objects.values()
            if found["owner"] and not found["leaving"]
        }

    def holders(self) -> dict[str, Holder]:
        """All pods that are there, and those that went and were not forgotten, by uid."""
        places = Places(owners=self._owners, hub_namespace=self._hub_namespace, hub_id=self._hub_id)
        found = {}
        for pod, gone_at in (*((pod, None) for pod in self._pods.objects.values()), *self._departed.values()):
            holder = self._holder(pod, places, gone_at)
            if holder is not None:
                found[holder.uid] = holder
        return found

    def forget(self, uids: list[str]) -> None:
        """Drop what is kept of pods that are gone."""
        for uid in uids:
            self._departed.pop(uid, None)

    def in_use(self, namespace: str) -> dict[str, float]:
        """What pods that have not ended ask for in a namespace: `pods`, and extended resources by name."""
        used: dict[str, float] = defaultdict(float)
        for (place, _), pod in self._pods.objects.items():
            if place != namespace or _is_over(pod):
                continue
            used["pods"] += 1
            for name, amount in (pod.get(AMOUNTS) or {}).items():
                if "/" in name:
                    used[name] += amount
        return dict(used)

    @property
    def _all(self) -> tuple[Reflector, ...]:
        return self._namespaces, self._nodes, self._pods

    def _holder(self, pod: Object, places: Places, gone_at: float | None) -> Holder | None:
        if places.owner_of(pod) is None:
            return None
        node = self._nodes_known.get(str(pod["spec"].get("nodeName") or ""))
        held = seen_pod(pod, node, gone_at=gone_at).held
        if gone_at is None:
            # A pod whose ranks have ended holds on while a sidecar runs.
            held = replace(held, ended=_is_over(pod))
        elif held.until is not None:
            # Kubernetes says when a pod must be gone at the latest, which may be after it was.
            held = replace(held, until=min(held.until, gone_at))
        return holder_of(pod, replace(held, title=pod["metadata"]["name"]), places)

    def _namespace_changed(self, _change: str, _old: Object | None, new: Object | None) -> None:
        if new is None:
            return
        name = str(new["metadata"]["name"])
        self._owners[name] = str(new["owner"])
        self._owners.move_to_end(name)
        while len(self._owners) > MOST_NAMESPACES:
            self._owners.popitem(last=False)

    def _node_changed(self, _change: str, _old: Object | None, new: Object | None) -> None:
        if new is None:
            return
        labels: Mapping[str, str] = new["labels"]
        name = str(new["metadata"]["name"])
        self._nodes_known[name] = Node(labels=labels, is_whole=True, shape=shape_of(new["allocatable"], labels))
        self._nodes_known.move_to_end(name)
        while len(self._nodes_known) > MOST_NODES:
            self._nodes_known.popitem(last=False)

    def _pod_changed(self, change: str, old: Object | None, new: Object | None) -> None:
        replaced = old is not None and new is not None and old["metadata"]["uid"] != new["metadata"]["uid"]
        if old is not None and new is not None and _is_over(new) and not _is_over(old):
            self._on_end()
        if old is not None and (new is None or replaced) and change != _MISSING:
            self._departed[str(old["metadata"]["uid"])] = (old, self._wall())
            while len(self._departed) > MOST_DEPARTED:
                self._departed.popitem(last=False)
            self._on_end()


def _is_over(pod: Object) -> bool:
    return pod["status"].get("phase") in _OVER


def _small_namespace(item: Object) -> Object:
    metadata: Mapping[str, Any] = item["metadata"]
    return {
        "metadata": {"name": metadata["name"]},
        "owner": (metadata.get("annotations") or {}).get(USERNAME_ANNOTATION) or "",
        "leaving": bool(metadata.get("deletionTimestamp")),
    }


def _small_node(item: Object) -> Object:
    metadata: Mapping[str, Any] = item["metadata"]
    allocatable = parsed((item.get("status") or {}).get("allocatable"))
    return {
        "metadata": {"name": metadata["name"]},
        "labels": metadata.get("labels") or {},
        "allocatable": {name: float(amount) for name, amount in allocatable.items()},
    }
