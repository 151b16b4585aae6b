"""Pods' devices as a source: asked of Prometheus itself, or of the hub, which lets a user see only their own.

It never raises: what is wrong is a condition, with what to do. It knows no jobs and keeps nothing but which nodes share
their devices.
"""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from windlass.contract.hub import Metrics
from windlass.errors import Forbidden, Unavailable, WindlassError
from windlass.hub.broker import HubBroker
from windlass.metrics.prometheus.client import Prometheus, Refused
from windlass.metrics.prometheus.devices import conditions, devices, histories, pod_uses
from windlass.metrics.prometheus.fields import SAMPLED_AT
from windlass.metrics.prometheus.figures import STALE_SECONDS
from windlass.metrics.prometheus.queries import Pods
from windlass.metrics.prometheus.spans import Span
from windlass.metrics.reading import Condition, ConditionCode, DeviceSeries, Look, PodUse

NOW = (
    SAMPLED_AT,
    "gpu_engine_active",
    "gpu_utilization",
    "gpu_memory_used",
    "gpu_memory_free",
    "gpu_memory_reserved",
    "gpu_power",
    "gpu_temperature",
    "gpu_sm_clock",
    "gpu_memory_bandwidth_active",
    "gpu_tensor_active",
    "gpu_pcie_sent",
    "gpu_pcie_received",
    "gpu_xid",
)
"""What is asked of devices for one look."""
THEN = (*(name for name in NOW if name not in ("gpu_xid", "gpu_sm_clock")), "gpu_energy")
"""What is asked of devices for a history."""
OF_PODS = ("cpu_cores", "memory_used")
SHARED_NODES = (
    'group by (node) (kube_node_labels{label_nvidia_com_gpu_sharing_strategy=~"time-slicing|mps"})'
    ' or group by (node) (kube_node_status_allocatable{resource=~"nvidia_com_.+_shared"} > 0)'
)
"""What kube-state-metrics says of nodes that share their devices."""
_REMEMBERED_SECONDS = 300.0


class DcgmSource(ABC):
    """The DCGM exporter's figures, by whatever way they are asked for.

    Args:
        stale_seconds: figures that were read longer ago are not shown.
        clock: POSIX seconds, for tests.
    """

    name: Literal["dcgm"] = "dcgm"
    interval_seconds = 15.0
    """Exporters are scraped no more often."""

    def __init__(self, *, stale_seconds: float = STALE_SECONDS, clock: Callable[[], float] = time.time) -> None:
        self._stale_seconds = stale_seconds
        self._clock = clock
        self._shared: tuple[float, frozenset[str]] = (0.0, frozenset())
        self.has_place = True
        """Whether there is a Prometheus to ask, as far as that was found out."""

    async def look(self) -> Look:
        """The devices of the pods and the pods' CPU and memory, now."""
        now = self._clock()
        try:
            metrics = await self._ask((*NOW, *OF_PODS, "gpu_requested"), Span(start=now, end=now, step=None))
        except WindlassError as error:
            self.has_place = not isinstance(error, NoPlace)
            return Look(at=now, conditions=(_condition(error),))
        self.has_place = True
        found = devices(metrics, shared_nodes=await self._shared_nodes(), stale_seconds=self._stale_seconds)
        return Look(
            at=now,
            devices=tuple(found),
            pods=tuple(pod_uses(metrics)),
            conditions=tuple(conditions(metrics, found)),
        )

    async def history(self, *, start: float, end: float, step: float) -> Sequence[DeviceSeries]:
        """Each reading is the mean over its step; empty where Prometheus cannot say: `look` says why."""
        metrics = await self._span(THEN, start=start, end=end, step=step)
        if metrics is None:
            return []
        return histories(metrics, shared_nodes=await self._shared_nodes(), stale_seconds=self._stale_seconds)

    async def pod_history(self, *, start: float, end: float, step: float) -> Sequence[PodUse]:
        """CPU and memory of the pods over time, by pod and moment; empty where Prometheus cannot say."""
        metrics = await self._span(OF_PODS, start=start, end=end, step=step)
        return [] if metrics is None else pod_uses(metrics)

    @abstractmethod
    async def close(self) -> None:
        """Let go of what it holds; it may not be asked again."""

    @abstractmethod
    async def _ask(self, names: Sequence[str], span: Span) -> Metrics:
        """The figures of all pods. Raises WindlassError."""

    @abstractmethod
    async def _ask_shared_nodes(self) -> set[str]:
        """The nodes that are known to share their devices. Raises WindlassError."""

    async def _span(self, names: Sequence[str], *, start: float, end: float, step: float) -> Metrics | None:
        span = Span.within(start=start, end=end, step=step, now=self._clock())
        try:
            return None if span is None else await self._ask(names, span)
        except WindlassError:
            return None

    async def _shared_nodes(self) -> frozenset[str]:
        at, known = self._shared
        if at and self._clock() - at < _REMEMBERED_SECONDS:
            return known
        with contextlib.suppress(WindlassError):  # The nodes of before are still the best that is known.
            known = frozenset(await self._ask_shared_nodes())
        self._shared = (self._clock(), known)
        return known


