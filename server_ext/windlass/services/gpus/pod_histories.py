"""What a Prometheus knows of a job's pods, also of those that are gone: by the hub where there is one, else directly.

Only these pods are asked for, or kept of what a hub answers. Asked again within a while the answer is the same.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from windlass.hub.broker import HubBroker
from windlass.metrics.prometheus.queries import Pods
from windlass.metrics.prometheus.source import BrokerSource, DcgmSource, PrometheusSource
from windlass.metrics.reading import Condition, DeviceSeries

KEPT_SECONDS = 15.0
KEPT_ENDED_SECONDS = 600.0
_MOST_KEPT = 16
_MOST_READINGS = 2000


@dataclass(frozen=True, kw_only=True)
class PodHistory:
    """Readings of devices of some pods, or why there are none."""

    series: Sequence[DeviceSeries] = ()
    conditions: Sequence[Condition] = ()


class PodHistories:
    """Asks the hub, else the Prometheus at `url`; with neither nothing is known."""

    def __init__(
        self, *, url: str | None = None, broker: HubBroker | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = url
        self._broker = broker
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, PodHistory]] = OrderedDict()

    @property
    def is_configured(self) -> bool:
        """Whether there is anybody to ask."""
        return self._broker is not None or bool(self._url)

    async def of(
        self, job_id: str, *, namespace: str, pods: Collection[str], start: float, end: float, live: bool
    ) -> PodHistory:
        """What a job's pods did between two moments (POSIX seconds). Raises nothing."""
        until, known = self._kept.get(job_id, (0.0, PodHistory()))
        if self._clock() < until:
            return known
        found = await self._ask(namespace, frozenset(pods), start, end)
        kept_seconds = KEPT_SECONDS if live or not found.series else KEPT_ENDED_SECONDS
        self._kept[job_id] = (self._clock() + kept_seconds, found)
        self._kept.move_to_end(job_id)
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return found

    async def _ask(self, namespace: str, pods: Collection[str], start: float, end: float) -> PodHistory:
        source = self._source(namespace, pods)
        if source is None:
            return PodHistory()
        try:
            step = max(source.interval_seconds, (end - start) / _MOST_READINGS)
            lines = await source.history(start=start, end=end, step=step)
            mine = [line for line in lines if line.pod in pods]
            # A history that is empty does not say why; a look does.
            return PodHistory(series=mine, conditions=() if mine else (await source.look()).conditions)
        finally:
            await source.close()

    def _source(self, namespace: str, pods: Collection[str]) -> DcgmSource | None:
        if self._broker is not None:
            return BrokerSource(broker=self._broker)
        if not self._url:
            return None

        async def wanted() -> Sequence[Pods]:
            return [Pods(namespace=namespace, pod=pod) for pod in sorted(pods)]

        return PrometheusSource(url=self._url, pods=wanted)
