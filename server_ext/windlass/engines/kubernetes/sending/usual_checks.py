"""What is checked of every job before it is sent, where whoever makes the engine does not say otherwise."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from windlass.contract.cluster import ClusterOffers
from windlass.contract.hub import ClusterCapacity
from windlass.contract.preview import Finding
from windlass.engines.kubernetes.cluster.offers import offers
from windlass.engines.kubernetes.preflight.check import DEADLINE_SECONDS, preflight
from windlass.engines.kubernetes.sending.planning import Check, Checked
from windlass.errors import WindlassError
from windlass.kube.errors import KubeError

OFFERS_SECONDS = 2.0
LEAST_SECONDS = 1.0
"""For preflight's own questions, however slow the cluster was before."""


async def in_the_way(checked: Checked) -> list[Finding]:
    """All questions of preflight, with what the cluster offers where that can be known in time.

    Whoever waits for it waits for both together: preflight has what is left of the time.
    """
    begun = time.monotonic()
    offered, capacity = await asyncio.gather(_offers(checked), _capacity(checked))
    return await preflight(
        checked.planned.job,
        objects=checked.planned.objects,
        facts=checked.facts,
        offers=offered,
        client=checked.client,
        namespace=checked.planned.job.namespace,
        capacity=capacity,
        environ=checked.environ,
        deadline_seconds=max(LEAST_SECONDS, DEADLINE_SECONDS - (time.monotonic() - begun)),
    )


USUAL_CHECKS: tuple[Check, ...] = (in_the_way,)


async def _offers(checked: Checked) -> ClusterOffers | None:
    asked = offers(
        checked.client,
        namespace=checked.planned.job.namespace,
        server=checked.server,
        facts=checked.facts,
        broker=checked.broker,
        environ=checked.environ,
    )
    with suppress(KubeError, WindlassError, asyncio.TimeoutError):
        return await asyncio.wait_for(asked, OFFERS_SECONDS)
    return None


async def _capacity(checked: Checked) -> ClusterCapacity | None:
    if checked.broker is None:
        return None
    with suppress(WindlassError, asyncio.TimeoutError):
        return await asyncio.wait_for(checked.broker.capacity(), OFFERS_SECONDS)
    return None
