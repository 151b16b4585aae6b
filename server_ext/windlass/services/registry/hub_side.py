"""Whether something is the hub's business: asked of its service, and remembered for a minute."""

from __future__ import annotations

import time

from windlass.hub.broker import HubBroker

_ASKED_AGAIN_SECONDS = 60.0


class HubSide:
    """What of the registry a hub does.

    Args:
        broker: None without a hub, or on one without Windlass.
    """

    def __init__(self, broker: HubBroker | None) -> None:
        self._broker = broker
        self._features: tuple[frozenset[str], float] | None = None

    async def doing(self, feature: str) -> HubBroker | None:
        """The hub, if it does this (a feature of `contract.hub.Me`). Raises Unavailable while it cannot be asked."""
        if self._broker is None:
            return None
        now = time.monotonic()
        if self._features is None or now - self._features[1] > _ASKED_AGAIN_SECONDS:
            self._features = (frozenset((await self._broker.me()).features), now)
        return self._broker if feature in self._features[0] else None
