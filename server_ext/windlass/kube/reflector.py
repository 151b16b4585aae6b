"""A live copy of one kind of object, kept up to date by one watch for all who look at it.

It outlives what clusters do: an API server that is away at the start or for hours, watches that end or break, history
that is no longer kept. Only a missing right stops it, and then it says which. How old the copy is can always be asked:
a copy that looks healthy and is not has cost other projects running pods.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, suppress

from windlass.kube.cache import Change, Key, Object, ObjectCache
from windlass.kube.client import KubeClient
from windlass.kube.errors import Forbidden, Gone, KubeError, Unavailable
from windlass.kube.resources import Resource

log = logging.getLogger(__name__)

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30.0
WATCH_SECONDS = (240, 300)
"""A watch is asked to end after a random time between these, so that many do not come back at once."""
SHORTEST_GOOD_WATCH_SECONDS = 1.0
"""A watch that ends sooner and says nothing is taken for a failure: it would be asked for in a hot loop."""

OnChange = Callable[[str, Object | None, Object | None], None]
"""Called with a `cache.Change`'s kind, the object before and the object now, in the reflector's task."""


class Reflector:
    """Start it in the event loop of its client. `transform` makes objects smaller before they are kept.

    `on_change` is called after `objects` has changed, for real changes only; what it raises is logged and passed over.
    """

    def __init__(
        self,
        client: KubeClient,
        resource: Resource,
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        transform: Callable[[Object], Object] | None = None,
        on_change: OnChange | None = None,
        name: str = "",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._client = client
        self._resource = resource
        self._namespace = namespace
        self._label_selector = label_selector
        self._field_selector = field_selector
        self._on_change = on_change
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._transform = transform
        self._cache = ObjectCache(transform=self._shrunk)
        self._version = ""
        """Where to watch from; empty when everything has to be listed (again)."""
        self._failures = 0
        self._settled = asyncio.Event()
        """The first list is there, or there will be none."""
        self._listed = False
        self._task: asyncio.Task[None] | None = None
        self.name = name or f"{resource.plural} {self._place()}"
        self.stale_since: float | None = clock()
        """Since when (by `clock`) changes may have been missed; None while the watch stands."""
        self.stopped_because: str | None = None
        """The right that is missing, in words; nothing more is asked for until `start` is called again.

        It holds until the API grants what it refused.
        """
        self._halted = False
        self.last_error: KubeError | None = None
        """What went wrong last, None once all is well again."""

    @property
    def objects(self) -> Mapping[Key, Object]:
        """By (namespace, name); a view that changes with the cluster."""
        return self._cache.objects

    def start(self) -> None:
        """Begin; does nothing while it runs."""
        if self._task is None or self._task.done():
            self._halted = False
            self._settled.clear()
            if self._listed and self.stopped_because is None:
                self._settled.set()
            self._task = asyncio.create_task(self._run(), name=f"reflector {self.name}")

    async def stop(self) -> None:
        """End the watch and keep what is known."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None
            self._lost()

    async def ready(self, timeout: float) -> None:
        """Wait until everything was listed once, `timeout` seconds at most.

        Raises what went wrong last, Forbidden at once. It goes on trying all the same: a later call may succeed.
        """
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._settled.wait(), timeout)
        if self._listed and self.stopped_because is None:
            return
        raise self.last_error or Unavailable(f"The Kubernetes API has not listed {self.name} within {timeout:g} s.")

    async def _run(self) -> None:
        while not self._halted:
            await self._guarded_turn()

    async def _guarded_turn(self) -> None:
        try:
            await self._turn()
        except Gone as error:
            self._version = ""
            # Listing anew is the answer; only where that does not help is it a failure.
            if self._failures:
                await self._back_off(error)
            self._failures += 1
        except Forbidden as error:
            self._halt(error)
        except KubeError as error:
            await self._back_off(error)
        except Exception as error:
            # Whatever it is: a reflector that died would look healthy.
            log.exception("The reflector of %s met an error of its own", self.name)
            self._version = ""
            await self._back_off(KubeError(f"The reflector of {self.name} failed: {type(error).__name__}."))

    async def _turn(self) -> None:
        """List where that is needed, then watch until the watch ends."""
        if not self._version:
            await self._list()
        begun, told = self._clock(), False
        watch = self._client.watch(
            self._resource,
            namespace=self._namespace,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
            resource_version=self._version,
            timeout_seconds=int(self._jitter(*WATCH_SECONDS)),
            on_open=self._connected,
        )
        async with aclosing(watch) as events:
            async for kind, changed in events:
                told = True
                self._failures = 0
                self._version = changed["metadata"]["resourceVersion"]
                if kind != "BOOKMARK":
                    self._tell(self._cache.event(kind, changed))
        if not told and self._clock() - begun < SHORTEST_GOOD_WATCH_SECONDS:
            raise Unavailable(f"The watch of {self.name} ended as soon as it began.")
        self._failures = 0

    async def _list(self) -> None:
        items, version = await self._client.list(
            self._resource,
            namespace=self._namespace,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
        )
        changes = self._cache.replace(items)
        self._version = version
        self._listed = True
        self.stopped_because = None
        self._tell(changes)
        self._settled.set()

    def _tell(self, changes: list[Change]) -> None:
        for change in changes:
            self._tell_one(change)

    def _tell_one(self, change: Change) -> None:
        if self._on_change is None:
            return
        try:
            self._on_change(change.kind, change.old, change.new)
        except Exception:  # a listener's fault is the listener's: the next change is told all the same
            log.exception("A listener to %s failed at %s", self.name, change.kind)

    def _shrunk(self, item: Object) -> Object:
        """An object as it is kept; one that cannot be shrunk is kept whole, so that none is missing."""
        if self._transform is None:
            return item
        try:
            return self._transform(item)
        except Exception:  # `transform` is the caller's, and one strange object must not end the watch
            log.exception("One of %s could not be made smaller", self.name)
            return item

    def _connected(self) -> None:
        if self.last_error is not None:
            log.info("The watch of %s stands again", self.name)
        self.stopped_because = None
        self._settled.set()
        self.stale_since = None
        self.last_error = None

    def _lost(self) -> None:
        if self.stale_since is None:
            self.stale_since = self._clock()

    def _halt(self, error: Forbidden) -> None:
        self._lost()
        self._halted = True
        verb = "watch" if self._version else "list"
        known, self.stopped_because = self.stopped_because, f"{verb} {self._resource.plural} {self._place()}"
        self.last_error = error
        level = logging.DEBUG if known == self.stopped_because else logging.WARNING
        log.log(level, "The reflector of %s stopped: the account may not %s", self.name, self.stopped_because)
        self._settled.set()

    async def _back_off(self, error: KubeError) -> None:
        self._lost()
        first = self.last_error is None
        self.last_error = error
        longest = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0 ** min(self._failures, 10))
        delay = self._jitter(longest / 2, longest)
        if error.retry_after is not None:
            delay = min(max(delay, error.retry_after), LONGEST_DELAY_SECONDS)
        self._failures += 1
        level = logging.WARNING if first else logging.DEBUG
        log.log(level, "The watch of %s is interrupted, trying again in %.1f s: %s", self.name, delay, error)
        await self._sleep(delay)

    def _place(self) -> str:
        if not self._resource.namespaced:
            return "of the cluster"
        return "in all namespaces" if self._namespace is None else f"in namespace {self._namespace}"
