"""Who runs what now, since when and for how much: from what the hub says of its active users. Pure, but for the asking.

A server's price is the one it was started with; where that is not known it stays unknown, and totals say how many
servers they leave out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from windlass_hub.chosen import Kept
from windlass_hub.service.hub_api import HubApi

KEPT_SECONDS = 5.0


class Running:
    """The active servers, asked of the hub at most every few seconds however many look."""

    def __init__(self, hub: HubApi, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub
        self._clock = clock
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._users: list[dict[str, Any]] = []

    async def users(self) -> list[dict[str, Any]]:
        """Users with a server that runs or starts. Raises ServiceError."""
        async with self._asking:
            if self._clock() - self._asked_at > KEPT_SECONDS:
                self._users = [user async for user in self._hub.users(state="active")]
                self._asked_at = self._clock()
            return self._users


def listed(users: list[dict[str, Any]], *, now: datetime, costs: bool) -> dict[str, Any]:
    """Servers, the dearest first, and their totals; without `costs` no money is in it."""
    servers = [server for user in users for server in _servers_of(user, now)]
    servers.sort(key=lambda server: (-(server["usd_per_hour"] or 0), server["user"], server["name"]))
    known = [server["usd_per_hour"] for server in servers if server["usd_per_hour"] is not None]
    so_far = [server["usd_so_far"] for server in servers if server["usd_so_far"] is not None]
    totals: dict[str, Any] = {
        "servers": len(servers),
        "gpu_cards": round(sum(server["gpu"]["cards"] for server in servers if server["gpu"]), 3),
        "usd_per_hour": round(sum(known), 4) if known or not servers else None,
        "usd_so_far": round(sum(so_far), 4) if so_far or not servers else None,
        "unknown_prices": len(servers) - len(known),
    }
    if not costs:
        for row in (*servers, totals):
            row["usd_per_hour"] = row["usd_so_far"] = None
    return {"servers": servers, "totals": totals, "currency": "USD", "costs": costs, "at": now.isoformat()}


def _servers_of(user: Mapping[str, Any], now: datetime) -> Iterator[dict[str, Any]]:
    for name, server in (user.get("servers") or {}).items():
        if server.get("stopped") or not (server.get("ready") or server.get("pending")):
            continue
        chosen = Kept.from_state(server.get("state") or {}).chosen
        options = server.get("user_options") or {}
        asked = options.get("profile") if isinstance(options, Mapping) else None
        began = chosen.started_at if chosen else _time(server.get("started"))
        hours = max(0.0, (now - began).total_seconds() / 3600) if began else None
        price = chosen.usd_per_hour if chosen else None
        yield {
            "user": str(user.get("name", "")),
            "name": str(name),
            "display_name": str(server.get("display_name") or ""),
            "profile": chosen.profile if chosen else (str(asked) if asked else None),
            "profile_name": chosen.display_name if chosen else None,
            "image": chosen.image if chosen else None,
            "gpu": chosen.gpu.model_dump() if chosen and chosen.gpu else None,
            "state": "ready" if server.get("ready") else str(server.get("pending")),
            "started_at": began.isoformat() if began else None,
            "last_activity": server.get("last_activity"),
            "hours": round(hours, 4) if hours is not None else None,
            "usd_per_hour": price,
            "usd_so_far": round(price * hours, 4) if price is not None and hours is not None else None,
        }


def _time(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)
