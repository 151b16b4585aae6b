"""KubeSpawner's view of its pods, made to hold: which reflector shows them, which events are theirs, what is certain.

The part of the spawner that looks and never acts. What is started and why is in `spawner.py`.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import aiohttp
from kubernetes_asyncio.client.rest import ApiException
from kubespawner.reflector import ResourceReflector
from kubespawner.spawner import EventReflector, KubeSpawner

from windlass.kube.client import KubeClient
from windlass.kube.errors import KubeError
from windlass_hub.hub_kube import NoKubernetes, hub_client

from . import events as pod_events
from . import progress
from .api import NoAnswer, PodApi, Refused
from .reflectors import STEADY, NotLoaded, SteadyEvents, SteadyReflector
from .state import Pod

EVENTS_KEPT_SECONDS = 30
UNHEARD = (aiohttp.ClientError, ApiException, KubeError, NoKubernetes, NotLoaded, OSError, asyncio.TimeoutError)
"""What asking Kubernetes may end with when it does not answer, or not as it should."""


class PodWatching(KubeSpawner):  # type: ignore[misc]  # KubeSpawner is not typed
    """KubeSpawner with reflectors that recover, and that are not believed while they are behind."""

    namespace: str
    pvc_name: str
    _pvc_exists: bool

    # KubeSpawner's own is shared by all its subclasses; ours are of another kind.
    reflectors: ClassVar[dict[Any, ResourceReflector]] = {}

    _starting: ClassVar[weakref.WeakSet[PodWatching]] = weakref.WeakSet()
    _releases: ClassVar[set[asyncio.Task[None]]] = set()

    _pod_uid: str | None = None
    """Of the pod that this start made; None: not known."""

    @property
    def events(self) -> list[pod_events.Event]:
        """The events of this server's pod, in its own namespace, since this start; oldest first."""
        reflector = self.event_reflector
        if not reflector:
            return []
        if isinstance(reflector, SteadyEvents):
            own = reflector.of(self.namespace, self.pod_name)
        else:
            place = (self.namespace, self.pod_name)
            own = [event for event in reflector.events if pod_events.place_of(event) == place]
        mine = (event for event in own if pod_events.belongs(event, uid=self._pod_uid))
        return [pod_events.complete(event) for event in pod_events.after(mine, self._last_event)]

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """What happens while the server starts, for the page that waits for it."""
        if not self.events_enabled:
            return
        await self._start_watching_events()
        async for item in progress.lines(self):
            yield item

    def _get_reflector_key(self, kind: str) -> tuple[str, str | None]:
        # Events are watched where a server starts, never in the whole cluster: there are too many, by anybody.
        return (kind, self.namespace) if kind == "events" else super()._get_reflector_key(kind)

    async def _start_watching_events(self, replace: bool = False) -> Any:
        try:
            return await self._start_reflector(
                kind="events",
                reflector_class=EventReflector,
                fields={"involvedObject.kind": "Pod"},
                omit_namespace=False,
                replace=replace,
            )
        except NotLoaded as error:
            self.log.warning("Starting without events on the page: %s", error)
            return None

    def _start_is_over(self) -> None:
        """In a namespace of a user's own, its events are of no interest any more; after a moment for the page."""
        self._starting.discard(self)
        if self.enable_user_namespaces:
            task = asyncio.create_task(self._stop_watching_events(self.namespace))
            self._releases.add(task)
            task.add_done_callback(self._releases.discard)

    async def _stop_watching_events(self, namespace: str) -> None:
        await asyncio.sleep(EVENTS_KEPT_SECONDS)
        if any(other.namespace == namespace for other in self._starting):
            return
        if (reflector := type(self).reflectors.pop(("events", namespace), None)) is not None:
            await reflector.stop()

    async def _start_reflector(
        self,
        kind: str,
        reflector_class: type[ResourceReflector],
        replace: bool = False,
        **kwargs: Any,
    ) -> Any:
        steady = STEADY.get(reflector_class)
        if steady is None:
            return await super()._start_reflector(kind, reflector_class, replace, **kwargs)
        key = self._get_reflector_key(kind)
        found = type(self).reflectors.get(key)
        if found is not None and not replace and getattr(found, "usable", True):
            if isinstance(found, SteadyReflector):
                await found.loaded()
            return found
        made = steady(parent=self, namespace=self.namespace, **kwargs)
        type(self).reflectors[key] = made
        try:
            await made.start()
        finally:
            if found is not None:
                await found.stop()
        return made

    async def _current_pod(self) -> tuple[Pod | None, bool]:
        """The pod, and whether that is certain. The API server is asked wherever the reflector may be behind."""
        try:
            reflector = await asyncio.wait_for(self._start_watching_pods(), self.k8s_api_request_timeout)
        except UNHEARD as error:
            self.log.debug("Polling without the reflector: %s", error)
            reflector = self.pod_reflector
        shown = self._reflected_pod()
        if shown is not None and (reflector is None or getattr(reflector, "fresh", True)):
            return shown, True
        try:
            return await self._pod_api().read(), True
        except (NoAnswer, Refused) as error:
            self.log.warning("Cannot ask for pod %s, it counts as it was last seen: %s", self.pod_name, error)
            return shown, False

    def kube_client(self) -> KubeClient:
        """Windlass's client, for the same API server as KubeSpawner's."""
        return hub_client(
            host=self.k8s_api_host, ssl_ca_cert=self.k8s_api_ssl_ca_cert, verify_ssl=self.k8s_api_verify_ssl
        )

    def _pod_api(self, timeout_seconds: float | None = None) -> PodApi:
        return PodApi(
            self.api,
            namespace=self.namespace,
            name=self.pod_name,
            timeout_seconds=timeout_seconds or self.k8s_api_request_timeout,
        )

    def _ref_key(self) -> str:
        return f"{self.namespace}/{self.pod_name}"

    def _reflected_pod(self) -> Pod | None:
        reflector = self.pod_reflector
        return None if reflector is None else reflector.pods.get(self._ref_key())

    def _own(self, pod: Pod | None) -> Pod | None:
        """The pod, if it is the one of this start and not an earlier one of the same name."""
        if pod is None or self._pod_uid is None or pod["metadata"].get("uid") in {None, self._pod_uid}:
            return pod
        return None
