"""The hub's view of its pods and their events: Windlass's reflector in the place of KubeSpawner's.

KubeSpawner's reflectors die when the first list fails, freeze after a minute without the API server, or end the hub;
and nobody who looks at them can tell. Windlass's goes on trying and says since when it is behind. These show what it
knows where KubeSpawner, its hooks and its tests look for it: `resources`, `pods`, `events`, `first_load_future`.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from kubespawner.reflector import ResourceReflector
from kubespawner.spawner import EventReflector, PodReflector
from traitlets import validate

from windlass.kube.client import Object
from windlass.kube.errors import KubeError
from windlass.kube.reflector import Reflector
from windlass.kube.resources import EVENTS, PODS, Resource
from windlass_hub.hub_kube import hub_client

from .events import EventIndex, order

FIRST_LIST_SECONDS = 30
REMEMBERED_DEPARTED = 1000


class NotLoaded(Exception):
    """Nothing was ever read of what a reflector is to show; `str()` says why."""


class SteadyReflector(ResourceReflector):  # type: ignore[misc]  # KubeSpawner is not typed
    """A reflector that recovers from anything and says whether it is up to date."""

    resource: ClassVar[Resource]
    resources: dict[str, Any]
    pause: Callable[[float], Awaitable[None]] = staticmethod(asyncio.sleep)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._loop = asyncio.get_running_loop()
        self._source: Reflector | None = None

    @property
    def fresh(self) -> bool:
        """Whether what is shown is what the API server has, as far as anyone can know."""
        return self._source is not None and self._source.stale_since is None

    @property
    def usable(self) -> bool:
        """Whether it runs, in the loop that asks; not once it stopped for want of a right."""
        running = self._source is not None and self._source.stopped_because is None
        return running and self._loop is asyncio.get_running_loop()

    async def start(self) -> None:
        """Begin to watch, and wait for the first list.

        Raises:
            NotLoaded: it did not come in time; the reflector goes on trying unless a right is missing.
            RuntimeError: it was started before.
        """
        if self._source is not None:
            raise RuntimeError(f"The {self.kind} are watched already.")
        self._source = Reflector(
            getattr(self.parent, "kube_client", hub_client)(),
            self.resource,
            namespace=None if self.omit_namespace else self.namespace,
            label_selector=self.label_selector,
            field_selector=self.field_selector,
            transform=slim,
            on_change=self._changed,
            sleep=self.pause,
        )
        self._source.start()
        await self.loaded()

    async def loaded(self) -> None:
        """Wait for the first list; at once when there was one.

        Raises:
            NotLoaded: it did not come in `FIRST_LIST_SECONDS`.
        """
        if self._source is None:
            raise NotLoaded(f"The {self.kind} are not watched.")
        try:
            await self._source.ready(FIRST_LIST_SECONDS)
        except KubeError as error:
            raise NotLoaded(f"The {self.kind} could not be listed: {error}") from error
        if not self.first_load_future.done():
            self.first_load_future.set_result(None)

    async def stop(self) -> None:
        """End the watch. In a loop that is gone there is nothing left to end."""
        if self._source is not None and self._loop is asyncio.get_running_loop():
            await self._source.stop()

    def _changed(self, kind: str, old: Object | None, new: Object | None) -> None:  # noqa: ARG002  (Reflector's form)
        if new is not None:
            self.resources[_key(new)] = new
        elif old is not None:
            self.resources.pop(_key(old), None)
            self._departs(_key(old), old)

    def _departs(self, key: str, item: Object) -> None:
        """An object is gone; for those who want to know how it was last seen."""


class SteadyPods(SteadyReflector, PodReflector):  # type: ignore[misc]  # KubeSpawner is not typed
    """The pods of this hub's servers."""

    resource = PODS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._departed: OrderedDict[str, Object] = OrderedDict()

    def departed(self, key: str) -> Object | None:
        """A pod that is gone, as it was last seen: why it ended stands there and nowhere else any more."""
        return self._departed.get(key)

    def _departs(self, key: str, item: Object) -> None:
        self._departed.pop(key, None)
        self._departed[key] = item
        if len(self._departed) > REMEMBERED_DEPARTED:
            self._departed.popitem(last=False)


class SteadyEvents(SteadyReflector, EventReflector):  # type: ignore[misc]  # KubeSpawner is not typed
    """The events of pods, each pod's found without looking at the others."""

    resource = EVENTS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.resources = EventIndex()

    @validate("resources")
    def _index(self, proposal: dict[str, Any]) -> EventIndex:
        value = proposal["value"]
        return value if isinstance(value, EventIndex) else EventIndex(value)

    @property
    def events(self) -> list[Any]:
        """All events, oldest first; whoever wants one pod's asks `of`."""
        return sorted(self.resources.values(), key=order)

    def of(self, namespace: str, pod: str) -> list[Any]:
        """The events of one pod, oldest first."""
        index = self.resources
        return list(index.of(namespace, pod)) if isinstance(index, EventIndex) else []


STEADY: dict[type[ResourceReflector], type[SteadyReflector]] = {PodReflector: SteadyPods, EventReflector: SteadyEvents}
"""What stands in for KubeSpawner's own reflectors."""


def slim(item: Object) -> Object:
    """Without what nobody reads here: who set which field, often half of an object's size."""
    item["metadata"].pop("managedFields", None)
    return item


def _key(item: Object) -> str:
    metadata = item["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}"