class PrometheusSource(DcgmSource):
    """Asks Prometheus itself: for whoever may see all of it.

    Args:
        url: as `c.WindlassApp.prometheus_url` has it.
        pods: whose pods to show; asked each time.
    """

    def __init__(
        self,
        *,
        url: str,
        pods: Callable[[], Awaitable[Sequence[Pods]]],
        stale_seconds: float = STALE_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(stale_seconds=stale_seconds, clock=clock)
        self._prometheus = Prometheus(url)
        self._pods = pods

    async def close(self) -> None:
        """Give back the connections."""
        await self._prometheus.close()

    async def _ask(self, names: Sequence[str], span: Span) -> Metrics:
        pods = await self._pods()
        if not pods:
            raise NoPlace("It is not known in which namespace your pods run: jobs on Kubernetes need a namespace.")
        return await self._prometheus.metrics(names, pods=pods, span=span)

    async def _ask_shared_nodes(self) -> set[str]:
        return await self._prometheus.nodes(SHARED_NODES)


class BrokerSource(DcgmSource):
    """Asks the hub in the name of this server's user.

    Args:
        broker: of this server; the caller closes it.
    """

    def __init__(
        self, *, broker: HubBroker, stale_seconds: float = STALE_SECONDS, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(stale_seconds=stale_seconds, clock=clock)
        self._broker = broker
        self._offered = False

    async def close(self) -> None:
        """Nothing is held: the broker is the caller's."""

    async def _ask(self, names: Sequence[str], span: Span) -> Metrics:
        if not self._offered and "metrics" not in (await self._broker.me()).features:
            raise NoPlace("This hub has no Prometheus: ask its admins to set prometheus_url.")
        self._offered = True
        start = None if span.step is None else span.start
        return await self._broker.metrics(names, start=start, end=span.end, step_seconds=span.step)

    async def _ask_shared_nodes(self) -> set[str]:
        nodes = (await self._broker.capacity()).nodes
        return {
            node.name
            for node in nodes
            # GPU feature discovery writes it so where the resource keeps its name; else the resource tells.
            if (node.gpu_product or "").casefold().endswith("-shared") or any(".shared" in gpu for gpu in node.gpus)
        }


class NoPlace(Unavailable):
    """There is nothing to ask, or nothing to ask for."""


def _condition(error: WindlassError) -> Condition:
    code: ConditionCode = "failed"
    if isinstance(error, NoPlace):
        code = "not-configured"
    elif isinstance(error, (Refused, Forbidden)):
        code = "no-permission"
    elif isinstance(error, Unavailable):
        code = "away"
    return Condition(source="dcgm", code=code, message=str(error))
