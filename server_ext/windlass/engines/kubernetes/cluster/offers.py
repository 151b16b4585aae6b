"""What a user may choose from in this cluster: the submit dialog shows these and nothing else.

Nodes are looked at through the hub where there is one: users' accounts may not. Each part is asked for by itself and
all at once; a part that cannot be read is empty and says so in `problems`. Nothing is kept here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar

from windlass.contract.cluster import (
    ClusterOffers,
    JobKind,
    OfferedClaim,
    OfferedGpu,
    OfferedImage,
    OfferedKind,
    OfferedQueue,
    OfferedRuntime,
)
from windlass.contract.hub import ClusterCapacity
from windlass.engines.kubernetes.cluster.gpus import CountedGpus, offered
from windlass.engines.kubernetes.cluster.images import own_image
from windlass.engines.kubernetes.manifests.placement import CAPACITY_TYPE
from windlass.engines.kubernetes.model import ClusterFacts, Object
from windlass.errors import WindlassError
from windlass.hub.broker import HubBroker
from windlass.kube.client import KubeClient
from windlass.kube.errors import Forbidden, KubeError, NotFound
from windlass.kube.quantities import parse_bytes
from windlass.kube.resources import NODES, PERSISTENT_VOLUME_CLAIMS, PRIORITY_CLASSES

T = TypeVar("T")
NodeClass = Literal["spot", "on-demand"]

NODES_AT_ONCE = 100
"""How many nodes are read in one answer: each takes about 15 KB, and parsing holds up everything else."""
_NODE_CLASSES: tuple[NodeClass, ...] = ("spot", "on-demand")
_FRAMEWORK_LABEL = "trainer.kubeflow.org/framework"
_SUPPORT_LABEL = "trainer.kubeflow.org/support"
_KINDS: Mapping[JobKind, tuple[str, str]] = {
    "PyTorchJob": (
        "The cluster's Kubeflow Training Operator runs it, on one node or many.",
        "The cluster has no Kubeflow Training Operator (kubeflow.org/v1).",
    ),
    "TrainJob": (
        "The cluster's Kubeflow Trainer runs it, on one node or many.",
        "The cluster has no Kubeflow Trainer (trainer.kubeflow.org/v1alpha1).",
    ),
    "Job": (
        "Kubernetes itself runs it, on one node.",
        "The cluster's API of jobs (batch/v1) cannot be reached.",
    ),
}


async def offers(
    client: KubeClient,
    *,
    namespace: str,
    server: str,
    facts: ClusterFacts,
    broker: HubBroker | None,
    environ: Mapping[str, str],
    usual_image: str | None = None,
) -> ClusterOffers:
    """All that there is to choose from.

    Args:
        client: this user's.
        namespace: where jobs go.
        server: the API server's address, to show.
        facts: what the cluster serves; their problems are among the answer's.
        broker: the hub's, where there is a hub.
        environ: this process's environment, which may say what image it runs in.
        usual_image: what jobs run in that name no image, where the server's settings say.
    """
    asked = _Asking(client, namespace=namespace, problems=list(facts.problems))
    nodes = asked.hub_nodes(broker) if broker is not None else asked.own_nodes()
    claims, queues, priorities, images, (gpus, classes) = await asyncio.gather(
        asked.claims(), asked.queues(facts), asked.priority_classes(), asked.images(broker, environ, usual_image), nodes
    )
    return ClusterOffers(
        namespace=namespace,
        server=server,
        version=facts.version or None,
        kinds=offered_kinds(facts),
        gpus=gpus,
        images=images,
        claims=claims,
        queues=queues,
        runtimes=[_runtime(runtime) for runtime in facts.runtimes],
        priority_classes=priorities,
        node_classes=classes,
        problems=asked.problems,
    )


def offered_kinds(facts: ClusterFacts) -> list[OfferedKind]:
    """Every kind of job, with why it can or cannot be had."""
    return [
        OfferedKind(name=name, served=name in facts.kinds, reason=has if name in facts.kinds else lacks)
        for name, (has, lacks) in _KINDS.items()
    ]


class _Asking:
    """The questions, and what stood in the way of answers."""

    def __init__(self, client: KubeClient, *, namespace: str, problems: list[str]) -> None:
        self._client = client
        self._namespace = namespace
        self.problems = problems

    async def claims(self) -> list[OfferedClaim]:
        """The namespace's volume claims, but those that are being removed."""
        listed = self._client.list(PERSISTENT_VOLUME_CLAIMS, namespace=self._namespace)
        found, _ = await self._part("Volume claims", listed, ([], ""))
        return [_claim(claim) for claim in _by_name(found) if not claim["metadata"].get("deletionTimestamp")]

    async def queues(self, facts: ClusterFacts) -> list[OfferedQueue]:
        """Kueue's LocalQueues of the namespace; one that admits nothing is a problem too."""
        kind = facts.kinds.get("LocalQueue")
        if kind is None:
            return []
        listed = self._client.list(kind.resource, namespace=self._namespace)
        found, _ = await self._part("Queues", listed, ([], ""))
        for queue in found:
            for condition in queue.get("status", {}).get("conditions") or []:
                if condition.get("type") == "Active" and condition.get("status") == "False":
                    why = condition.get("message") or condition.get("reason") or "no reason is given"
                    self.problems.append(f"The queue {queue['metadata']['name']} admits no jobs now: {why}")
        return [_queue(queue) for queue in _by_name(found)]

    async def priority_classes(self) -> list[str]:
        """But those that are for the cluster's own parts."""
        found, _ = await self._part("Priority classes", self._client.list(PRIORITY_CLASSES), ([], ""))
        names = [str(each["metadata"]["name"]) for each in found]
        return sorted(name for name in names if not name.startswith("system-"))

    async def images(
        self, broker: HubBroker | None, environ: Mapping[str, str], usual: str | None
    ) -> list[OfferedImage]:
        """The one first that a job runs in when it names none: the settings' one, this server's own, the catalogue."""
        listed = await self._part("The catalogue of images", broker.images(), None) if broker is not None else None
        if listed is not None and listed.stale:
            self.problems.append(f"The catalogue of images may be old: {listed.stale}")
        known = {
            each.image: OfferedImage(
                image=each.image, display_name=each.display_name, description=each.description, origin="catalogue"
            )
            for each in (listed.items if listed is not None else [])
        }
        found: dict[str, OfferedImage] = {}
        if usual is not None:
            description = "What this server's settings have jobs run in."
            found[usual] = known.get(usual) or _of_server(usual, "The usual image of jobs", description)
        if (own := own_image(environ)) is not None:
            description = "The image that this server runs in: what works in the notebook works in the job."
            found[own] = _of_server(own, "This server's image", description)
        return list({**found, **{image: each for image, each in known.items() if image not in found}}.values())

    async def hub_nodes(self, broker: HubBroker) -> tuple[list[OfferedGpu], list[NodeClass]]:
        """GPUs and node classes as the hub sees them."""
        capacity = await self._part("The cluster's nodes", broker.capacity(), None)
        if capacity is None:
            return [], []
        if capacity.problem:
            self.problems.append(capacity.problem)
        elif not capacity.complete:
            self.problems.append("The figures about the cluster's nodes may be old or not whole.")
        return offered(capacity.gpus), _hub_classes(capacity)

    async def own_nodes(self) -> tuple[list[OfferedGpu], list[NodeClass]]:
        """GPUs and node classes as nodes say them, where this account may look."""
        return await self._part("The cluster's nodes", self._read_nodes(), ([], []))

    async def _read_nodes(self) -> tuple[list[OfferedGpu], list[NodeClass]]:
        gpus, classes = CountedGpus(), set()
        query = {"limit": str(NODES_AT_ONCE)}
        while True:
            page = await self._client.raw("GET", NODES.path(), query=query)
            if not isinstance(page, dict):
                raise KubeError("The Kubernetes API answered with something that is no list of nodes.")
            for node in page.get("items") or []:
                gpus.add(node)
                classes.add((node.get("metadata", {}).get("labels") or {}).get(CAPACITY_TYPE))
            following = page.get("metadata", {}).get("continue")
            if not following:
                return gpus.offered(), _ordered(classes)
            query["continue"] = following

    async def _part(self, what: str, asked: Awaitable[T], otherwise: T) -> T:
        try:
            return await asked
        except NotFound:
            return otherwise
        except Forbidden:
            self.problems.append(f"{what} are not shown: this account may not read them.")
        except (KubeError, WindlassError) as error:
            self.problems.append(f"{what} cannot be read now: {error}")
        return otherwise


