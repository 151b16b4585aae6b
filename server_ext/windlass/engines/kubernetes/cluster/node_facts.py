"""What the nodes are on which a job's pods are: their labels say what an hour of them costs.

Each node is asked for once. On a hub the hub says it (users' accounts may not read nodes); elsewhere the account asks
itself, where it may. A node that cannot be asked for stays unknown, and is asked for again after a while.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Collection

from windlass.contract.hub import NodeCapacity
from windlass.costs.holding import (
    INSTANCE_TYPE_LABELS,
    PRODUCT_LABEL,
    REGION_LABELS,
    REPLICAS_LABEL,
    SHARING_LABEL,
    shape_of,
)
from windlass.engines.kubernetes.manifests.placement import CAPACITY_TYPE
from windlass.engines.kubernetes.observing.held_pods import Node
from windlass.engines.kubernetes.preflight.amounts import parsed
from windlass.errors import WindlassError
from windlass.hub.broker import HubBroker
from windlass.kube.client import KubeClient
from windlass.kube.errors import Forbidden, KubeError, NotFound
from windlass.kube.resources import NODES

AGAIN_SECONDS = 60.0
REFUSED_SECONDS = 600.0
MOST_NODES = 5000
MOST_AT_ONCE = 50

_log = logging.getLogger(__name__)


class NodeFacts:
    """Nodes by name, as they were when they were asked for. `clock`: seconds of some steady clock."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._known: OrderedDict[str, Node] = OrderedDict()
        self._not_before = 0.0
        self._clock = clock

    def get(self, name: str | None) -> Node | None:
        """A node, if it is known."""
        return self._known.get(name or "")

    def may_ask(self, names: Collection[str]) -> bool:
        """Whether there is something to ask, and it may be asked now."""
        return bool(set(names) - self._known.keys()) and self._clock() >= self._not_before

    async def learn(self, names: Collection[str], *, client: KubeClient, broker: HubBroker | None) -> bool:
        """Ask for nodes that are not known. Returns whether one became known; raises nothing."""
        lacking = sorted(set(names) - self._known.keys())[:MOST_AT_ONCE]
        before = len(self._known)
        self._not_before = self._clock() + AGAIN_SECONDS
        try:
            if broker is not None:
                await self._of_hub(broker)
            else:
                await self._own(client, lacking)
        except Forbidden:
            self._not_before = self._clock() + REFUSED_SECONDS
        except (KubeError, WindlassError, ValueError) as error:
            _log.debug("What nodes jobs run on cannot be read now: %s", error)
        if lacking and all(name in self._known for name in lacking):
            self._not_before = 0.0
        while len(self._known) > MOST_NODES:
            self._known.popitem(last=False)
        return len(self._known) > before or any(name in self._known for name in lacking)

    async def _of_hub(self, broker: HubBroker) -> None:
        capacity = await broker.capacity()
        if capacity.source == "kubernetes":
            self._known.update({node.name: of_hub(node) for node in capacity.nodes})

    async def _own(self, client: KubeClient, names: Collection[str]) -> None:
        for name in names:
            try:
                found = await client.get(NODES, name)
            except NotFound:
                continue  # It is gone already.
            metadata = found.get("metadata") or {}
            labels = {str(key): str(value) for key, value in (metadata.get("labels") or {}).items()}
            allocatable = parsed((found.get("status") or {}).get("allocatable"))
            amounts = {key: float(amount) for key, amount in allocatable.items()}
            self._known[name] = Node(labels=labels, is_whole=True, shape=shape_of(amounts, labels))


def of_hub(node: NodeCapacity) -> Node:
    """A node as the hub tells it: the labels that matter, where it has them."""
    labels = {
        INSTANCE_TYPE_LABELS[0]: node.instance_type,
        REGION_LABELS[0]: node.region,
        PRODUCT_LABEL: node.gpu_product,
        SHARING_LABEL: node.gpu_sharing,
        REPLICAS_LABEL: None if node.gpu_replicas is None else str(node.gpu_replicas),
        CAPACITY_TYPE: None if node.spot is None else "spot" if node.spot else "on-demand",
    }
    said = {name: value for name, value in labels.items() if value is not None}
    amounts = {name: float(amount) for name, amount in node.gpus.items()}
    if node.cpu_cores is not None:
        amounts["cpu"] = node.cpu_cores
    if node.memory_bytes is not None:
        amounts["memory"] = float(node.memory_bytes)
    # The hub looks at all labels: what none of them calls spot is not.
    return Node(labels=said, is_whole=True, shape=shape_of(amounts, said))
