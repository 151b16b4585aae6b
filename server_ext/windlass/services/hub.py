"""What this server knows of its hub, for `info` and `windlass doctor`: asked now and then, never waited for long."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping

from windlass.contract.hub import Me
from windlass.contract.info import Check, HubInfo
from windlass.errors import WindlassError
from windlass.hub.broker import HubBroker
from windlass.services.cluster_rights import rights_checks

KNOWN_SECONDS = 60.0
FAILURE_KNOWN_SECONDS = 10.0
PATIENCE_SECONDS = 2.0
"""How long `info` waits for the hub; the panel must not."""


class HubFacts:
    """The hub as this server sees it.

    Args:
        broker: None without a hub, or on one without Windlass.
        environment: where the hub wrote which profile this server was started with, and its price.
        clock: monotonic seconds, for tests.
    """

    def __init__(
        self,
        *,
        broker: HubBroker | None,
        environment: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._broker = broker
        self._profile = environment.get("WINDLASS_PROFILE") or None
        self._usd_per_hour = _price(environment.get("WINDLASS_USD_PER_HOUR"))
        self._clock = clock
        self._me: Me | None = None
        self._problem: str | None = None
        self._asked_at = -math.inf
        self._asking: asyncio.Task[None] | None = None

    async def info(self) -> HubInfo | None:
        """Who the user is to the hub and what this server costs; None without a hub."""
        if self._broker is None:
            return None
        await self._refresh(self._broker)
        me = self._me
        return HubInfo(
            user=me.name if me else None,
            groups=me.groups if me else None,
            jobs_namespace=me.jobs_namespace if me else None,
            profile=self._profile,
            usd_per_hour=self._usd_per_hour,
            message=self._problem,
        )

    async def checks(self, *, on_hub: bool) -> list[Check]:
        """The lines of `windlass doctor`."""
        if self._broker is None:
            return [_without_windlass()] if on_hub else []
        try:
            me = await self._broker.me()
        except WindlassError as error:
            return [Check(name="hub", ok=False, message=str(error), fix=str(error))]
        if me.jobs_namespace is None or "token" not in me.features:
            return _lines(me)
        return [*_lines(me), *await _rights(self._broker, me.jobs_namespace)]

    async def close(self) -> None:
        """Let go of the connections."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        if self._broker is not None:
            await self._broker.close()

    async def _refresh(self, broker: HubBroker) -> None:
        known_for = KNOWN_SECONDS if self._problem is None else FAILURE_KNOWN_SECONDS
        if self._asking is None and self._clock() - self._asked_at >= known_for:
            self._asking = asyncio.create_task(self._ask(broker), name="windlass-hub-me")
        if self._asking is not None:
            _, waiting = await asyncio.wait({self._asking}, timeout=PATIENCE_SECONDS)
            if waiting and self._me is None:
                self._problem = "The hub service has not answered yet."

    async def _ask(self, broker: HubBroker) -> None:
        try:
            self._me = await broker.me()
            self._problem = None
        except WindlassError as error:
            self._problem = str(error)
        finally:
            self._asked_at = self._clock()
            self._asking = None


async def _rights(broker: HubBroker, namespace: str) -> list[Check]:
    """What the account that the hub gives us may do in its namespace; this also tries a token."""
    try:
        from windlass.hub.credentials import BrokerCredentials
        from windlass.kube.client import KubeClient
        from windlass.kube.rights import Report, examine
    except ImportError:
        fix = "Install it in the server's environment: `pip install 'windlass[kubernetes]'`."
        return [Check(name="cluster rights", ok=None, message="the Kubernetes client is not installed", fix=fix)]
    client = KubeClient(BrokerCredentials(broker))

    async def look() -> Report:
        return await examine(client, namespace)

    try:
        return await rights_checks(look)
    finally:
        await client.close()


def _lines(me: Me) -> list[Check]:
    versions = ", ".join(
        f"{what} {version}"
        for what, version in (("Windlass", me.service_version), ("JupyterHub", me.hub_version))
        if version
    )
    groups = f"{me.name}, in {', '.join(me.groups)}" if me.groups else f"{me.name}, in no group"
    lines = [
        Check(name="hub", ok=True, message=f"reachable: {versions}" if versions else "reachable"),
        Check(name="hub groups", ok=True, message=groups),
    ]
    if me.jobs_namespace is None:
        fix = "Use the local engine, or ask the hub's admins for them."
        message = "this hub makes no namespaces for jobs"
        return [*lines, Check(name="hub namespace", ok=None, message=message, fix=fix)]
    if "token" not in me.features:
        fix = "Tell the hub's admins: the hub service has no Kubernetes cluster to ask."
        message = f"{me.jobs_namespace}, and the hub service cannot give tokens for it"
        return [*lines, Check(name="hub namespace", ok=False, message=message, fix=fix)]
    return [*lines, Check(name="hub namespace", ok=True, message=f"jobs go to {me.jobs_namespace}")]


def _without_windlass() -> Check:
    return Check(
        name="hub",
        ok=None,
        message="a JupyterHub without Windlass's hub side: no prices, nodes or cluster tokens from it",
        fix="Jobs of the local engine work as they are. Ask the hub's admins for windlass[hub] if you miss the rest.",
    )


def _price(text: str | None) -> float | None:
    try:
        price = float(text or "nan")
    except ValueError:
        return None
    return price if math.isfinite(price) and price >= 0 else None
