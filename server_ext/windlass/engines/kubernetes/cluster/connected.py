"""The cluster behind the engine: found when it is first needed, kept, and looked for again when it was not there.

A server starts without asking a cluster for anything, and one without any way to a cluster never loads a client. What
stands in the way is kept as a sentence (`trouble`), for whoever asks whether jobs can be sent.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from windlass.engines.kubernetes.cluster.settings import ClusterSettings
from windlass.engines.kubernetes.cluster.ways import NO_WAY, ways
from windlass.errors import Unavailable, WindlassError
from windlass.hub.broker import HubBroker

if TYPE_CHECKING:
    from windlass.engines.kubernetes.cluster.connecting import Connection
    from windlass.engines.kubernetes.model import ClusterFacts
    from windlass.engines.kubernetes.observing.watching import JobWatch
    from windlass.kube.client import KubeClient

NOT_YET = "The cluster has not answered yet; try again in a moment."
NO_CLIENT = (
    "The Kubernetes client is not installed: run `pip install 'windlass[kubernetes]'` and start the server again."
)
FACTS_SECONDS = 300.0
LACKING_SECONDS = 30.0
"""What could not be read, or was refused, is asked for again after that: an administrator's help shows soon."""
LIST_SECONDS = 30.0
SILENT_SECONDS = 30.0
"""A watch that broke stands again before that, where the cluster answers."""
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
PATIENCE_SECONDS = 8.0
"""How long somebody who asks waits for a connection that is being made."""

_log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Opened:
    """A cluster that answers."""

    connection: Connection
    namespace: str
    facts: ClusterFacts
    facts_at: float
    watch: JobWatch

    @property
    def silent_since(self) -> float | None:
        """Since when (POSIX seconds) it has told nothing, where that is long enough to be worth a word."""
        since = self.watch.stale_since
        seconds = 0.0 if since is None else time.monotonic() - since
        return time.time() - seconds if seconds > SILENT_SECONDS else None

    @property
    def home(self) -> tuple[str, str]:
        """Which cluster, by its address, and which namespace of it."""
        return self.connection.server, self.namespace

    @property
    def client(self) -> KubeClient:
        """For requests; closed with the engine."""
        return self.connection.client


class ClusterAccess:
    """Opens the cluster once. `on_open` is awaited when it has been: the watch has listed what there is by then."""

    def __init__(
        self,
        *,
        settings: ClusterSettings,
        on_open: Callable[[Opened], Awaitable[None]],
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._settings = settings
        self._on_open = on_open
        self.environ = environ
        """What leads to the cluster."""
        self._broker: HubBroker | None = None
        self._opened: Opened | None = None
        self._opening: asyncio.Task[None] | None = None
        self._settled = asyncio.Event()
        """It is open, or the first attempt has failed."""
        self._refreshing = asyncio.Lock()
        self._closed = False
        self.trouble: str | None = None
        """Why it is not open, when an attempt has failed."""

    @property
    def broker(self) -> HubBroker | None:
        """The hub's, where there is a hub."""
        if self._broker is None:
            self._broker = HubBroker.from_environment(self.environ)
        return self._broker

    @property
    def opened(self) -> Opened | None:
        """The cluster, if it is open."""
        return self._opened

    def obstacle(self) -> str | None:
        """Why there can be no cluster as things are; looks at files alone."""
        if not ways(broker=self.broker, environ=self.environ):
            return NO_WAY
        return None if importlib.util.find_spec("aiohttp") is not None else NO_CLIENT

    def begin(self) -> None:
        """Open it in the background, and try again until that goes; does nothing while one is at it."""
        if not self._closed and self._opened is None and (self._opening is None or self._opening.done()):
            self._settled.clear()
            self._opening = asyncio.create_task(self._keep_trying(), name="windlass-open-cluster")

    async def settled(self, seconds: float) -> bool:
        """Whether it is open, or is known not to be, within so long."""
        waiting = asyncio.create_task(self._settled.wait())
        try:
            await asyncio.wait({waiting}, timeout=seconds)
        finally:
            waiting.cancel()
        return self._settled.is_set()

    async def get(self) -> Opened:
        """The cluster, opened where that was not done yet. Raises Unavailable with what stands in the way."""
        if self._opened is not None:
            return self._opened
        obstacle = await asyncio.to_thread(self.obstacle)
        if obstacle is not None:
            raise Unavailable(obstacle)
        self.begin()
        await self.settled(PATIENCE_SECONDS)
        opened = self.opened
        if opened is None:
            raise Unavailable(self.trouble or NOT_YET)
        return opened

    async def facts(self) -> ClusterFacts:
        """What the cluster serves, at most some minutes old; older while it does not answer. Raises Unavailable.

        With it whatever this account was refused to watch is asked for again.
        """
        from windlass.engines.kubernetes.cluster.discovery import discover
        from windlass.kube.errors import KubeError

        opened = await self.get()
        async with self._refreshing:
            lacking = bool(opened.facts.problems or opened.watch.forbidden)
            if time.monotonic() - opened.facts_at > (LACKING_SECONDS if lacking else FACTS_SECONDS):
                try:
                    opened.facts = await discover(opened.client, namespace=opened.namespace)
                    opened.watch.follow(opened.facts)
                except KubeError as error:
                    _log.info("What the cluster serves could not be read anew: %s", error)
                opened.facts_at = time.monotonic()
        return opened.facts

    async def close(self) -> None:
        """End the watch and every connection."""
        self._closed = True
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait({self._opening})
        if self._opened is not None:
            await self._opened.watch.stop()
            await self._opened.client.close()
        if self._broker is not None:
            await self._broker.close()

    async def _keep_trying(self) -> None:
        pause, told = FIRST_PAUSE_SECONDS, ""
        while True:
            try:
                self._opened = await self._open()
            except (WindlassError, OSError) as error:
                self.trouble = str(error)
                self._settled.set()
                # Once per reason: a laptop away from its cluster must not fill its log.
                _log.log(logging.DEBUG if told == self.trouble else logging.WARNING, "No cluster: %s", self.trouble)
                told = self.trouble
            else:
                self.trouble = None
                self._settled.set()
                return
            await asyncio.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311 - jitter
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _open(self) -> Opened:
        """Raises Unavailable and Forbidden, and leaves nothing open then."""
        from windlass.engines.kubernetes.cluster.connecting import connect
        from windlass.engines.kubernetes.cluster.discovery import discover
        from windlass.engines.kubernetes.observing.watching import JobWatch
        from windlass.engines.kubernetes.refusals import refusal
        from windlass.kube.errors import KubeError

        connection = await connect(broker=self.broker, environ=self.environ, context=self._settings.context)
        namespace = self._settings.namespace or connection.namespace
        watch: JobWatch | None = None
        try:
            facts = await discover(connection.client, namespace=namespace)
            watch = JobWatch(connection.client, namespace=namespace, facts=facts)
            watch.start()
            await watch.ready(LIST_SECONDS)
            opened = Opened(
                connection=connection, namespace=namespace, facts=facts, facts_at=time.monotonic(), watch=watch
            )
            await self._on_open(opened)
        except BaseException as error:
            if watch is not None:
                await watch.stop()
            await connection.client.close()
            if isinstance(error, KubeError):
                raise refusal(error, doing="show its jobs") from error
            raise
        _log.info("Jobs go to namespace %s of the cluster at %s.", namespace, connection.server)
        return opened