def _of_server(image: str, display_name: str, description: str) -> OfferedImage:
    return OfferedImage(image=image, display_name=display_name, description=description, origin="server")


def _claim(claim: Object) -> OfferedClaim:
    status, spec = claim.get("status") or {}, claim.get("spec") or {}
    bound = status.get("phase") == "Bound"
    size = (status.get("capacity") or {}).get("storage")
    return OfferedClaim(
        name=str(claim["metadata"]["name"]),
        bound=bound,
        access_modes=[str(mode) for mode in status.get("accessModes") or spec.get("accessModes") or []],
        capacity_bytes=_bytes(size) if bound else None,
    )


def _bytes(quantity: Any) -> int | None:
    try:
        return parse_bytes(quantity)
    except ValueError:
        return None


def _queue(queue: Object) -> OfferedQueue:
    status = queue.get("status") or {}
    pending, admitted = status.get("pendingWorkloads"), status.get("admittedWorkloads")
    return OfferedQueue(
        name=str(queue["metadata"]["name"]),
        pending=pending if isinstance(pending, int) else None,
        admitted=admitted if isinstance(admitted, int) else None,
    )


def _runtime(runtime: Object) -> OfferedRuntime:
    labels = runtime["metadata"].get("labels") or {}
    return OfferedRuntime(
        name=runtime["metadata"]["name"],
        kind=runtime["kind"],
        framework=labels.get(_FRAMEWORK_LABEL),
        deprecated=labels.get(_SUPPORT_LABEL) == "deprecated",
    )


def _hub_classes(capacity: ClusterCapacity) -> list[NodeClass]:
    """Those that Karpenter's pools may start, and those of nodes that it has started: only these carry its label."""
    pools = {pool.name for pool in capacity.pools}
    started = {node.spot for node in capacity.nodes if node.pool in pools}
    classes = {kind for pool in capacity.pools for kind in pool.capacity_types}
    return _ordered(classes | {name for name, spot in (("spot", True), ("on-demand", False)) if spot in started})


def _ordered(classes: Iterable[str | None]) -> list[NodeClass]:
    found = set(classes)
    return [name for name in _NODE_CLASSES if name in found]


def _by_name(objects: Sequence[Object]) -> list[Object]:
    return sorted(objects, key=lambda each: str(each["metadata"]["name"]))
