"""The preflight as the engine calls it: with what the cluster offers, which several previews in a row share."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from windlass.contract.cluster import ClusterOffers
from windlass.contract.hub import ClusterCapacity
from windlass.contract.preview import Finding
from windlass.engines.kubernetes.offers import offers
from windlass.engines.kubernetes.planning import Checked
from windlass.engines.kubernetes.preflight.check import preflight
from windlass.errors import WindlassError
from windlass.kube.errors import KubeError

T = TypeVar("T")

REMEMBERED_SECONDS = 20.0
OFFERS_SECONDS = 2.0


class Preflight:
    """A `planning.Check`. What the cluster offers is at most `REMEMBERED_SECONDS` old."""

    def __init__(self, *, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._known: tuple[float, str, ClusterOffers | None, ClusterCapacity | None] | None = None

    async def __call__(self, checked: Checked, /) -> Sequence[Finding]:
        """Everything that is found. Raises nothing for what could not be asked."""
        job = checked.planned.job
        offered, capacity = await self._looked(checked, job.namespace)
        return await preflight(
            job,
            objects=checked.planned.objects,
            facts=checked.facts,
            offers=offered,
            client=checked.client,
            namespace=job.namespace,
            capacity=capacity,
            environ=self._environ,
        )

    async def _looked(self, checked: Checked, namespace: str) -> tuple[ClusterOffers | None, ClusterCapacity | None]:
        known = self._known
        if known is not None and known[1] == namespace and time.monotonic() - known[0] < REMEMBERED_SECONDS:
            return known[2], known[3]
        asked = offers(
            checked.client,
            namespace=namespace,
            server="",
            facts=checked.facts,
            broker=checked.broker,
            environ=self._environ,
        )
        seen = checked.broker.capacity() if checked.broker is not None else _nothing()
        offered, capacity = await asyncio.gather(_in_time(asked), _in_time(seen))
        if offered is not None:
            self._known = (time.monotonic(), namespace, offered, capacity)
        return offered, capacity


async def _in_time(asked: Awaitable[T]) -> T | None:
    with suppress(KubeError, WindlassError, asyncio.TimeoutError):
        return await asyncio.wait_for(asked, OFFERS_SECONDS)
    return None


async def _nothing() -> None:
    return None
