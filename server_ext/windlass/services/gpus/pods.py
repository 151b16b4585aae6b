"""Pods of live jobs as a source, where a Prometheus was configured that may show more than these.

A namespace is asked for as a whole, in one query; what is in it beside jobs of this server's users is left out here.
On a hub the service does that, where nobody can change it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

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
        self._prometheus = PrometheusSource(url=url, pods=self._namespaces)

    @property
    def interval_seconds(self) -> float:
        """How often it is worth asking."""
        return self._prometheus.interval_seconds

    async def look(self) -> Look:
        """The devices of those pods now."""
        held = await self._held()
        if not held:
            return Look(at=time.time())
        look = await self._prometheus.look()
        return replace(
            look,
            devices=tuple(device for device in look.devices if device.pod in held),
            pods=tuple(use for use in look.pods if use.pod in held),
        )

    async def history(self, *, start: float, end: float, step: float) -> Sequence[DeviceSeries]:
        """What they did from `start` to `end`, in POSIX seconds."""
        held = await self._held()
        lines = await self._prometheus.history(start=start, end=end, step=step) if held else ()
        return [line for line in lines if line.pod in held]

    async def close(self) -> None:
        """Give back the connections."""
        await self._prometheus.close()

    async def _held(self) -> dict[str, HeldPod]:
        try:
            return (await self._holdings.of(None)).pods
        except WindlassError:  # the ledger is not open yet, or locked
            return {}

    async def _namespaces(self) -> list[Pods]:
        return [
            Pods(namespace=namespace) for namespace in sorted({pod.namespace for pod in (await self._held()).values()})
        ]
