"""What all questions of one preflight look at: the job, what is known of the cluster, and what is read of it once.

Several questions are about the same objects. Whoever asks first has them read, the others wait for that one answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from windlass.contract.cluster import ClusterOffers
from windlass.contract.hub import ClusterCapacity
from windlass.contract.preview import Finding
from windlass.engines.kubernetes.model import ClusterFacts, ClusterJob, Object
from windlass.engines.kubernetes.preflight.worker_pods import PodGroup, pod_groups
from windlass.kube.client import KubeClient
from windlass.kube.resources import LIMIT_RANGES, NAMESPACES, PERSISTENT_VOLUME_CLAIMS, RESOURCE_QUOTAS


class Unanswered(Exception):
    """A question has no answer here; the message says why, as a part of a sentence."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One thing to find out."""

    about: str
    """As the object of "could not be checked": `the quota`."""
    ask: Callable[[Asking], Awaitable[list[Finding]]]
    """Raises Unanswered, a KubeError or a WindlassError where there is no answer."""


class Asking:
    """One job before it is sent."""

    def __init__(
        self,
        *,
        job: ClusterJob,
        objects: Sequence[Object],
        facts: ClusterFacts,
        offers: ClusterOffers | None,
        client: KubeClient,
        namespace: str,
        capacity: ClusterCapacity | None,
        environ: Mapping[str, str],
    ) -> None:
        self.job = job
        self.objects = objects
        self.facts = facts
        self.offers = offers
        self.client = client
        self.namespace = namespace
        self.capacity = capacity
        """The cluster's nodes as the hub sees them; None without a hub."""
        self.environ = environ
        """Of this process."""
        self._reading: dict[str, asyncio.Task[Any]] = {}

    @cached_property
    def pods(self) -> list[PodGroup]:
        """What operators will make of the objects."""
        return pod_groups(self.job, self.objects)

    @property
    def kind(self) -> str:
        """Of the job's own object."""
        return str(self.objects[-1].get("kind", "")) if self.objects else ""

    async def namespace_object(self) -> Object:
        """The namespace itself. Raises a KubeError, as all of these do."""
        found: Object = await self._once("namespace", self.client.get(NAMESPACES, self.namespace))
        return found

    async def quotas(self) -> list[Object]:
        """The namespace's ResourceQuotas."""
        found, _ = await self._once("quotas", self.client.list(RESOURCE_QUOTAS, namespace=self.namespace))
        return list(found)

    async def limit_ranges(self) -> list[Object]:
        """The namespace's LimitRanges."""
        found, _ = await self._once("limits", self.client.list(LIMIT_RANGES, namespace=self.namespace))
        return list(found)

    async def claims(self) -> list[Object]:
        """The namespace's volume claims."""
        listed = self.client.list(PERSISTENT_VOLUME_CLAIMS, namespace=self.namespace)
        found, _ = await self._once("claims", listed)
        return list(found)

    async def close(self) -> None:
        """End what is still being read."""
        for task in self._reading.values():
            task.cancel()
        await asyncio.gather(*self._reading.values(), return_exceptions=True)

    async def _once(self, name: str, asked: Coroutine[Any, Any, Any]) -> Any:
        if name in self._reading:
            asked.close()
        else:
            self._reading[name] = asyncio.create_task(asked, name=f"windlass-preflight-{name}")
        # Shielded: a question that is given up must not take the answer from the others.
        return await asyncio.shield(self._reading[name])
