"""Pods of live jobs as a source, where a Prometheus was configured that may show more than these.

All of them are asked for in one query, by name: what else runs in their namespaces is none of this server's business.
On a hub the service sees to that, where nobody can change it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from windlass.errors import WindlassError
from windlass.metrics.prometheus.queries import Pods
from windlass.metrics.prometheus.source import PrometheusSource
from windlass.metrics.reading import DeviceSeries, Look, SourceName
from windlass.services.gpus.holdings import HeldPod, JobHoldings


class JobPodsSource:
    """Asks Prometheus about the pods of live jobs; about nothing while there are none."""

    name: SourceName = "dcgm"

    def __init__(self, *, url: str, holdings: JobHoldings) -> None:
        self._holdings = holdings
        self._prometheus = PrometheusSource(url=url, pods=self._pods)

    @property
    def interval_seconds(self) -> float:
        """How often it is worth asking."""
        return self._prometheus.interval_seconds

    async def look(self) -> Look:
        """The devices of those pods now."""
        return await self._prometheus.look() if await self._held() else Look(at=time.time())

    async def history(self, *, start: float, end: float, step: float) -> Sequence[DeviceSeries]:
        """What they did from `start` to `end`, in POSIX seconds."""
        return await self._prometheus.history(start=start, end=end, step=step) if await self._held() else []

    async def close(self) -> None:
        """Give back the connections."""
        await self._prometheus.close()

    async def _held(self) -> dict[str, HeldPod]:
        try:
            return (await self._holdings.of(None)).pods
        except WindlassError:  # the ledger is not open yet, or locked
            return {}

    async def _pods(self) -> list[Pods]:
        held = sorted((await self._held()).items())
        return [Pods(namespace=its.namespace, pod=name) for name, its in held if its.namespace]
