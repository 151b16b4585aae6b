"""What the hub must know of the cluster to fence a namespace: the API server's addresses and the default priority.

Both change seldom and are asked at most every ten minutes. When they cannot be asked the last answer holds: forgetting
the API server's address would cut off every running notebook at the next start of another.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from windlass.kube.client import KubeClient
from windlass.kube.errors import Forbidden, NotFound, Unavailable
from windlass.kube.resources import SERVICES, Resource

log = logging.getLogger(__name__)

ENDPOINTS = Resource("", "v1", "endpoints", "Endpoints", namespaced=True)
PRIORITY_CLASSES = Resource("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced=False)
KEPT_SECONDS = 600.0


class ClusterFacts:
    """Asks the cluster, and keeps the answers. `clock` gives seconds that never go back."""

    def __init__(self, client: KubeClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._kept: dict[str, tuple[float, tuple[str, ...]]] = {}

    async def api_server(self) -> tuple[str, ...]:
        """Address ranges of the API server: of its service and of what stands behind it.

        Raises:
            KubeError: it cannot be asked, and never could be.
        """
        return await self._fact("API server's addresses", self._ask_api_server, instead=_environment_address)

    async def default_priorities(self) -> tuple[str, ...]:
        """PriorityClasses that pods get which name none.

        Raises:
            KubeError: it cannot be asked, and never could be.
        """
        return await self._fact("default PriorityClass", self._ask_priorities, instead=tuple)

    async def _fact(
        self, name: str, ask: Callable[[], Awaitable[Iterable[str]]], *, instead: Callable[[], tuple[str, ...]]
    ) -> tuple[str, ...]:
        asked_at, known = self._kept.get(name, (0.0, None))
        if known is not None and self._clock() - asked_at < KEPT_SECONDS:
            return known
        try:
            answer = tuple(sorted(set(await ask())))
        except Unavailable:
            if known is None:
                raise
            return known
        except (Forbidden, NotFound) as error:
            answer = instead() if known is None else known
            log.warning("The hub may not ask for the %s: %s", name, error)
        self._kept[name] = (self._clock(), answer)
        return answer

    async def _ask_api_server(self) -> list[str]:
        service = await self._get(SERVICES)
        behind = await self._get(ENDPOINTS)
        spec = service.get("spec", {})
        addresses = [*(spec.get("clusterIPs") or []), spec.get("clusterIP")]
        for subset in behind.get("subsets") or []:
            addresses += [item.get("ip") for item in subset.get("addresses") or []]
        return _ranges(addresses)

    async def _get(self, resource: Resource) -> dict[str, Any]:
        """The API server's own service, or its endpoints, which some clusters do not keep."""
        try:
            return await self._client.get(resource, "kubernetes", namespace="default")
        except NotFound:
            return {}

    async def _ask_priorities(self) -> list[str]:
        classes, _ = await self._client.list(PRIORITY_CLASSES)
        return [str(found["metadata"]["name"]) for found in classes if found.get("globalDefault")]


def _environment_address() -> tuple[str, ...]:
    return tuple(_ranges([os.environ.get("KUBERNETES_SERVICE_HOST")]))


def _ranges(addresses: Iterable[Any]) -> list[str]:
    """Addresses as ranges of one; what is none (`None` of a headless service, a host name) is left out."""
    return [found for address in addresses if (found := _range_of_one(str(address)))]


def _range_of_one(address: str) -> str | None:
    try:
        return str(ipaddress.ip_network(address))
    except ValueError:
        return None
