"""Which namespace and which pods are a user's own: from what the hub and the cluster know, from nothing that was sent.

The name of the jobs namespace follows from the user's; but somebody else may have made a namespace of that name before,
so nothing is given out or shown of one that does not bear this hub's marks for this user.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from windlass.errors import InvalidRequest
from windlass.kube.errors import Forbidden, KubeError, NotFound
from windlass.kube.resources import NAMESPACES
from windlass.metrics.prometheus.queries import Pods, checked_name
from windlass_hub.access import USER_ACCOUNT
from windlass_hub.namespaces import namespace_for, ownership
from windlass_hub.settings import Settings

from .hub_api import HubApi
from .problems import Away
from .state import Cluster

SERVICE_ACCOUNT = USER_ACCOUNT
REMEMBERED_SECONDS = 30.0
_USERS_KNOWN = 5000


class OwnPlaces:
    """Answers for one hub.

    Args:
        settings: of the hub.
        hub_api: knows where a user's servers run.
        cluster: None on a hub without one.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        hub_api: HubApi,
        cluster: Cluster | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._hub_api = hub_api
        self._cluster = cluster
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, list[Pods]]] = OrderedDict()

    async def jobs_namespace(self, name: str) -> str | None:
        """The namespace of that user's jobs, whether it is there or not; None on a hub that makes none."""
        settings = self._settings
        if settings.spawner != "kubernetes" or settings.isolation == "none":
            return None
        if settings.isolation == "own":
            # Jobs run beside the notebook, which stays where it was when the admin changes the pattern of names.
            for place in await self._notebooks(name):
                return place.namespace
        return namespace_for(name, prefix=settings.namespace_prefix, hub_id=settings.hub_id)

    async def refuse_foreign(self, namespace: str, *, name: str) -> None:
        """Raise Away unless the namespace is there and this hub made it for that user."""
        if self._cluster is None:
            raise Away("This hub has no Kubernetes cluster.")
        try:
            found = await self._cluster.client.get(NAMESPACES, namespace)
        except NotFound as error:
            raise _not_made() from error
        except Forbidden as error:
            raise Away("The hub service may not look at namespaces: its rights are incomplete.") from error
        except KubeError as error:
            raise Away(f"The cluster does not answer: {error.message}") from error
        foreign = ownership(found, username=name, hub_id=self._settings.hub_id)
        if foreign is not None:
            raise Away(f"The namespace {namespace} cannot be used for you: {foreign}. Tell the hub's administrators.")
        if found.get("metadata", {}).get("deletionTimestamp"):
            raise Away("Your namespace for jobs is being removed: restart your server from the hub.", retry_after=30)

    async def pods(self, name: str) -> list[Pods]:
        """All pods of the jobs namespace, and of a namespace that is shared only those the hub started for that user.

        Raises:
            Away, Upstream: the hub or the cluster does not say.
        """
        known = self._known.get(name)
        if known is not None and self._clock() - known[0] < REMEMBERED_SECONDS:
            return known[1]
        namespace = await self.jobs_namespace(name)
        found = [] if namespace is None else [Pods(namespace=namespace)]
        try:
            if namespace is not None:
                await self.refuse_foreign(namespace, name=name)
        except _NotMade:
            found = []
        found += [place for place in await self._notebooks(name) if place.namespace != namespace]
        self._known[name] = (self._clock(), found)
        self._known.move_to_end(name)
        while len(self._known) > _USERS_KNOWN:
            self._known.popitem(last=False)
        return found

    async def _notebooks(self, name: str) -> list[Pods]:
        user = await self._hub_api.user(name)
        servers = ((user or {}).get("servers") or {}).values()
        places = (_notebook(server.get("state") or {}) for server in servers)
        return [place for place in places if place is not None]


class _NotMade(Away):
    """The namespace is not there yet: there is nothing to see, which is no failure."""


def _not_made() -> _NotMade:
    sentence = "Your namespace for jobs is not made yet: it is made when your server starts. Restart it from the hub."
    return _NotMade(sentence, retry_after=30)


def _notebook(state: dict[str, Any]) -> Pods | None:
    namespace, pod = state.get("namespace"), state.get("pod_name")
    if not isinstance(namespace, str) or not isinstance(pod, str):
        return None
    try:
        return Pods(namespace=checked_name(namespace, field="namespace"), pod=checked_name(pod, field="pod"))
    except InvalidRequest:
        return None
